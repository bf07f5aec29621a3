"""Whether two runs can be compared at all: the same device, software and settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from tflconv.errors import UsageError
from tflconv.results import Accuracy, BenchmarkRun, Software

WITHOUT_INFLUENCE = {"timeout", "blocks", "burst_secs", "test_set_sha256", "weight_cache"}
"""Settings that do not change what a block measures; pictures are compared by their own hash."""

_BEFORE = {"precision": "fp32"}
"""What older results do not say, because there was no choice."""


def require(
    baseline: BenchmarkRun, contender: BenchmarkRun, *, across_runtimes: bool = False
) -> None:
    """Check that two runs differ in the model file alone.

    Args:
        baseline: One run.
        contender: The other run.
        across_runtimes: Whether LiteRT and the harness may differ.

    Raises:
        UsageError: They differ in something else; the message says in what.
    """
    reasons = list(differences(baseline, contender))
    if across_runtimes:
        reasons = [text for text in reasons if not text.startswith(_SOFTWARE)]
    if reasons:
        raise UsageError(
            f"{baseline.model.slug} and {contender.model.slug} were not measured alike:"
            f" {'; '.join(reasons)}.",
            hint="Measure both alike, or compare all the same with --force"
            " (another LiteRT alone: --across-runtimes).",
        )


_SOFTWARE = ("runtime", "harness")


def differences(baseline: BenchmarkRun, contender: BenchmarkRun) -> Iterator[str]:
    """Yield what two runs differ in beside the model, one sentence each."""
    first, second = asdict(baseline.device), asdict(contender.device)
    for name in first:
        if first[name] != second[name]:
            yield f"device {name} {first[name]} and {second[name]}"
    for part in _SOFTWARE:
        sides: list[Software | None] = [getattr(run, part) for run in (baseline, contender)]
        if len({side and side.sha256 for side in sides}) > 1:
            yield f"{part} {' and '.join(map(_version, sides))}"
    names = baseline.config.keys() | contender.config.keys()
    for name in sorted(names - WITHOUT_INFLUENCE):
        old, new = (run.config.get(name, _BEFORE.get(name)) for run in (baseline, contender))
        if old != new:
            yield f"{name} {old} and {new}"
    if baseline.accuracy and contender.accuracy:
        pictures = [_pictures(run.accuracy) for run in (baseline, contender) if run.accuracy]
        if pictures[0] != pictures[1]:
            yield f"test pictures {pictures[0]} and {pictures[1]}"


def _pictures(accuracy: Accuracy) -> str:
    return f"{accuracy.total} of {accuracy.dataset} ({accuracy.pictures or accuracy.digest})"


def _version(software: Software | None) -> str:
    return f"{software.name} {software.version} ({software.sha256[:8]})" if software else "none"
