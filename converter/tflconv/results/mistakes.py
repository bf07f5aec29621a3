"""Which classes a model takes for which, and pictures on which it parts from its reference.

Both are bounded: a results file of a thousand classes stays small.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tflconv.errors import require
from tflconv.results.ranges import require_finite

MOST_CONFUSIONS = 400
"""Pairs of a right and a wrong class that are kept, those that occur most."""

MOST_DISAGREEMENTS = 12
"""Pictures that are kept, those on which the reference was the surest."""

MOST_CHARACTERS = 4000
"""Characters of a picture in base64, which is the most that any text in results may have."""

_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")

Confusions = Mapping[str, Mapping[str, int]]
"""Right class, then the class that the model chose instead: number of pictures."""


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """One picture on which a model and its reference differ.

    Attributes:
        id: Name of the picture in its dataset.
        label: Its right class.
        reference: The class that the reference chooses.
        target: The class that the model chooses.
        margin: The reference's logit of its own choice, less its logit of the model's choice.
        picture: The picture, small, as a PNG or JPEG file in base64; None where it is not kept.
    """

    id: str
    label: str
    reference: str
    target: str
    margin: float
    picture: str | None = None

    def __post_init__(self) -> None:
        require_finite("disagreement", self, "margin")
        fits = self.picture is None or (
            len(self.picture) <= MOST_CHARACTERS and _BASE64.fullmatch(self.picture) is not None
        )
        rule = f"a PNG or JPEG file in base64, of at most {MOST_CHARACTERS} characters"
        require("disagreement", self, picture=(fits, rule))


def count(confusions: Confusions) -> int:
    """Return the number of pairs of classes."""
    return sum(map(len, confusions.values()))


def pictures(confusions: Confusions) -> int:
    """Return the number of pictures."""
    return sum(sum(answers.values()) for answers in confusions.values())
