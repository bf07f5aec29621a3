"""The one wrapper of the Python LiteRT interpreter; it needs no TensorFlow.

A quantized tensor holds integers ``q`` that stand for ``scale * (q - zero_point)``. Whoever runs
a model with integer inputs or outputs must quantize and dequantize with exactly the numbers that
the file carries; doing it slightly wrong costs accuracy without any error. It is done here, once,
so that a float, int8, uint8 or int16 model is the same thing to everybody else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import interpreter as litert
from numpy.typing import NDArray

from tflconv.core import quiet
from tflconv.errors import TflconvError, UsageError
from tflconv.model.card import ModelCard, read_card


@dataclass(frozen=True, kw_only=True)
class TensorDetails:
    """An input or output: its shape with batch, its type and its quantization if it has one."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None = None
    zero_point: int = 0

    def quantize(self, values: NDArray[np.float32]) -> NDArray[Any]:
        """``values`` as this tensor stores them, saturated at the ends of its type."""
        if self.scale is None:
            return values.astype(self.dtype)
        limits = np.iinfo(self.dtype)
        steps = np.rint(values / np.float32(self.scale)) + self.zero_point
        return np.asarray(np.clip(steps, limits.min, limits.max), dtype=self.dtype)

    def dequantize(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """The real numbers that ``stored`` values stand for."""
        if self.scale is None:
            return stored.astype(np.float32)
        steps = stored.astype(np.float32) - np.float32(self.zero_point)
        return np.asarray(steps * np.float32(self.scale), dtype=np.float32)


_CHUNK = 64
"""Samples that are normalized at once: as floats, a whole test split may not fit into memory."""

Loaded = tuple[litert.Interpreter, tuple[TensorDetails, ...], tuple[TensorDetails, ...]]
"""A runtime with a model, the model's inputs, and its outputs."""


class Interpreter:
    """A ``.tflite`` file ready to run on this computer, one sample at a time.

    ``card`` says how pixels become its input, by default the file does.
    Raises ``TflconvError`` for a file that is missing, damaged, not a TFLite model, or that holds
    operations the runtime does not know.
    """

    def __init__(self, path: Path, threads: int = 1, card: ModelCard | None = None) -> None:
        self.path = path
        self._said = card
        self._runtime, self.inputs, self.outputs = _open(path, threads)

    @cached_property
    def card(self) -> ModelCard | None:
        """What is said about the model, by default the card that the file carries, if any."""
        return self._said or read_card(self.path)

    @property
    def picture_shape(self) -> tuple[int, ...]:
        """``(height, width, channels)`` of its only input; raises ``UsageError`` for another."""
        shapes = [tensor.shape for tensor in self.inputs]
        if len(shapes) != 1 or len(shapes[0]) != 4:
            raise UsageError(
                f"{self.path} does not take one picture; its inputs have the shapes"
                f" {[list(shape) for shape in shapes]}."
            )
        return shapes[0][1:]

    @property
    def partitions(self) -> int:
        """How many parts of the graph a delegate (XNNPACK) executes; 1 is best."""
        nodes = self._runtime._get_ops_details()
        return sum(node["op_name"] == "DELEGATE" for node in nodes)

    def predict(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Logits float32 ``[n, classes]`` of a single-input, single-output model.

        ``images`` ``[n, height, width, channels]`` are pixels (uint8), normalized as the card
        says, or float32 values that are normalized already.
        """
        self._check_is_classifier()
        (source,), (sink,) = self.inputs, self.outputs
        results: list[NDArray[Any]] = []
        for start in range(0, len(images), _CHUNK):
            values = self._normalized(images[start : start + _CHUNK])
            self._check_shape(source, values.shape[1:])
            results += [self._invoke([sample])[0] for sample in source.quantize(values)]
        return sink.dequantize(np.concatenate(results)).reshape(len(images), -1)

    def run(self, samples: Sequence[NDArray[np.float32]]) -> tuple[NDArray[np.float32], ...]:
        """All outputs for one sample of each input, real numbers in and out, batch included."""
        stored = [
            tensor.quantize(np.asarray(sample))[0]
            for tensor, sample in zip(self.inputs, samples, strict=True)
        ]
        outputs = self._invoke(stored)
        return tuple(t.dequantize(o) for t, o in zip(self.outputs, outputs, strict=True))

    def _invoke(self, samples: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        for tensor, sample in zip(self.inputs, samples, strict=True):
            self._runtime.set_tensor(tensor.index, sample[np.newaxis])
        try:
            self._runtime.invoke()
        except RuntimeError as error:
            raise TflconvError(
                f"LiteRT cannot run {self.path}: {_reason(self.path, error)}."
            ) from error
        return [self._runtime.get_tensor(tensor.index) for tensor in self.outputs]

    def _normalized(self, images: NDArray[Any]) -> NDArray[np.float32]:
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


def _open(path: Path, threads: int) -> Loaded:
    """The runtime with the model loaded, its inputs and its outputs."""
    if not path.is_file():
        raise TflconvError(f"no model file at {path}.")
    try:
        with quiet.native_stderr():
            runtime = litert.Interpreter(model_path=str(path), num_threads=threads)
            runtime.allocate_tensors()
        inputs = tuple(_tensor(detail) for detail in runtime.get_input_details())
        outputs = tuple(_tensor(detail) for detail in runtime.get_output_details())
    except (ValueError, RuntimeError, OSError) as error:
        raise TflconvError(
            f"{path} is not a TFLite model that LiteRT can run: {_reason(path, error)}."
        ) from error
    return runtime, inputs, outputs


def _reason(path: Path, error: Exception) -> str:
    if _magic(path) == b"PK\x03\x04":
        return "it is a Keras file or another archive; convert it first"
    return str(error).strip().splitlines()[0].rstrip(". ") or type(error).__name__


def _magic(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(4)


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
