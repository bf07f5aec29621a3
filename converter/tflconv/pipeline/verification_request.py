"""What a verification can be asked for; apart from ``requests``, because it needs so much less."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tflconv.errors import UsageError, require_seed
from tflconv.model import normalization
from tflconv.model.pictures import Resize
from tflconv.verification import MetricFunction, MetricName, metrics


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """What a user says about a file that does not say it itself.

    Attributes:
        normalize: How pixels become inputs, as ``normalization.parse`` reads it.
        resize: How pictures are brought to the size of the model.
        labels: Names of the outputs, in their order.
    """

    normalize: str | None = None
    resize: Resize | None = None
    labels: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.normalize is not None:
            normalization.parse(self.normalize)


@dataclass(frozen=True, kw_only=True)
class VerificationRequest(Preprocessing):
    """Which file is compared with which reference, on which pictures.

    Attributes:
        reference: A ``.keras`` or ``.h5`` file, a SavedModel folder or a ``.tflite``; None where
            ``golden`` takes its place.
        target: The ``.tflite`` file.
        dataset: Whose test split both see; by default what the model was trained on. Or samples of
            one's own, in any form that ``data.own`` reads.
        metric: What counts as right besides the class, by name or by a callable of outputs and
            labels.
        pictures: How many of its pictures, drawn by class; by default all.
        custom_objects: A Python file with layers that the reference uses. It is run.
        signature: Which function of a reference that is a SavedModel, where it has several.
        seed: Seed of the splits, where the dataset has none, and by which pictures are drawn.
        golden: A golden contract, whose pictures and outputs take the place of reference and
            dataset.
        app_log: What an app logged about those pictures; it is compared in place of the target,
            and where it parts from the contract is looked for.
    """

    reference: Path | None
    target: Path
    dataset: Any = None
    metric: MetricName | MetricFunction | None = None
    pictures: int | None = None
    custom_objects: Path | None = None
    signature: str | None = None
    seed: int = 0
    golden: Path | None = None
    app_log: Path | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        metrics.resolve(self.metric)
        require_seed("request", self)
        if self.golden is not None:
            self._check_golden()
        elif self.reference is None:
            raise UsageError(
                "there is nothing to compare with.",
                hint="Name both models, first the reference, then its .tflite file; or the file and"
                " its golden contract: --golden FILE.",
            )
        elif self.app_log is not None:
            raise UsageError(
                "a log of an app is about the pictures of a golden contract.",
                hint="Name it: --golden FILE.",
            )

    def _check_golden(self) -> None:
        """Raise for what a contract says itself."""
        options = [name for name in _SAID_BY_GOLDEN if getattr(self, name) is not None]
        if options:
            raise UsageError(
                f"{' and '.join(options)}: the golden contract says it already.",
                hint="Name the file and the contract only: --golden FILE.",
            )


_SAID_BY_GOLDEN = (
    "reference", "dataset", "pictures", "normalize", "resize", "labels", "custom_objects",
    "signature",
)  # fmt: skip
