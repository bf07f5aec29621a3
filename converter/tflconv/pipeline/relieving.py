"""A file that is cheap and not close, made close by leaving some of its operators in float.

The operators come in an order, the most harmful first (``conversion.relief``). The fewest of them
that keep the limits are searched by halving: a file of half of them says in which half the limit
lies. So the search takes as many files as the number of operators has binary digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tflconv.inspection import delegation
from tflconv.pipeline.fidelity import Fidelity
from tflconv.pipeline.limits import FidelityLimits


@dataclass(frozen=True, kw_only=True)
class Relieved:
    """A file that keeps the limits.

    Attributes:
        names: Results of the operators that are left in float.
        content: The file.
        fidelity: How close it is to the float model.
        instructions: Estimated instructions of an inference.
    """

    names: tuple[str, ...]
    content: bytes
    fidelity: Fidelity
    instructions: float


def relieve(
    names: Sequence[str],
    make: Callable[[Sequence[str]], bytes],
    judge: Callable[[bytes], Fidelity],
    limits: FidelityLimits,
    below: float,
) -> Relieved | None:
    """Return the file with the fewest of ``names`` in float that keeps ``limits``.

    Args:
        names: Results of operators, the most harmful first.
        make: Makes the file with some of them in float.
        judge: Compares a file with the float model.
        limits: What the file may differ from it. With none of ``names`` in float it does not keep
            them.
        below: Instructions that the file must stay below.

    Returns:
        The file; None if none keeps the limits and is cheap enough.
    """
    best: Relieved | None = None
    too_few, enough = 0, len(names) + 1
    while enough - too_few > 1:
        count = (too_few + enough) // 2
        content = make(names[:count])
        price = delegation.estimate(content)
        if price >= below:
            enough = count
            continue
        fidelity = judge(content)
        if limits.hold(fidelity):
            best = Relieved(
                names=tuple(names[:count]), content=content, fidelity=fidelity, instructions=price
            )
            enough = count
        else:
            too_few = count
    return best
