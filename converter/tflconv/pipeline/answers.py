"""Samples that a float model and a file made of it both see, and what each says to them.

Samples are those of the calibration, evenly drawn, or seeded noise in the range of the input: what
pixels become by the card, what the type of the input or the ranges in the file allow, the rows of
a table that integers look up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tflconv.conversion import Calibration
from tflconv.conversion.calibration import FEW, Answer
from tflconv.conversion.tracing import FrozenGraph
from tflconv.core.files import sha256_bytes
from tflconv.core.private import scratch_folder
from tflconv.errors import TflconvError
from tflconv.inspection import runnable
from tflconv.model.card import ModelCard
from tflconv.model.interpreter import Interpreter, TensorDetails
from tflconv.pipeline.fidelity import Answers, Fidelity, compare
from tflconv.tflite import outline, reading
from tflconv.tflite.contents import Subgraph, TfliteModel

CONTROLS = 4
"""Samples that TensorFlow answers itself."""

SAME = 1e-4
"""Largest difference of answers that are the same, as a share of the largest value."""

NOISE = "noise"

_NEARLY = 0.9
"""Share of the bytes of a float file below which another one has other weights."""

Array = NDArray[np.float32]

Sample = Answer
"""One array of real numbers ``[1, ...]`` per input, by name."""


@dataclass(frozen=True, kw_only=True)
class ComparedSamples:
    """What both see, what it is called, and a text that is equal for equal values."""

    name: str
    digest: str
    values: Sequence[Sample]


class TfliteFile:
    """A ``.tflite`` file that is fed and answers by the names of its signature.

    Args:
        path: The file.
        model: What is in it, if that was read already.

    Raises:
        TflconvError: LiteRT cannot run it.
    """

    def __init__(self, path: Path, model: TfliteModel | None = None) -> None:
        model = model or reading.read(path)
        runnable.check(model)  # what it says of some, it says by ending the process
        self._runtime = Interpreter(path, model=model)
        self._outline = self._runtime.outline
        self._names = self._outline.inputs

    def has_names_of(self, model: TfliteModel) -> bool:
        """Whether inputs and outputs are called as in ``model``, in the same order."""
        other = outline.of(model)
        return (self._names, self._outline.outputs) == (other.inputs, other.outputs)

    @property
    def endings(self) -> Mapping[str, str]:
        """The operators that make the outputs, by their names."""
        return self._outline.endings

    @property
    def inputs(self) -> dict[str, TensorDetails]:
        """Its inputs by their names."""
        return dict(zip(self._names, self._runtime.inputs, strict=True))

    @property
    def types(self) -> dict[str, str]:
        """Types of the inputs by their names."""
        return {name: tensor.dtype for name, tensor in self.inputs.items()}

    def answer(self, sample: Sample) -> Sample:
        """Return all outputs for one sample."""
        outputs = self._runtime.run([sample[name] for name in self._names])
        return dict(zip(self._outline.outputs, outputs, strict=True))

    def limits(self, name: str, dtype: str, card: ModelCard | None) -> tuple[float, float]:
        """Return the smallest and the largest value of an input.

        Args:
            name: Its name.
            dtype: Type that it has in the float model.
            card: How pixels become inputs.
        """
        tensor = self.inputs[name]
        if card is not None and len(self._names) == 1:
            return card.normalization.limits
        if tensor.scale is not None:
            ends = np.iinfo(tensor.dtype)
            low, high = tensor.dequantize(np.array([ends.min, ends.max])).tolist()
            return low, high
        if dtype in ("int8", "uint8"):
            return np.iinfo(dtype).min, np.iinfo(dtype).max
        if dtype.startswith("float"):
            return -1.0, 1.0
        return 0, self._outline.rows.get(name, 2) - 1


class Reference:
    """A float model that files are held against; it answers equal samples once.

    TensorFlow takes several times as long as LiteRT for that. So where the float file of a traced
    model gives its answers to the first ``CONTROLS`` samples, the file gives those to the others. A
    file with the same operators and weights, as ``fp32`` is, is not run again to answer the same.
    What the float file answered while ranges were measured, counts as its answers.

    Args:
        model: The model, traced or as a ``.tflite`` file.
        lowered: What the model became as a float file, if that is known.
        recorded: Its answers to the ``few`` samples of a calibration, if they are known.
    """

    def __init__(
        self,
        model: FrozenGraph | Path,
        lowered: bytes | None = None,
        recorded: Callable[[Calibration], Sequence[Answer] | None] = lambda _: None,
    ) -> None:
        self._model = TfliteFile(model) if isinstance(model, Path) else model
        self._lowered, self._recorded = lowered, recorded
        self._cache: dict[str, Answers] = {}
        self._lowered_answers: dict[str, Sequence[Sample]] = {}

    def measure(
        self, file: Path, *, calibration: Calibration | None, card: ModelCard | None, seed: int
    ) -> Fidelity:
        """Return how close ``file`` is to this model.

        Args:
            file: What was made of it.
            calibration: Samples of its data, if there are any.
            card: How pixels become inputs, if that is known.
            seed: Seed of the noise that stands in for samples.
        """
        with _by_its_name(file):
            model = reading.read(file)
            target = TfliteFile(file, model)
        samples = _drawn(target, self._model.types, calibration, card, seed)
        is_lowered = self._is_lowered(model, target)
        recorded = None if calibration is None else self._recorded(calibration)
        try:
            expected = self._answers(samples, target if is_lowered else None, recorded)
        except TflconvError as error:
            trouble = error.message.rstrip(".")
            return Fidelity(samples=len(samples.values), source=samples.name, trouble=trouble)
        lowered_answers = self._lowered_answers.get(samples.digest, ()) if is_lowered else ()
        with _by_its_name(file):
            unanswered = samples.values[: len(samples.values) - len(lowered_answers)]
            received = _together([*map(target.answer, unanswered), *lowered_answers])
        for name, operator in self._model.endings.items():
            if operator in _ACTIVATIONS and target.endings.get(name) != operator:
                received[name] = _ACTIVATIONS[operator](received[name])  # it was left out
        with _by_its_name(file):
            breaks = self._breaks_on_zeros(target)
        halves = {name for name, operator in target.endings.items() if operator == "LOGISTIC"}
        fidelity = compare(expected, received, samples.name, halves=halves)
        return replace(fidelity, breaks_on_zeros=breaks)

    def _breaks_on_zeros(self, target: TfliteFile) -> bool:
        """Whether ``target`` has no numbers for an input of zeros, and the float model has."""
        shapes = {name: tensor.shape for name, tensor in target.inputs.items()}
        zeros = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
        if _is_finite(target.answer(zeros)):
            return False
        return _is_finite(self._model.answer(zeros))

    def _is_lowered(self, model: TfliteModel, target: TfliteFile) -> bool:
        """Whether a file has the operators, weights and names of the lowered model."""
        if self._lowered is None or model.bytes < _NEARLY * len(self._lowered):
            return False  # the second has smaller weights
        lowered = reading.parse(self._lowered, model.path)
        return _is_same_graph(model, lowered) and target.has_names_of(lowered)

    def _answers(
        self,
        samples: ComparedSamples,
        lowered: TfliteFile | None,
        recorded: Sequence[Answer] | None,
    ) -> Answers:
        key = samples.digest
        if key not in self._cache:
            self._cache[key] = _together(self._answered(samples.values, key, lowered, recorded))
        return self._cache[key]

    def _answered(
        self,
        values: Sequence[Sample],
        key: str,
        lowered: TfliteFile | None,
        recorded: Sequence[Answer] | None,
    ) -> list[Sample]:
        answers = [self._model.answer(sample) for sample in values[:CONTROLS]]
        left = values[CONTROLS:]
        if recorded is not None and all(map(_are_same, answers, recorded)):
            self._lowered_answers[key] = recorded[CONTROLS:]
            return [*answers, *recorded[CONTROLS:]]
        with scratch_folder() as folder:
            if left and lowered is None and self._lowered is not None:
                file = folder / "float.tflite"
                file.write_bytes(self._lowered)
                lowered = _loaded(file)
            controls = (
                None if lowered is None else _same_answers(lowered, values[:CONTROLS], answers)
            )
            if lowered is None or controls is None:
                return [*answers, *map(self._model.answer, left)]
            others = list(map(lowered.answer, left))
            self._lowered_answers[key] = [*controls, *others]
            return [*answers, *others]


def _loaded(file: Path) -> TfliteFile | None:
    """The float ``file``, if LiteRT can run it."""
    try:
        return TfliteFile(file)
    except TflconvError:
        return None


def _same_answers(
    stand_in: TfliteFile, values: Sequence[Sample], expected: Sequence[Sample]
) -> list[Sample] | None:
    """What ``stand_in`` gives, if it runs and that is what is ``expected``."""
    try:
        answers = [stand_in.answer(sample) for sample in values]
    except TflconvError:
        return None
    return answers if all(map(_are_same, expected, answers)) else None


def _is_same_graph(file: TfliteModel, other: TfliteModel) -> bool:
    """Whether both have the same operators and constants in the same order."""
    return [_computed(each) for each in file.subgraphs] == [_computed(g) for g in other.subgraphs]


def _computed(graph: Subgraph) -> tuple[object, ...]:
    tensors = [(each.shape, each.dtype, each.data, each.quantization) for each in graph.tensors]
    return graph.operators, graph.inputs, graph.outputs, tensors


def _are_same(expected: Sample, received: Sample) -> bool:
    return list(expected) == list(received) and all(
        np.abs(received[name] - wanted).max() <= SAME * np.abs(wanted).max()
        for name, wanted in expected.items()
    )


def _is_finite(answers: Sample) -> bool:
    return all(bool(np.isfinite(values).all()) for values in answers.values())


@contextmanager
def _by_its_name(file: Path) -> Iterator[None]:
    """Say of a file that does not run what it will be called; where it lies now is ours."""
    try:
        yield
    except TflconvError as error:
        raise TflconvError(
            error.message.replace(str(file), file.name),
            hint="No runtime would take this file. Use another recipe, such as selective_wi8_ai8,"
            " or replace the layer that this operator comes from.",
        ) from error


def _drawn(
    target: TfliteFile,
    types: Mapping[str, str],
    calibration: Calibration | None,
    card: ModelCard | None,
    seed: int,
) -> ComparedSamples:
    if calibration is None:
        draw = np.random.default_rng(seed)
        noise = [_noise(draw, target, types, card) for _ in range(FEW)]
        content = [values.tobytes() for sample in noise for values in sample.values()]
        return ComparedSamples(name=NOISE, digest=sha256_bytes(b"".join(content)), values=noise)
    calibration = calibration.for_inputs(list(target.inputs))
    calibration.check_fits([tensor.shape[1:] for tensor in target.inputs.values()])
    named = dict(zip(target.inputs, calibration.inputs, strict=True))
    values = [{name: array[[i]] for name, array in named.items()} for i in calibration.few]
    digest = f"{calibration.digest} {list(named)}"
    return ComparedSamples(name=calibration.name, digest=digest, values=values)


def _noise(
    draw: np.random.Generator, target: TfliteFile, types: Mapping[str, str], card: ModelCard | None
) -> Sample:
    sample = {}
    for name, dtype in types.items():
        values = draw.uniform(*target.limits(name, dtype, card), target.inputs[name].shape)
        sample[name] = (values if dtype.startswith("float") else np.rint(values)).astype(np.float32)
    return sample


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), dtype=np.float32)


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((1 + np.tanh(logits / 2)) / 2, dtype=np.float32)


_ACTIVATIONS = {"SOFTMAX": _softmax, "LOGISTIC": _sigmoid}


def _together(answers: Sequence[Sample]) -> dict[str, NDArray[np.float32]]:
    together: dict[str, NDArray[np.float32]] = {}
    for name in answers[0]:
        together[name] = np.concatenate([np.atleast_1d(answer[name]) for answer in answers])
    return together
