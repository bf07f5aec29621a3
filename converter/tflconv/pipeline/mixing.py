"""What each operator of an int8 file computes in, so that the file is close to the float model.

An activation is raised to a finer precision by the operators that make and read it. Each is first
raised alone: how much closer that brings the file, for each instruction that it costs, is its rank.
Then they are raised one after another, the best first, until the file keeps the limits. What turns
out not to be needed is lowered again, the dearest first. Last, where 4-bit weights are asked for,
layers get them one after another, those that harm least for the bytes that they save first, as long
as the file keeps the limits. Ranks come from calibration samples; whether the limits are kept is
measured on each file as a whole. The curve says what closeness costs.

Who wants the file and not the curve (``auto``) gets it sooner: what alone would make the file too
dear is not tried (``bounding``), how many activations are raised is found by doubling and halving,
and lowering ends where the file will not be cheap enough. More in a finer precision is taken to be
closer, as it nearly always is, and each to cost what it does alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from tflconv.errors import TflconvError
from tflconv.inspection import delegation
from tflconv.pipeline.bounding import within
from tflconv.pipeline.fidelity import Fidelity
from tflconv.pipeline.limits import FidelityLimits
from tflconv.recipe import Precision

Precisions = Mapping[str, Precision]
"""By result of an operator, what it computes in if that is not 8 bits."""

_WORDS: Mapping[Precision, str] = {
    "float32": "{} in float",
    "float16": "{} in half precision",
    "int16": "{} in int16",
    "int8": "{} in int8 again",
    "int4": "weights of {} in int4",
}


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One file on the way.

    Attributes:
        activation: What is computed otherwise from here on; nothing in the first file.
        precision: What it is computed in: ``float32``, ``float16``, ``int16``, ``int8`` again, or
            with weights of ``int4``.
        instructions: Estimated instructions of an inference.
        bytes: Size of the file, without card and metadata.
        cosine: Least cosine with the float model.
        drop: Share of the labelled pictures that it loses, where that was measured.
    """

    activation: str
    instructions: float
    cosine: float
    precision: Precision = "float32"
    bytes: int = 0
    drop: float | None = None

    def __str__(self) -> str:
        what = _WORDS[self.precision].format(self.activation) if self.activation else "all in int8"
        lost = "" if self.drop is None else f", {100 * self.drop:.2f} points lost"
        return (
            f"{what}: {self.instructions / 1e6:.2f} M instructions, {self.bytes:,} bytes,"
            f" cosine {self.cosine:.4f}{lost}"
        )


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """The file that was found, and the way to it.

    Attributes:
        curve: The files on the way; the last one is the file.
        precisions: What operators compute in that do not compute in 8 bits.
        content: The file.
        fidelity: How close it is to the float model.
    """

    curve: tuple[CurvePoint, ...]
    precisions: Precisions
    content: bytes
    fidelity: Fidelity


