"""Run ``.tflite`` files with the LiteRT interpreter of Python, which needs no TensorFlow.

A quantized tensor holds integers ``q`` that stand for ``scale * (q - zero_point)``. Inputs and
outputs must be quantized and dequantized with exactly the numbers that the file carries; a slight
mistake costs accuracy without any error. It is done here only, so that float, int8, uint8 and int16
models look alike to all callers.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from ai_edge_litert import interpreter as litert
from numpy.typing import NDArray

from tflconv.core import quiet
from tflconv.core.inputs import missing
from tflconv.core.shortening import first_line
from tflconv.errors import TflconvError, UsageError
from tflconv.model.card import ModelCard, read_card
from tflconv.tflite import lifetimes, outline, reading
from tflconv.tflite.contents import TfliteModel
from tflconv.tflite.outline import Outline

Stored = NDArray[np.number]
"""Values as a tensor stores them: integers if it is quantized."""


@dataclass(frozen=True, kw_only=True)
class TensorDetails:
    """An input or output of a model.

    Attributes:
        index: Its number in the file.
        name: Its name in the file.
        shape: Its sides, with batch.
        dtype: Name of the type that it stores.
        scale: Step of its integers; None if it is not quantized.
        zero_point: The integer that stands for 0.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None = None
    zero_point: int = 0

    def quantize(self, values: NDArray[np.float32]) -> Stored:
        """Return ``values`` as this tensor stores them, saturated at the limits of its type.

        Example:
            >>> pixel = TensorDetails(index=0, name="x", shape=(1, 3), dtype="int8", scale=0.5)
            >>> pixel.quantize(np.array([-1.0, 0.4, 100.0], np.float32)).tolist()
            [-2, 1, 127]
        """
        if self.scale is None:
            return values.astype(self.dtype)
        limits = np.iinfo(self.dtype)
        steps = np.rint(values / np.float32(self.scale)) + self.zero_point
        return np.asarray(np.clip(steps, limits.min, limits.max), dtype=self.dtype)

    def dequantize(self, stored: Stored) -> NDArray[np.float32]:
        """Return the real numbers that ``stored`` values stand for."""
        if self.scale is None:
            return stored.astype(np.float32)
        steps = stored.astype(np.float32) - np.float32(self.zero_point)
        return np.asarray(steps * np.float32(self.scale), dtype=np.float32)


_CHANNELS = (1, 3, 4)
_UNKNOWN_TYPES = ("bfloat16", "float8", "int2")
_CONVERT = "Convert the model with {}."

Loaded = tuple[litert.Interpreter, tuple[TensorDetails, ...], tuple[TensorDetails, ...], Outline]
"""A runtime that has loaded a model, the inputs of the model, and its outputs."""


