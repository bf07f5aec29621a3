"""The error of a file operator by operator, and where it starts.

Reference and target run on the same samples with every value kept. For each operator that both
have, the target's output is held against the reference's: signal-to-noise ratio (SNR, in dB),
cosine, and the SNR of the worst token (a row along the last dimension) and of the worst channel. An
error that an operator gets with its inputs is not its own: it *falls* by what its worst token or
channel is below the worst of its inputs, and the error starts where the fall is largest. Values of
the reference beyond what the target's tensor can hold are *clipped*, which names the usual cause.

Both files should come of the same graph (the same ``--rewrite``): values that a pass has scaled or
moved cannot be held against each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tflconv.core.jsonvalue import JsonObject
from tflconv.errors import UsageError
from tflconv.inspection import diff
from tflconv.model.interpreter import Interpreter
from tflconv.tflite import reading
from tflconv.tflite.contents import Operator, Subgraph, TfliteTensor

BEST = 60.0
"""SNR in dB above which no difference is told; equal values have it, too."""

GOOD = 30.0
"""SNR in dB from which on a tensor counts as exact where falls are looked for."""

STANDS_OUT = 6.0
"""Fall in dB from which on an operator is where the error starts."""

_FLOOR = 1e-3
"""Share of the mean power of a tensor that a silent token or channel counts with."""

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class WorstSlice:
    """The worst token or channel of an output.

    Attributes:
        place: Which one: its coordinates without the batch, or the number of the channel.
        snr: Its SNR in dB.
        share: Its share of the squared error of all.
        clipped: Share of its values in the reference that the target cannot hold.
    """

    place: tuple[int, ...]
    snr: float
    share: float
    clipped: float


@dataclass(frozen=True, kw_only=True)
class OperatorError:
    """The error of the output of one operator.

    Attributes:
        index: Its position in the target's order of execution.
        op: Its name.
        tensor: Name of its output in the target.
        shape: Shape of its output.
        snr: SNR in dB of all values.
        cosine: Cosine of all values.
        token: The worst token; None where there is one only.
        channel: The worst channel; None where there is one only.
        clipped: Share of the reference's values that the target's tensor cannot hold.
        limits: What the target's tensor can hold; None for floats.
        fall: dB by which the worst of it is below the worst of its inputs.
    """

    index: int
    op: str
    tensor: str
    shape: tuple[int, ...]
    snr: float
    cosine: float
    token: WorstSlice | None
    channel: WorstSlice | None
    clipped: float
    limits: tuple[float, float] | None
    fall: float = 0.0

    @property
    def worst(self) -> float:
        """SNR in dB of the worst token or channel."""
        return min(self.snr, *(each.snr for each in (self.token, self.channel) if each), BEST)


@dataclass(frozen=True, kw_only=True)
class ErrorTrace:
    """The errors of all operators that both files have, in the order of execution.

    Attributes:
        reference: Name of the reference.
        target: Name of the target.
        samples: Number of samples.
        source: Where they come from.
        operators: The errors.
        unpaired: Operators of the target that the reference does not have.
    """

    reference: str
    target: str
    samples: int
    source: str
    operators: tuple[OperatorError, ...]
    unpaired: int

    @property
    def start(self) -> OperatorError | None:
        """Where the error starts: the largest fall; None where none stands out."""
        first = max(self.operators, key=lambda each: each.fall, default=None)
        return first if first is not None and first.fall >= STANDS_OUT else None

    def to_json(self) -> JsonObject:
        """Return the trace as a JSON object; SNR and falls are in dB."""
        start = self.start
        return asdict(self) | {"start": None if start is None else start.index}


def trace(
    reference: Path, target: Path, samples: Iterable[Sequence[NDArray[np.float32]]], source: str
) -> ErrorTrace:
    """Hold the values between the operators of two files against each other.

    Args:
        reference: The ``.tflite`` file that is right, usually in float.
        target: The ``.tflite`` file in question.
        samples: One array of real numbers ``[1, ...]`` per input, for each sample.
        source: What the samples are called.

    Raises:
        UsageError: The files have no operator in common, or other inputs.
        TflconvError: A file cannot be run.
    """
    before, after = reading.read(reference).main, reading.read(target).main
    pairs = [p for p in diff.aligned(before, after) if _comparable(before, after, p)]
    _check_alike(before, after, pairs, (reference, target))
    first, second = Interpreter(reference, keep=True), Interpreter(target, keep=True)
    sums = [_Sums(before.tensors[a.outputs[0]], after.tensors[b.outputs[0]]) for a, b in pairs]
    count = 0
    for sample in samples:
        first.run(sample)
        second.run(sample)
        count += 1
        for each in sums:
            each.add(first, second)
    errors = [
        each.error(b) for (_, b), each in zip(pairs, sums, strict=True) if each.values is not None
    ]
    return ErrorTrace(
        reference=reference.name,
        target=target.name,
        samples=count,
        source=source,
        operators=tuple(_with_falls(after, errors)),
        unpaired=len(after.operators) - len(pairs),
    )


def _comparable(before: Subgraph, after: Subgraph, pair: diff.Pair) -> bool:
    """Return whether both compute real numbers of one shape."""
    a, b = pair
    if not (a.outputs and b.outputs) or min(a.outputs[0], b.outputs[0]) < 0:
        return False
    left, right = before.tensors[a.outputs[0]], after.tensors[b.outputs[0]]
    return left.shape == right.shape and _is_real(left) and _is_real(right)


def _is_real(tensor: TfliteTensor) -> bool:
    scales = tensor.quantization.scales if tensor.quantization else ()
    return tensor.dtype in ("float32", "float16") or len(scales) == 1


def _check_alike(
    before: Subgraph, after: Subgraph, pairs: Sequence[diff.Pair], names: tuple[Path, Path]
) -> None:
    shapes = [[g.tensors[i].shape for i in g.inputs] for g in (before, after)]
    if shapes[0] != shapes[1]:
        raise UsageError(f"{names[0]} and {names[1]} have inputs of other shapes.")
    if not pairs:
        raise UsageError(
            f"{names[0]} and {names[1]} have no operator in common.",
            hint="Convert both from the same model with the same --rewrite.",
        )


@dataclass
class _Sums:
    """Sums over all samples of what an output differs by, per token and per channel."""

    before: TfliteTensor
    after: TfliteTensor
    values: Array | None = field(default=None)  # [3, tokens + channels]: signal, noise, clipped
    products: Array = field(default_factory=lambda: np.zeros(3))  # xy, xx, yy
    samples: int = 0

    def add(self, first: Interpreter, second: Interpreter) -> None:
        """Add the output of the last run of both."""
        x, y = _real(self.before, first), _real(self.after, second)
        if x is None or y is None or x.shape != y.shape:
            return
        channels = x.shape[-1] if x.ndim else 1
        x, y = (each.reshape(-1, channels) for each in (x, y))
        sums = np.stack([_both(part) for part in (x * x, (x - y) ** 2, self._clipped(x))])
        self.values = sums if self.values is None else self.values + sums
        self.samples += 1
        self.products += [(x * y).sum(), (x * x).sum(), (y * y).sum()]

    def error(self, operator: Operator) -> OperatorError:
        """Return what the sums come to."""
        assert self.values is not None
        shape = self.after.shape
        tokens = self.values.shape[1] - (shape[-1] if shape else 1)
        by_token, by_channel = self.values[:, :tokens], self.values[:, tokens:]
        signal, noise, clipped = by_token.sum(axis=1)
        product = max(self.products[1:].prod(), np.finfo(np.float64).tiny)
        return OperatorError(
            index=operator.index,
            op=operator.name,
            tensor=self.after.name,
            shape=shape,
            snr=float(_snr(signal, noise)),
            cosine=float(min(self.products[0] / np.sqrt(product), 1.0)) if noise else 1.0,
            token=self._worst(by_token, shape[:-1]),
            channel=self._worst(by_channel, shape[-1:]),
            clipped=float(clipped / self._count),
            limits=_limits(self.after),
        )

    @property
    def _count(self) -> float:
        """Number of values of all samples."""
        return self.samples * self.after.elements

    def _clipped(self, values: Array) -> Array:
        limits = _limits(self.after)
        if limits is None:
            return np.zeros_like(values)
        half = self.after.quantization.scales[0] / 2 if self.after.quantization else 0.0
        outside = (values < limits[0] - half) | (values > limits[1] + half)
        return np.asarray(outside, np.float64)

    def _worst(self, sums: Array, sides: Sequence[int]) -> WorstSlice | None:
        count = sums.shape[1]
        if count < 2:
            return None
        signal, noise, clipped = sums
        ratios = _snr(np.maximum(signal, _FLOOR * signal.mean()), noise)
        worst = int(ratios.argmin())
        place = tuple(int(n) for n in np.unravel_index(worst, tuple(sides)))
        return WorstSlice(
            place=place[1:] if len(place) > 1 and sides[0] == 1 else place,
            snr=float(ratios[worst]),
            share=float(noise[worst] / noise.sum()) if noise.any() else 0.0,
            clipped=float(clipped[worst] * count / self._count),
        )


def _both(part: Array) -> Array:
    """Return sums per token, then per channel."""
    return np.concatenate([part.sum(axis=1), part.sum(axis=0)])


def _real(tensor: TfliteTensor, runtime: Interpreter) -> Array | None:
    """Return the real numbers of a tensor of the last run."""
    stored = runtime.stored(tensor.index)
    if stored is None or not np.isfinite(stored).all():
        return None
    values = stored.astype(np.float64)
    if tensor.quantization is None or not tensor.quantization.scales:
        return values
    zero = tensor.quantization.zero_points[0] if tensor.quantization.zero_points else 0
    return np.asarray((values - zero) * tensor.quantization.scales[0], np.float64)


def _limits(tensor: TfliteTensor) -> tuple[float, float] | None:
    quantization = tensor.quantization
    if quantization is None or not quantization.scales or not tensor.dtype.startswith(("i", "u")):
        return None
    ends, scale = np.iinfo(tensor.dtype), quantization.scales[0]
    zero = quantization.zero_points[0] if quantization.zero_points else 0
    return float(scale * (ends.min - zero)), float(scale * (ends.max - zero))


def _snr(signal: Array | float, noise: Array | float) -> Array:
    """Return the ratio of two powers in dB, at most ``BEST``."""
    tiny = np.finfo(np.float64).tiny
    ratio = 10 * (np.log10(np.maximum(signal, tiny)) - np.log10(np.maximum(noise, tiny)))
    return np.where(np.asarray(noise) == 0, BEST, np.clip(ratio, -BEST, BEST))


def _with_falls(graph: Subgraph, errors: Sequence[OperatorError]) -> list[OperatorError]:
    """Return the errors with what each operator adds to those of its inputs.

    What the reference does not have, such as QUANTIZE, hands on the worst of its inputs.
    """
    worst = {error.index: min(error.worst, GOOD) for error in errors}
    known: dict[int, float] = {}
    for operator in graph.operators:
        inputs = _of_inputs(operator, known)
        for tensor in operator.outputs:
            known[tensor] = worst.get(operator.index, inputs)
    return [_fallen(error, _of_inputs(graph.operators[error.index], known)) for error in errors]


def _of_inputs(operator: Operator, known: Mapping[int, float]) -> float:
    return min((known[t] for t in operator.inputs if t in known), default=GOOD)


def _fallen(error: OperatorError, inputs: float) -> OperatorError:
    return replace(error, fall=max(inputs - min(error.worst, GOOD), 0.0))
