"""How much a file may differ from its float model: what is asked for, and what was measured."""

from __future__ import annotations

from dataclasses import dataclass

from tflconv.errors import VerificationFailed, require
from tflconv.pipeline.fidelity import Fidelity

CLOSE = 0.998
"""Least cosine with the float model from which on a file is close, where nothing is asked for."""

_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class FidelityLimits:
    """What a file may differ from its float model.

    Attributes:
        min_cosine: Least cosine of its answers, 0 to 1.
        max_drop: Largest loss of top-1 accuracy on labelled pictures, as a share.
    """

    min_cosine: float | None = None
    max_drop: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("min_cosine", self.min_cosine), ("max_drop", self.max_drop)):
            share = value is None or 0 <= value <= 1
            require("conversion", self, **{name: (share, "a share from 0 to 1")})

    @property
    def are_said(self) -> bool:
        """Whether anything is asked for."""
        return self.min_cosine is not None or self.max_drop is not None

    @property
    def or_close(self) -> FidelityLimits:
        """These limits, or what is close where nothing is asked for."""
        return self if self.are_said else FidelityLimits(min_cosine=CLOSE)

    def hold(self, fidelity: Fidelity) -> bool:
        """Return whether a file that was found so differs no more."""
        if self.min_cosine is not None and (
            fidelity.cosine is None or fidelity.cosine < self.min_cosine
        ):
            return False
        if self.max_drop is None:
            return True
        return fidelity.drop is not None and fidelity.drop.share <= self.max_drop + _ROUNDING

    def check(self, fidelity: Fidelity, name: str) -> None:
        """Hold what was found of the file called ``name`` against what is asked for.

        Raises:
            VerificationFailed: It differs by more, or could not be compared.
        """
        fidelity.check(self.min_cosine, name)
        if self.max_drop is None or fidelity.drop is None or self.hold(fidelity):
            return
        raise VerificationFailed(
            f"{name}: {fidelity.drop}, allowed are {100 * self.max_drop:.2f} points.",
            hint="Use mixed_wi8_ai8, which leaves in float what does most harm, or train for int8"
            " with qat_static_wi8_ai8.",
        )
