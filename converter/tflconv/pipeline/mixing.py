"""Which activations of an int8 file stay in float, so that it is close to the float model.

An activation is in float where the operators that make and read it compute in float. Each is first
left in float alone: how much closer that brings the file, for each instruction that it costs, is
its rank. Then they are left in float one after another, the best first, until the file is close
enough. The curve of that says what closeness costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tflconv.inspection import delegation
from tflconv.pipeline.fidelity import Fidelity


@dataclass(frozen=True, kw_only=True)
class Point:
    """One file on the way.

    Attributes:
        activation: The activation that is in float from here on; none in the first file.
        instructions: Estimated instructions of an inference.
        cosine: Least cosine with the float model.
    """

    activation: str
    instructions: float
    cosine: float

    def __str__(self) -> str:
        what = f"{self.activation} in float" if self.activation else "all in int8"
        return f"{what}: {self.instructions / 1e6:.2f} M instructions, cosine {self.cosine:.4f}"


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """The file that was found, and the way to it.

    Attributes:
        curve: The files on the way; the last one is the file.
        spared: Results of the operators that compute in float.
        content: The file.
        fidelity: How close it is to the float model.
    """

    curve: tuple[Point, ...]
    spared: tuple[str, ...]
    content: bytes
    fidelity: Fidelity


def mix(
    activations: Mapping[str, Sequence[str]],
    make: Callable[[tuple[str, ...]], bytes],
    measure: Callable[[bytes], Fidelity],
    least: float,
) -> Mixture:
    """Leave as little in float as makes the file close.

    Args:
        activations: What may stay in float: for each activation, results of the operators that
            make and read it.
        make: Makes the file in which the operators with these results compute in float.
        measure: Compares a file with the float model.
        least: Least cosine with the float model that the file shall have.

    Returns:
        The first file that is close enough; the last of all where none is.
    """

    def tried(name: str, spared: Sequence[str] = (), before: tuple[Point, ...] = ()) -> Mixture:
        chosen = tuple(dict.fromkeys((*spared, *activations.get(name, ()))))
        content = make(chosen)
        found = measure(content)
        point = Point(
            activation=name,
            instructions=delegation.estimate(content),
            cosine=-1.0 if found.cosine is None else found.cosine,
        )
        return Mixture(curve=(*before, point), spared=chosen, content=content, fidelity=found)

    best = tried("")
    (whole,) = best.curve
    if whole.cosine >= least:
        return best
    alone = [tried(name).curve[0] for name in activations]
    for point in sorted(alone, key=lambda one: _worth(one, whole), reverse=True):
        best = tried(point.activation, best.spared, best.curve)
        if best.curve[-1].cosine >= least:
            break
    return best


def _worth(point: Point, whole: Point) -> float:
    """How much closer an activation in float brings the file, per instruction that it costs."""
    return (point.cosine - whole.cosine) / max(1.0, point.instructions - whole.instructions)
