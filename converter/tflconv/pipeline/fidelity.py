"""How close the file of a recipe is to the float model that it was made of: the one check of all.

Both see the same few samples. The least cosine is that of the sample and output that suffered most;
rounding leaves it close to 1, and what is wrong with a file (an operator that was lost, ranges of
other data, outputs in another order) does not. Agreement is the share of samples on which both make
the same choice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass

import cattrs
import numpy as np
from numpy.typing import NDArray

from tflconv.core.jsonvalue import JsonObject, JsonValue
from tflconv.errors import VerificationFailed

CLOSE = 0.99
"""Least cosine below which a user is warned."""

_SMALL = 0.01
"""Share of the longest answer below which an answer has no direction that means anything."""

Answers = Mapping[str, NDArray[np.float32]]
"""By name of output, the answers to all samples: ``[samples, ...]``."""

_converter = cattrs.Converter()


@dataclass(frozen=True, kw_only=True)
class Drop:
    """What a file loses of the accuracy of the model that came, on validation pictures.

    Attributes:
        source: Name of their dataset.
        pictures: Number of pictures.
        reference_correct: Pictures that the model classifies correctly.
        correct: Pictures that the file classifies correctly.
        doubts: What speaks against trusting it, such as a model that has learned nothing.

    Example:
        >>> print(Drop(source="photos", pictures=200, reference_correct=190, correct=189))
        top-1 fell by 0.50 points on 200 validation pictures of photos
    """

    source: str
    pictures: int
    reference_correct: int
    correct: int
    doubts: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Share of the pictures that are lost."""
        return (self.reference_correct - self.correct) / self.pictures

    def __str__(self) -> str:
        return (
            f"top-1 fell by {100 * self.share:.2f} points on {self.pictures} validation pictures"
            f" of {self.source}"
        )


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """How close a file is to its float model.

    Attributes:
        samples: Number of samples that both have seen.
        source: What the samples are called; ``noise`` where there were none.
        cosine: Least cosine over all samples and outputs; None if the model could not answer.
        agreement: Share of samples with the same choice; None where no output is a choice.
        trouble: Why the model could not answer.
        breaks_on_zeros: Whether the file answers an input of zeros with NaN or infinity, and the
            model with numbers.
        drop: What it loses on labelled pictures, if that was asked for.

    Example:
        >>> Fidelity(samples=16, source="photos", cosine=0.9991, agreement=1.0)
        Fidelity(cosine 0.9991, agreement 100% on 16 samples of photos)
    """

    samples: int
    source: str
    cosine: float | None = None
    agreement: float | None = None
    trouble: str = ""
    breaks_on_zeros: bool = False
    drop: Drop | None = None

    @property
    def warning(self) -> str | None:
        """What a user should know, if anything."""
        if self.cosine is None:
            return f"the file could not be compared with the model it was made of: {self.trouble}."
        if self.breaks_on_zeros:
            return (
                "the file answers an input of zeros with NaN or infinity, and the model it was made"
                " of does not. XNNPACK's reciprocal square root of 0 is infinite, so a layer such"
                " as UnitNormalization breaks on a row of zeros: add a small number before it, or"
                " use LayerNormalization, which does."
            )
        if self.cosine < CLOSE:
            return (
                "the file is not close to the model it was made of: its least cosine with it is"
                f" {self.cosine:.4f} on {self._on}. `tflconv verify` tells what that costs on your"
                " pictures; `--min-cosine SHARE` refuses such files."
            )
        return None

    def check(self, least: float | None, name: str) -> None:
        """Hold the cosine of the file called ``name`` against the ``least`` that is allowed.

        Raises:
            VerificationFailed: It is below, or could not be computed.
        """
        if least is None:
            return
        if self.cosine is None:
            raise VerificationFailed(f"{name}: {self.warning}")
        if self.cosine < least:
            raise VerificationFailed(
                f"{name}: its least cosine with the model it was made of is {self.cosine:.4f} on"
                f" {self._on}, asked for {least:g}.",
                hint="Calibrate with samples of your own data, or use selective_wi8_ai8, which"
                " keeps more in float.",
            )

    def to_json(self) -> dict[str, JsonValue]:
        """Return all fields as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: JsonObject) -> Fidelity:
        """Read what ``to_json`` wrote."""
        return _converter.structure(value, cls)

    @property
    def _on(self) -> str:
        return f"{self.samples} samples of {self.source}"

    def __repr__(self) -> str:
        if self.cosine is None:
            return f"Fidelity(not compared: {self.trouble})"
        agreement = "" if self.agreement is None else f", agreement {self.agreement:.0%}"
        return f"Fidelity(cosine {self.cosine:.4f}{agreement} on {self._on})"


def compare(
    expected: Answers, received: Answers, source: str, *, halves: Collection[str] = ()
) -> Fidelity:
    """Compare the answers of a float model and of a file.

    Args:
        expected: Answers of the float model.
        received: Answers of the file, to the same samples.
        source: What the samples are called.
        halves: Names of outputs where a single value above 0.5 is a choice.

    Example:
        >>> scores = np.array([[1, 3], [2, 1]], np.float32)
        >>> compare({"scores": scores}, {"scores": scores + 0.1}, "photos").agreement
        1.0
    """
    pairs = [(values, received[name]) for name, values in expected.items()]
    if not all(np.isfinite(values).any() for values in expected.values()):
        nowhere = "the model itself answers with NaN or infinity only"
        return Fidelity(samples=len(pairs[0][0]), source=source, trouble=nowhere)
    choices = [_agreement(*pair) for pair in pairs if _is_choice(pair[0])]
    choices += [
        float(((expected[name] > 0.5) == (received[name] > 0.5)).mean())
        for name in expected
        if name in halves and expected[name].size == len(expected[name])
    ]
    return Fidelity(
        samples=len(pairs[0][0]),
        source=source,
        cosine=min(_least_cosine(*pair) for pair in pairs),
        agreement=min(choices) if choices else None,
    )


def _least_cosine(expected: NDArray[np.float32], received: NDArray[np.float32]) -> float:
    """The least cosine over samples; of outputs of one value, that over all samples at once."""
    wanted, got = _rows(expected), _rows(received)
    if wanted.shape != got.shape or not np.isfinite(got[np.isfinite(wanted)]).all():
        return 0.0
    wanted, got = (np.where(np.isfinite(wanted), values, 0.0) for values in (wanted, got))
    lengths, others = np.linalg.norm(wanted, axis=1), np.linalg.norm(got, axis=1)
    is_large = np.maximum(lengths, others) > _SMALL * lengths.max(initial=0.0)
    products = (wanted * got).sum(axis=1)[is_large]
    norms = (lengths * others)[is_large]
    cosines = np.divide(products, norms, out=np.zeros_like(norms), where=norms > 0)
    return float(cosines.clip(-1, 1).min(initial=1.0))


def _rows(values: NDArray[np.float32]) -> NDArray[np.float64]:
    rows = values.reshape(len(values), -1).astype(np.float64)
    return rows if rows.shape[1] > 1 else rows.reshape(1, -1)


def _is_choice(values: NDArray[np.float32]) -> bool:
    """Whether an answer is one row of several scores."""
    sides: Sequence[int] = values.shape[1:]
    return len(sides) > 0 and sides[-1] > 1 and int(np.prod(sides)) == sides[-1]


def _agreement(expected: NDArray[np.float32], received: NDArray[np.float32]) -> float:
    """Share of samples with the same choice: of equal scores the first, as elsewhere."""
    if expected.shape != received.shape:
        return 0.0
    expected_choices, received_choices = (
        values.reshape(len(values), -1).argmax(axis=1) for values in (expected, received)
    )
    return float((expected_choices == received_choices).mean())