@dataclass(frozen=True, kw_only=True)
class Levers:
    """What may be changed of a file.

    Attributes:
        activations: For each activation, results of the operators that make and read it.
        finer: What these compute in when they are raised.
        layers: Results of the operators whose weights may become 4 bits.
        plain: The float file, by which is told what would be too dear to be changed.
    """

    activations: Mapping[str, Sequence[str]]
    finer: Precision = "float32"
    layers: Sequence[str] = ()
    plain: bytes | None = None

    def within(self, whole: bytes, below: float | None) -> Levers:
        """Return what a file that takes fewer instructions than ``below`` may change."""
        if below is None or self.plain is None:
            return self
        return replace(self, activations=within(self.activations, whole, self.plain, below))


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What makes files and compares them with the float model.

    Attributes:
        make: Makes the file whose operators compute in these precisions.
        rank: Compares a file on calibration samples.
        judge: Compares a file by all that there are limits of.
    """

    make: Callable[[Precisions], bytes]
    rank: Callable[[bytes], Fidelity]
    judge: Callable[[bytes], Fidelity]


@dataclass(frozen=True, kw_only=True)
class _Trial:
    """A file on the way, and how close it is to the float model."""

    content: bytes
    fidelity: Fidelity


@dataclass
class _Way:
    """What was raised and lowered so far, what each cost, and the files on the way."""

    levers: Levers
    tools: Tools
    limits: FidelityLimits
    below: float | None = None
    raised: list[str] = field(default_factory=list)
    lowered: list[str] = field(default_factory=list)
    curve: list[CurvePoint] = field(default_factory=list)
    prices: dict[str, float] = field(default_factory=dict)

    def is_too_dear(self, instructions: float) -> bool:
        """Whether a file that takes no less is of no use."""
        return self.below is not None and instructions >= self.below

    def trial(self) -> _Trial:
        """Make and judge the file of what is raised and lowered now."""
        content = self.tools.make(self.precisions)
        return _Trial(content=content, fidelity=self.tools.judge(content))

    def keeps_limits(self, trial: _Trial) -> bool:
        """Whether a file is close enough."""
        return self.limits.hold(trial.fidelity)

    def note(self, name: str, precision: Precision, trial: _Trial) -> None:
        """Put a file on the curve."""
        self.curve.append(_point(name, precision, trial.content, trial.fidelity))

    @property
    def precisions(self) -> dict[str, Precision]:
        """What operators compute in; what is raised has no 4-bit weights."""
        four: dict[str, Precision] = dict.fromkeys(self.lowered, "int4")
        results = [name for each in self.raised for name in self.levers.activations[each]]
        return four | dict.fromkeys(results, self.levers.finer)

    def alone(self, names: Sequence[str], precision: Precision) -> Iterator[CurvePoint]:
        """Each of ``names`` changed alone; what cannot be made so is left out."""
        chosen = self.lowered if precision == "int4" else self.raised
        for name in names:
            chosen.append(name)
            try:
                content = self.tools.make(self.precisions)
                yield _point(name, precision, content, self.tools.rank(content))
            except TflconvError:
                pass  # this operator has no such form
            finally:
                chosen.remove(name)


def mix(
    levers: Levers, tools: Tools, limits: FidelityLimits, *, below: float | None = None
) -> Mixture:
    """Raise as little as makes the file keep the limits, and lower what harms least.

    Args:
        levers: What may be changed.
        tools: What makes and compares files.
        limits: What the file may differ from the float model.
        below: Instructions from which on the file is of no use. Where that is said, files are left
            out of the curve that the last one is found without.

    Returns:
        The cheapest file on the way that keeps the limits; the last of all where none does.
    """
    way = _Way(levers, tools, limits, below)
    trial = way.trial()
    way.note("", levers.finer, trial)
    if not way.keeps_limits(trial):
        way.levers = levers.within(trial.content, below)
        raise_some = _raise if below is None else _raise_fewest
        trial = _lower_again(way, raise_some(way, trial))
    trial = _use_four_bits(way, trial)
    return Mixture(
        curve=tuple(way.curve),
        precisions=way.precisions,
        content=trial.content,
        fidelity=trial.fidelity,
    )


def _raise(way: _Way, trial: _Trial) -> _Trial:
    """Raise one activation after another until the file keeps the limits."""
    for point in _by_worth(way):
        way.raised.append(point.activation)
        trial = way.trial()
        way.note(point.activation, way.levers.finer, trial)
        if way.keeps_limits(trial):
            break
    way.prices = dict(zip(way.raised, _steps(way.curve), strict=True))
    return trial


def _by_worth(way: _Way) -> list[CurvePoint]:
    """Each activation raised alone, the one first that brings the file closest for its price."""
    (whole,) = way.curve
    alone = list(way.alone(list(way.levers.activations), way.levers.finer))
    return sorted(alone, key=lambda point: _worth(point, whole), reverse=True)


def _raise_fewest(way: _Way, trial: _Trial) -> _Trial:
    """Raise as many activations as ``_raise`` does, without a file for each of them."""
    (whole,), order = way.curve, _by_worth(way)
    way.prices = {each.activation: each.instructions - whole.instructions for each in order}
    saving = [name for name, price in way.prices.items() if price < 0]
    if way.is_too_dear(whole.instructions + sum(way.prices[name] for name in saving)):
        return trial
    too_few, enough, count = 0, len(order) + 1, 1
    sufficient: _Trial | None = None
    while enough - too_few > 1:
        way.raised = [point.activation for point in order[:count]]
        trial = way.trial()
        if way.keeps_limits(trial):
            sufficient, enough = trial, count
        else:
            too_few = count
        doubled = min(2 * count, len(order))
        count = doubled if enough > len(order) else (too_few + enough) // 2
    trial = sufficient or trial
    way.raised = [point.activation for point in order[:enough]]
    for name in way.raised[-1:]:
        way.note(name, way.levers.finer, trial)
    return trial


def _lower_again(way: _Way, trial: _Trial) -> _Trial:
    """Lower what was raised before and is not needed; the last one is."""
    if not way.keeps_limits(trial):
        return trial
    left = sorted(way.raised[:-1], key=way.prices.__getitem__, reverse=True)
    while left:
        saved = sum(way.prices[name] for name in left)
        if way.is_too_dear(delegation.estimate(trial.content) - saved):
            break
        name = left.pop(0)
        place = way.raised.index(name)
        way.raised.remove(name)
        lowered = way.trial()
        if way.keeps_limits(lowered):
            trial = lowered
            way.note(name, "int8", trial)
        else:
            way.raised.insert(place, name)
    return trial


def _use_four_bits(way: _Way, trial: _Trial) -> _Trial:
    """Give layers 4-bit weights, one after another, while the file keeps the limits."""
    raised = way.precisions
    layers = [name for name in way.levers.layers if name not in raised]
    if not layers or not way.keeps_limits(trial):
        return trial
    current = _point("", "int4", trial.content, trial.fidelity)
    smaller = [each for each in way.alone(layers, "int4") if each.bytes < current.bytes]
    for point in sorted(smaller, key=lambda candidate: _harm(candidate, current)):
        way.lowered.append(point.activation)
        lowered = way.trial()
        if way.keeps_limits(lowered):
            trial = lowered
            way.note(point.activation, "int4", trial)
        else:
            way.lowered.remove(point.activation)
    return trial


def _point(name: str, precision: Precision, content: bytes, fidelity: Fidelity) -> CurvePoint:
    """What a file is on the curve."""
    return CurvePoint(
        activation=name,
        precision=precision,
        instructions=delegation.estimate(content),
        bytes=len(content),
        cosine=-1.0 if fidelity.cosine is None else fidelity.cosine,
        drop=None if fidelity.drop is None else fidelity.drop.share,
    )


def _steps(curve: Sequence[CurvePoint]) -> list[float]:
    """Instructions that each file needs beyond the one before."""
    prices = [point.instructions for point in curve]
    return [after - before for before, after in pairwise(prices)]


def _worth(point: CurvePoint, whole: CurvePoint) -> float:
    """How much closer a raised activation brings the file, per instruction that it costs."""
    return (point.cosine - whole.cosine) / max(1.0, point.instructions - whole.instructions)


def _harm(point: CurvePoint, here: CurvePoint) -> float:
    """How much less close 4-bit weights make the file, per byte that they save."""
    return (here.cosine - point.cosine) / (here.bytes - point.bytes)
