"""Calibration for static quantization: samples of the data, and the ranges of activations.

An 8-bit activation has 256 steps to cover the range of its tensor. The range is the smallest and
the largest value that any sample causes there, as the TFLite converter does it (Jacob et al.,
2018). litert-quantizer by itself takes a moving average over the samples, which forgets most of
them: on a small MobileNetV2 that lost 1.8 points of accuracy (docs/decisions/0004).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from ai_edge_litert import interpreter as litert
from numpy.typing import ArrayLike, DTypeLike, NDArray

from tflconv.conversion.clipping import CalibrationMethod, ValueHistogram, ends
from tflconv.conversion.extremes import Ends, Extremes
from tflconv.core import quiet
from tflconv.core.files import sha256_bytes
from tflconv.core.jsonvalue import JsonValue
from tflconv.core.shortening import first_line
from tflconv.core.typing import Shape
from tflconv.data import CalibrationSet
from tflconv.errors import TflconvError, UsageError
from tflconv.model.normalization import Normalization
from tflconv.tflite import editing, packing

TensorRanges = dict[str, Ends]
"""Smallest and largest value by tensor name."""

FEW = 16
"""Number of samples that files are compared on."""

Answer = Mapping[str, NDArray[np.float32]]
"""Values ``[1, ...]`` of each output, by its name."""

LARGEST = 3e38
"""Values beyond it are not activations, but paddings with minus infinity."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """Samples as the model takes them.

    Attributes:
        name: What they are called in messages.
        digest: Hash of what they were made of.
        inputs: One float array ``[n, ...]`` per input of the model.
        seed: Seed by which they were drawn.
        limits: The smallest and the largest value that a pixel becomes. As the range of the input
            they make its integers the pixels themselves, so that normalization costs nothing.
        names: What ``inputs`` are called, if they have names.
        method: Which range an activation gets of the values that it has (``clipping``).
        on_sample: Is told how many samples were run through a model, of how many.

    Raises:
        UsageError: There are no samples, not equally many for each input, or not finite ones.
    """

    name: str
    digest: str
    inputs: tuple[NDArray[np.float32], ...]
    seed: int | None = None
    limits: tuple[float, float] | None = None
    names: tuple[str, ...] = ()
    method: CalibrationMethod = "min-max"
    on_sample: Callable[[int, int], object] = field(default=lambda _, __: None, repr=False)

    def __post_init__(self) -> None:
        counts = {len(values) for values in self.inputs}
        if len(counts) != 1 or 0 in counts:
            raise UsageError(
                f"calibration {self.name}: every input needs equally many samples, at least one."
                f" Received: {[len(values) for values in self.inputs]}."
            )
        for values in self.inputs:
            _check_finite(self.name, values)

    @classmethod
    def of_pictures(
        cls, pictures: CalibrationSet, normalization: Normalization, *, seed: int | None = None
    ) -> Calibration:
        """Make samples of ``pictures``, normalized as the model was trained."""
        values = normalization.apply(pictures.images)
        return cls(
            name=pictures.name,
            digest=pictures.digest,
            inputs=(values,),
            seed=seed,
            limits=normalization.limits,
        )

    @classmethod
    def of_values(cls, name: str, *inputs: ArrayLike, names: Sequence[str] = ()) -> Calibration:
        """Make samples of arrays ``[n, ...]`` that are normalized already, one per input.

        Args:
            name: What they are called in messages.
            inputs: The arrays.
            names: Names of the inputs that they are for; by default they are in order.

        Example:
            >>> Calibration.of_values("noise", np.zeros((8, 28, 28, 1))).to_json()["count"]
            8
        """
        values = tuple(np.asarray(array, dtype=np.float32) for array in inputs)
        digest = sha256_bytes(b"".join(array.tobytes() for array in values))
        return cls(name=name, digest=digest, inputs=values, names=tuple(names))

    def for_inputs(self, names: Sequence[str]) -> Calibration:
        """Return the samples in the order of the inputs called ``names``.

        Samples stay in their order where no name fits; one that is left is for the input that is.

        Raises:
            UsageError: Some of several names fit, and more than one does not.
        """
        by_name = dict(zip(self.names, self.inputs, strict=False))
        missing = [name for name in names if name not in by_name]
        others = [name for name in by_name if name not in names]
        if len(missing) == len(names) or (missing and len(others) != len(missing)):
            return self
        if len(missing) > 1:
            raise UsageError(
                f"calibration {self.name} has no samples called {', '.join(missing)}, as inputs of"
                f" the model are. Received: {', '.join(by_name)}.",
                hint="Name all arrays as the inputs, or give them in order and without names.",
            )
        by_name |= {name: by_name[other] for name, other in zip(missing, others, strict=False)}
        return replace(self, inputs=tuple(by_name[name] for name in names), names=tuple(names))

    def different(self, most: int) -> int:
        """Return how many different samples there are, counted up to ``most``."""
        digests = set[str]()
        for sample in zip(*self.inputs, strict=True):
            digests.add(sha256_bytes(b"".join(each.tobytes() for each in sample)))
            if len(digests) >= most:
                break
        return len(digests)

    def check_fits(self, shapes: Sequence[Shape]) -> None:
        """Check that samples have these shapes, without batch.

        Raises:
            UsageError: They have others.
        """
        received = [values.shape[1:] for values in self.inputs]
        if received != list(shapes):
            raise UsageError(
                f"calibration {self.name} does not fit the model: its inputs have the shapes"
                f" {[list(shape) for shape in shapes]}. Received:"
                f" {[list(shape) for shape in received]}.",
                hint="Give one array [n, ...] per input, called as the input or in order.",
            )

    def samples(self, dtypes: Sequence[DTypeLike]) -> Iterator[list[NDArray[np.number]]]:
        """Yield each sample as one array ``[1, ...]`` per input, of the types that inputs have.

        Raises:
            UsageError: An input takes integers, and its samples are others.
        """
        typed = [
            _as_type(self.name, values, np.dtype(dtype))
            for values, dtype in zip(self.inputs, dtypes, strict=True)
        ]
        for sample in zip(*typed, strict=True):
            yield [values[np.newaxis] for values in sample]

    @property
    def few(self) -> list[int]:
        """Places of the samples that files are compared on: ``FEW`` of them, evenly drawn."""
        count = len(self.inputs[0])
        places: list[int] = np.linspace(0, count - 1, min(FEW, count)).astype(int).tolist()
        return places

    def to_json(self) -> dict[str, JsonValue]:
        """Return what a card says about the calibration."""
        described: dict[str, JsonValue] = {
            "name": self.name,
            "digest": self.digest,
            "seed": self.seed,
            "count": len(self.inputs[0]),
        }
        return described if self.method == "min-max" else described | {"method": self.method}


def measure(
    model: bytes,
    calibration: Calibration,
    *,
    foresee: bool = False,
    kept: Mapping[str, list[NDArray[np.float32]]] = MappingProxyType({}),
) -> TensorRanges:
    """Return the range of every activation of a float model.

    Args:
        model: A float ``.tflite`` file.
        calibration: Samples to run it with.
        foresee: Whether a range that covers all values reaches further where other samples are
            likely to (``extremes``).
        kept: By name of an activation, what gets its values for the ``few`` of the samples.

    Raises:
        UsageError: The samples do not fit the inputs of the model.
    """
    seen: dict[str, Extremes] = {}
    few = frozenset(calibration.few)
    for place, activations in enumerate(observe(model, calibration)):
        for name, values in activations:
            seen.setdefault(name, Extremes(values.ndim, values.size)).add(*_ends(values))
            if name in kept and place in few:
                kept[name].append(values)
    ranges = {name: each.seen() for name, each in seen.items()}
    if calibration.method != "min-max":
        _clip(ranges, model, calibration)
    elif foresee:
        ranges = {name: each.foreseen() for name, each in seen.items()}
    if calibration.limits is not None:
        (picture,) = _float_inputs(model)
        if picture is not None:
            seen[picture].add(*calibration.limits)
            ranges[picture] = seen[picture].seen()
    return ranges


def measure_with_answers(
    model: bytes, calibration: Calibration
) -> tuple[TensorRanges, list[Answer] | None]:
    """Return what ``measure`` does, and all outputs for the ``few`` of the samples.

    Args:
        model: A float ``.tflite`` file.
        calibration: Samples to run it with.

    Returns:
        Ranges, and answers; None for these where an output is no activation of its own.
    """
    unpacked = packing.unpack(model)
    activations, names = editing.float_activations(unpacked), editing.output_names(unpacked)
    ends = [activations.get(int(index), "") for index in unpacked.subgraphs[0].outputs]
    kept = {end: list[NDArray[np.float32]]() for end in ends}
    ranges = measure(model, calibration, kept=kept)
    rows = list(zip(*kept.values(), strict=True))
    complete = len(rows) == len(calibration.few) and len(kept) == len(names)
    return ranges, [dict(zip(names, row, strict=True)) for row in rows] if complete else None


def observe(
    model: bytes, calibration: Calibration, names: Collection[str] | None = None
) -> Iterator[Iterator[tuple[str, NDArray[np.float32]]]]:
    """Yield the activations of a float model, name and values, sample by sample.

    Args:
        model: A float ``.tflite`` file.
        calibration: Samples to run it with.
        names: Which activations, by default all.

    Raises:
        UsageError: The samples do not fit the inputs of the model.
    """
    runtime, unpacked = load(model), packing.unpack(model)
    inputs = runtime.get_input_details()
    calibration = calibration.for_inputs(editing.input_names(unpacked))
    calibration.check_fits([tuple(map(int, detail["shape"][1:])) for detail in inputs])
    activations = editing.float_activations(unpacked)
    wanted = {i: name for i, name in activations.items() if names is None or name in names}
    samples = calibration.samples([detail["dtype"] for detail in inputs])
    for number, sample in enumerate(samples, start=1):
        for detail, values in zip(inputs, sample, strict=True):
            runtime.set_tensor(detail["index"], values)
        runtime.invoke()
        yield _results(runtime, wanted)
        calibration.on_sample(number, len(calibration.inputs[0]))


def _results(
    runtime: litert.Interpreter, wanted: Mapping[int, str]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for index, name in wanted.items():
        if (result := _result(runtime, index)) is not None:
            yield name, result


def _float_inputs(model: bytes) -> list[str | None]:
    """The names of the inputs among the activations; None for an input of integers."""
    unpacked = packing.unpack(model)
    activations = editing.float_activations(unpacked)
    return [activations.get(int(index)) for index in unpacked.subgraphs[0].inputs]


def load(model: bytes) -> litert.Interpreter:
    """Return a runtime with the file ``model`` that keeps the values of all of its tensors.

    Raises:
        TflconvError: LiteRT cannot run the file, as some that the TFLite converter makes.
    """
    try:
        with warnings.catch_warnings(), quiet.native_stderr():
            warnings.simplefilter("ignore")
            runtime = litert.Interpreter(
                model_content=model, num_threads=1, experimental_preserve_all_tensors=True
            )
            runtime.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise TflconvError(
            f"LiteRT cannot run what the TFLite converter made of the model: {first_line(error)}.",
            hint="Replace the layer that this operator comes from.",
        ) from error
    return runtime


def _result(runtime: litert.Interpreter, index: int) -> NDArray[np.float32] | None:
    """The values of a tensor; None for a result of a loop that nothing reads."""
    try:
        values: NDArray[np.float32] = runtime.get_tensor(index)
    except ValueError:  # "Tensor data is null": LiteRT has made no room for it
        return None
    return values


def _ends(values: NDArray[np.float32]) -> tuple[float, float]:
    """The smallest and the largest activation among ``values``."""
    low, high = values.min(), values.max()
    if not (low > -LARGEST and high < LARGEST):
        values = values[np.abs(values) < LARGEST]
        low, high = values.min(initial=0), values.max(initial=0)
    return float(low), float(high)


def _clip(ranges: TensorRanges, model: bytes, calibration: Calibration) -> None:
    """Narrow ``ranges`` to what the method of ``calibration`` makes of the values."""
    seen = {
        name: ValueHistogram.empty(each["min"].item(), each["max"].item())
        for name, each in ranges.items()
        if each["min"].item() < each["max"].item()
    }
    for activations in observe(model, calibration, seen):
        for name, values in activations:
            seen[name].add(values)
    for name, histogram in seen.items():
        shape = ranges[name]["min"].shape
        low, high = ends(histogram, calibration.method)
        ranges[name] = {
            "min": np.full(shape, low, np.float32),
            "max": np.full(shape, high, np.float32),
        }


def _as_type(name: str, values: NDArray[np.float32], dtype: np.dtype[Any]) -> NDArray[np.number]:
    cast = values.astype(dtype)
    if dtype.kind in "iu" and not np.array_equal(cast, values):
        raise UsageError(
            f"calibration {name} has values from {values.min():.3g} to {values.max():.3g}, but the"
            f" input takes {dtype.name}.",
            hint="Give it what the model takes: for uint8 the pixels, as --normalize in-model.",
        )
    return cast


def _check_finite(name: str, values: NDArray[np.float32]) -> None:
    broken = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))
    if broken.size:
        raise UsageError(
            f"calibration {name} has NaN or infinite values in {broken.size} of {len(values)}"
            f" samples, the first of them number {broken[0]}."
        )
