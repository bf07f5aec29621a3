"""Findings: verdicts, warnings, and what a reader should conclude from the figures.

Each finding names its cause and, where there is one, the option that helps (as hyperfine's
warnings do). Findings that differ only in their numbers are merged into one, with all runs that
it concerns and the ranges of the numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tflconv.report import expectation, units
from tflconv.report.columns import Cell, DeviceRuns
from tflconv.results import BenchmarkRun, endurance, energy

OUTLIER_SHARE = 0.05
"""Share of outliers among the samples beyond which they are reported."""
SLOWER, MUCH_SLOWER = 0.95, 0.8
"""Speedups below which a run is called slower: a clean run, and any other."""
_NUMBER = re.compile(r"(?<![\w.-])\d+(?:\.\d+)?(?![\w.-]*[A-Za-z_])")
_OWN_CURES = (": let ", ": turn ", ": charge ")
_CURES = {
    "noisy": "Close other programs and measure again.",
    "throttled": "Let the device cool, or spread the runs with --run-delay.",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A statement about runs on one device; ``subject`` names them in short."""

    text: str
    subject: str
    severe: bool = False


def of(group: DeviceRuns) -> list[Finding]:
    """Return all findings about a group, severe ones first."""
    by_text: dict[tuple[str, bool], list[tuple[Cell, str]]] = {}
    for cell in group.cells:
        for text, severe in dict.fromkeys(_statements(cell)):
            by_text.setdefault((_NUMBER.sub("#", text), severe), []).append((cell, text))
    findings = [
        Finding(
            text=_merged([text for _, text in mentions]),
            subject=_subject([cell for cell, _ in mentions], group),
            severe=severe,
        )
        for (_, severe), mentions in by_text.items()
    ]
    findings += _flips(group)
    return sorted(findings, key=lambda finding: not finding.severe)


def _flips(group: DeviceRuns) -> Iterator[Finding]:
    """Yield the pairs of models whose ranks change while they run for long."""
    endurances = (
        (cell.run.model.slug, endurance.of(cell.run.conditions.sustained or ()))
        for cell in group.cells
    )
    lasting = [(name, each) for name, each in endurances if each is not None]
    for flip in endurance.flips(lasting):
        first, last = "at first", "in the end"
        if flip.minutes > 1:
            first, last = "in minute 1", f"in minute {flip.minutes}"
        yield Finding(
            text=f"faster than {flip.slower} {first} ({_ranks(flip.first_ranks)}), slower {last}"
            f" ({_ranks(flip.last_ranks)}).",
            subject=flip.faster,
            severe=True,
        )


def _ranks(ranks: tuple[int, int]) -> str:
    return f"rank {ranks[0]} against {ranks[1]}"


def _subject(cells: Sequence[Cell], group: DeviceRuns) -> str:
    """Return ``all``, or models with their recipes: ``vit fp32, fp16; mobilenet_v2``."""
    if len(cells) == len(group.cells):
        return "all"
    parts, concerned = [], set(cells)
    for name, members in group.models:
        recipes = [cell.run.model.recipe for cell in members if cell in concerned]
        if recipes:
            parts.append(name if len(recipes) == len(members) else f"{name} {', '.join(recipes)}")
    return "; ".join(parts)


def _merged(texts: Sequence[str]) -> str:
    """Merge texts that differ only in their numbers, with ranges in place of numbers."""
    columns = list(zip(*(_NUMBER.findall(text) for text in texts), strict=True))
    ranges = iter([_range(column) for column in columns])
    return _NUMBER.sub(lambda _: next(ranges), texts[0])


def _range(numbers: Sequence[str]) -> str:
    ordered = sorted(dict.fromkeys(numbers), key=float)
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"


def _statements(cell: Cell) -> Iterator[tuple[str, bool]]:
    run = cell.run
    if run.verdict is not None and run.verdict != "clean":
        for reason in run.reasons or ("no reason was recorded",):
            yield f"{run.verdict}: {reason}. {_cure(run.verdict, reason)}".rstrip(), True
    yield from ((_sentence(warning), False) for warning in run.warnings)
    yield from _held(run)
    yield from _started(run)
    yield from _uncounted(run)
    yield from _slower(cell)
    if surprise := expectation.of(run, cell.baseline, cell.speedup):
        yield surprise, True
    yield from _scattered(cell)
    yield from _endured(run)
    if run.accuracy is not None and run.accuracy.subset:
        yield (
            f"accuracy on a subset of {run.accuracy.dataset} ({run.accuracy.total} pictures): not"
            " comparable with published figures.",
            False,
        )