class Interpreter:
    """A ``.tflite`` file that is ready to run on this computer, one sample at a time.

    Args:
        path: The file.
        threads: Threads that the runtime uses.
        card: How pixels become inputs, by default as the file says.
        keep: Whether ``stored`` tells all values between operators; built-in kernels run then.
        model: What is in the file, if that was read already.

    Raises:
        TflconvError: The file is missing, damaged, no TFLite model, or has operators that the
            runtime does not know.
    """

    def __init__(
        self,
        path: Path,
        threads: int = 1,
        card: ModelCard | None = None,
        *,
        keep: bool = False,
        model: TfliteModel | None = None,
    ) -> None:
        self.path = path
        self._card = card
        ends = _checked(path, model)
        self._runtime, self.inputs, self.outputs, self.outline = _open(path, threads, keep, ends)

    @cached_property
    def card(self) -> ModelCard | None:
        """The card that was given, or else the card in the file; None if there is none."""
        return self._card or read_card(self.path)

    @property
    def picture_shape(self) -> tuple[int, ...]:
        """Height, width and channels of the picture that the model takes.

        Raises:
            UsageError: The model takes something else.
        """
        self.check_takes_picture()
        return self.inputs[0].shape[1:]

    def check_takes_picture(self) -> None:
        """Raise ``UsageError`` where the model takes anything but one picture."""
        shapes = [tensor.shape for tensor in self.inputs]
        if len(shapes) != 1 or len(shapes[0]) != 4:
            raise UsageError(
                f"{self.path} does not take one picture; its inputs have the shapes"
                f" {[list(shape) for shape in shapes]}.",
                hint="verify and bench take arrays for such a model: --dataset FILE.npz.",
            )
        batch, height, width, channels = shapes[0]
        if batch != 1:
            raise UsageError(
                f"{self.path} takes {batch} pictures at a time.",
                hint=_CONVERT.format("a batch of 1"),
            )
        if min(height, width) == 1 and channels in _CHANNELS:
            raise UsageError(
                f"{self.path} takes pictures of {height} × {width} pixels, or leaves their size"
                " open.",
                hint=_CONVERT.format("a fixed height and width"),
            )
        if height in _CHANNELS and channels not in _CHANNELS:
            raise UsageError(
                f"{self.path} takes pictures of shape {list(shapes[0])}, with channels first.",
                hint=_CONVERT.format("channels last"),
            )

    @property
    def partitions(self) -> int:
        """Number of parts of the graph that a delegate (XNNPACK) executes; 1 is best."""
        nodes = self._runtime._get_ops_details()
        return sum(node["op_name"] == "DELEGATE" for node in nodes)

    def predict(self, images: Stored) -> NDArray[np.float32]:
        """Return the scores of a classifier; ``scoring`` is for many pictures.

        Args:
            images: ``[n, height, width, channels]``: uint8 pixels, which are normalized as the
                card says, or float32 values that are normalized already.

        Returns:
            Scores ``[n, classes]``.

        Raises:
            UsageError: The model is no classifier, or takes pictures of another shape, or nothing
                says how its pixels are normalized.
        """
        self._check_is_classifier()
        (source,), (sink,) = self.inputs, self.outputs
        values = self._normalized(images)
        self._check_shape(source, values.shape[1:])
        stored = source.quantize(values)
        results = np.empty((len(stored), *sink.shape), sink.dtype)
        with self._explained():
            for sample, result in zip(stored[:, np.newaxis], results, strict=True):
                self._runtime.set_tensor(source.index, sample)
                self._runtime.invoke()
                result[...] = self._runtime.get_tensor(sink.index)
        return sink.dequantize(results).reshape(len(images), -1)

    def run(self, samples: Sequence[NDArray[np.float32]]) -> tuple[NDArray[np.float32], ...]:
        """Return all outputs for one sample.

        Args:
            samples: One array of real numbers ``[1, ...]`` per input.

        Returns:
            One array of real numbers ``[1, ...]`` per output.
        """
        stored = [
            tensor.quantize(np.asarray(sample))
            for tensor, sample in zip(self.inputs, samples, strict=True)
        ]
        outputs = self._invoke(stored)
        return tuple(t.dequantize(o) for t, o in zip(self.outputs, outputs, strict=True))

    def stored(self, index: int) -> Stored | None:
        """Return a tensor of the last run as it is stored; None where the runtime kept none."""
        try:
            return np.asarray(self._runtime.get_tensor(index))
        except ValueError:
            return None

    def _invoke(self, samples: Sequence[Stored]) -> list[Stored]:
        for tensor, sample in zip(self.inputs, samples, strict=True):
            self._runtime.set_tensor(tensor.index, np.asarray(sample))
        with self._explained():
            self._runtime.invoke()
        return [self._runtime.get_tensor(tensor.index) for tensor in self.outputs]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise TflconvError(f"LiteRT cannot run {self.path}: {first_line(error)}.") from error

    def _normalized(self, images: Stored) -> NDArray[np.float32]:
        if images.dtype != np.uint8:
            return np.asarray(images, dtype=np.float32)
        if self.card is None:
            raise UsageError(
                f"{self.path} does not say how pixels become its input.",
                hint="Convert it with tflconv and --normalize, or pass normalized float32 values.",
            )
        return self.card.normalization.apply(images)

    def _check_is_classifier(self) -> None:
        rows = all(math.prod(tensor.shape) == tensor.shape[-1] for tensor in self.outputs)
        if (len(self.inputs), len(self.outputs)) != (1, 1) or not rows:
            shapes = " and ".join(str(list(tensor.shape)) for tensor in self.outputs)
            inputs = "1 input" if len(self.inputs) == 1 else f"{len(self.inputs)} inputs"
            raise UsageError(
                f"{self.path} has {inputs} and outputs of shape {shapes};"
                " accuracy needs a classifier with one picture in and one row of scores out."
            )

    def _check_shape(self, tensor: TensorDetails, shape: tuple[int, ...]) -> None:
        if tensor.shape != (1, *shape):
            raise UsageError(
                f"{self.path} takes inputs of shape {list(tensor.shape)}. Received: {[1, *shape]}."
            )


def _open(path: Path, threads: int, keep: bool, ends: Outline) -> Loaded:
    try:
        with quiet.native_stderr(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that keeping all values takes memory
            runtime = litert.Interpreter(
                model_path=str(path),
                num_threads=threads,
                experimental_preserve_all_tensors=keep,
            )
            runtime.allocate_tensors()
        inputs = tuple(_tensor(detail) for detail in runtime.get_input_details())
        outputs = tuple(_tensor(detail) for detail in runtime.get_output_details())
    except (ValueError, RuntimeError, OSError) as error:
        raise TflconvError(
            f"{path} is not a TFLite model that LiteRT can run: {first_line(error)}."
        ) from error
    return runtime, inputs, outputs, ends


def _checked(path: Path, known: TfliteModel | None) -> Outline:
    """Let our own reader doubt the file first: LiteRT believes it, and may crash over it."""
    if not path.is_file():
        raise missing(path, what="model file", hint="Make it with tflconv convert.")
    model = known or reading.read(path)
    lifetimes.check_memory(model)
    _check_types(model)
    return outline.of(model)


def _check_types(model: TfliteModel) -> None:
    """Raise ``TflconvError`` where an end has numbers that NumPy does not know."""
    graph = model.main
    for role, indices in (("input", graph.inputs), ("output", graph.outputs)):
        for tensor in (graph.tensors[index] for index in indices):
            if tensor.dtype.startswith(_UNKNOWN_TYPES):
                raise TflconvError(
                    f"{model.path} has the {role} '{tensor.name}' of {tensor.dtype}, and Python has"
                    " no such numbers.",
                    hint=_CONVERT.format("inputs and outputs of float32; bench runs it as it is"),
                )


def _tensor(detail: litert.Details) -> TensorDetails:
    scales = detail["quantization_parameters"]["scales"]
    zero_points = detail["quantization_parameters"]["zero_points"]
    return TensorDetails(
        index=int(detail["index"]),
        name=str(detail["name"]),
        shape=tuple(int(size) for size in detail["shape"]),
        dtype=np.dtype(detail["dtype"]).name,
        scale=float(scales[0]) if len(scales) else None,
        zero_point=int(zero_points[0]) if len(zero_points) else 0,
    )