def _cure(verdict: str, reason: str) -> str:
    """What helps against a verdict, unless its reason says it."""
    return "" if any(word in reason for word in _OWN_CURES) else _CURES[verdict]


def _held(run: BenchmarkRun) -> Iterator[tuple[str, bool]]:
    golden = run.conditions.golden
    if golden is not None:
        yield (
            f"outputs for {golden.kept} of {golden.total} golden pictures are within the tolerance"
            f" of {golden.contract}.",
            golden.kept < golden.total,
        )


def _started(run: BenchmarkRun) -> Iterator[tuple[str, bool]]:
    starts = run.cold_start
    if starts is None or run.device.kind == "emulator":
        return
    costs = {
        kind: (
            f"{starts.median(kind, 'init_ns') / 1e6:.2f} ms,"
            f" {starts.median(kind, 'first_inference_ns') / 1e6:.2f} ms and"
            f" {starts.median(kind, 'peak_bytes') / 1e6:.1f} MB"
        )
        for kind in ("without", "cached")
    }
    yield (
        f"init, first inference and peak memory are {costs['cached']} with XNNPACK's weight cache,"
        f" {costs['without']} without it.",
        False,
    )


def _uncounted(run: BenchmarkRun) -> Iterator[tuple[str, bool]]:
    reason = run.conditions.instructions_not_counted
    if run.device.kind == "phone" and reason:
        yield (
            f"instructions were not counted ({reason}). Android 11 and newer allow it after `adb"
            " shell setprop security.perf_harden 0`; `--device arm64:cortex-a76` needs no phone.",
            False,
        )


def _slower(cell: Cell) -> Iterator[tuple[str, bool]]:
    speedup, graph = cell.speedup, cell.run.graph
    limit = SLOWER if _clean(cell.run) else MUCH_SLOWER
    if speedup is None or speedup >= limit:
        return
    text = f"slower than its baseline ({speedup:.2f} of its speed)."
    if graph is not None and graph.partitions > _partitions(cell.baseline):
        text += (
            f" XNNPACK runs it in {graph.partitions} partitions with built-in kernels between"
            " them: `tflconv inspect` names the ops"
        )
        selective = cell.run.model.recipe.startswith("selective")
        text += "." if selective else "; recipe selective_wi8_ai8 leaves them in float."
    elif _integers_cost_more(cell.run):
        text += (
            " Desktop CPUs without VNNI gain nothing from int8: count a phone's instructions"
            " with `--device arm64:cortex-a76`."
        )
    yield text, True


def _integers_cost_more(run: BenchmarkRun) -> bool:
    """Return whether the model computes in int8 on a desktop CPU without VNNI."""
    return (
        run.device.kind == "host"
        and run.model.recipe.endswith(("wi8_ai8", "wi8_afp32"))
        and not run.model.recipe.startswith("weight_only")
        and not any("vnni" in feature or feature == "asimddp" for feature in run.device.features)
    )


def _scattered(cell: Cell) -> Iterator[tuple[str, bool]]:
    if cell.latency is None or not _clean(cell.run):
        return
    summary = cell.latency.summary
    if summary["outliers"] > OUTLIER_SHARE * summary["count"]:
        share = units.percent(summary["outliers"] / summary["count"], 0)
        yield (
            f"outliers among the latencies ({share}): close other programs, or raise"
            " --warmup-runs and --num-runs.",
            False,
        )


def _endured(run: BenchmarkRun) -> Iterator[tuple[str, bool]]:
    taken = energy.of(run.conditions)
    if isinstance(taken, str):
        yield f"{taken}.", False
    endured = endurance.of(run.conditions.sustained or ())
    if endured is None:
        return
    text = f"holds {100 * endured.held:.0f} % of its peak speed over {endured.seconds:.0f} s"
    if endured.throttled_at_s is not None:
        yield f"{text}, and throttles from second {endured.throttled_at_s:.0f} on.", True
    else:
        yield f"{text}.", False


def _clean(run: BenchmarkRun) -> bool:
    return run.verdict in (None, "clean")


def _partitions(run: BenchmarkRun | None) -> int:
    return run.graph.partitions if run and run.graph else 1


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
