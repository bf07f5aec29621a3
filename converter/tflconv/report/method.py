"""How the figures of a report were measured: sentences, settings and conditions of the runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from tflconv.core.jsonvalue import JsonObject, JsonValue
from tflconv.report.columns import DeviceRuns
from tflconv.results import BenchmarkRun, Software

LISTED = 12
"""Most values of a list that are shown; longer lists are counted."""
_KINDS = {
    "host": "Measured on this computer. A desktop's latency is never a phone's.",
    "emulator": (
        "Counted in an emulator with the instruction set of the named core and the same arm64"
        " kernels as on a phone. Instructions are no latency and no energy, so none is shown."
    ),
    "phone": (
        "Measured on the device over adb, in a shell process, which the scheduler may treat"
        " otherwise than a foreground app."
    ),
}
_LATENCY = (
    "Latency is wall-clock time of one inference of batch 1, after warmup; every sample is kept."
    " The figure is their median, p5–p95 is the 5th to 95th percentile."
)
_TURNS = (
    "Files took turns: the samples of each come of several process starts, with those of the other"
    " files between them, so that all met the same minutes of the device."
)
_CPU = (
    "CPU is the process' CPU time per inference while it runs without pause; CPU at a rate is the"
    " share of one core that so many inferences per second keep busy."
)
_MEMORY = (
    "Peak memory is the largest resident set of a fresh process that runs only this model,"
    " unprofiled; the runtime library is part of it."
)
_EMULATED = (
    "Instructions of the phone are counted by its CPU; emulated are those of the same file on an"
    " emulated core with the same kernels, which should be near."
)
_SUSTAINED = (
    "A sustained run is minutes of inferences: its peak is the best ten seconds, held is the last"
    " third, and a device throttles from the moment on after which it never comes back to"
    " within a tenth of the peak. Before it a phone is waited for until it is as cool as at first."
)
_ENERGY = (
    "Energy is what the battery's charge counter lost in the sustained run, its screen and all else"
    " included; the interval is three steps of that counter to either side."
)
_ACCURACY = (
    "Accuracy is top-1 on the test split, with Wilson's 95 % interval. Agreement is the share of"
    " pictures that a file and the model it was made from put into the same class."
)
_PARTITIONS = (
    "Partitions are the pieces of the graph that XNNPACK runs; one is best, each further one means"
    " slow built-in kernels between them."
)


def sentences(group: DeviceRuns) -> list[str]:
    """Return how each part of the runs was measured, only for parts that were."""
    cells = group.cells
    applies = {
        _KINDS[group.device.kind]: True,
        _LATENCY: any(cell.latency for cell in cells),
        _TURNS: any(cell.run.schedule and cell.run.schedule.files > 1 for cell in cells),
        _CPU: any(cell.cpu for cell in cells),
        _MEMORY: any(cell.memory for cell in cells),
        _EMULATED: any(cell.run.conditions.instructions_emulated for cell in cells),
        _SUSTAINED: any(cell.endurance for cell in cells),
        _ENERGY: any(cell.energy for cell in cells),
        _ACCURACY: any(cell.run.accuracy for cell in cells),
        _PARTITIONS: any(cell.run.graph for cell in cells),
    }
    return [sentence for sentence, applied in applies.items() if applied]


def conditions(group: DeviceRuns) -> dict[str, str]:
    """Return settings and conditions of the runs; where they differ, all values or their range."""
    described = {"device": group.device.id, "CPU": group.device.cpu, "cores": group.device.cores}
    described |= {"OS": group.device.os, "ABI": group.device.abi, "build": group.device.build}
    described["CPU features"] = " ".join(group.device.features) or None
    summary = {key: str(value) for key, value in described.items() if value is not None}
    summary |= _merged(_settings(cell.run) for cell in group.cells)
    return summary | _merged(cell.run.conditions.to_json() for cell in group.cells)


def _settings(run: BenchmarkRun) -> JsonObject:
    """Return the settings of a run, with the number of blocks that it came to."""
    if "blocks" not in run.config:
        return run.config
    return {**run.config, "blocks": len(run.schedule.blocks) if run.schedule else 1}


def flat(context: JsonObject) -> dict[str, str]:
    """Return the entries of a context as text; a mapping of plain values is split up."""
    texts: dict[str, str] = {}
    for key, value in context.items():
        entries = value.items() if isinstance(value, Mapping) else [(key, value)]
        texts |= {k.replace("_", " "): plain(v) for k, v in entries if v is not None}
    return texts


def software(group: DeviceRuns) -> list[Software]:
    """Return harness and runtime of the runs, without duplicates."""
    used = [part for cell in group.cells for part in (cell.run.harness, cell.run.runtime)]
    return list(dict.fromkeys(part for part in used if part is not None))


def plain(value: JsonValue) -> str:
    """Return a JSON value as text.

    Example:
        >>> plain({"runs": 3, "shares": [0.5, 1.0], "gpu": False})
        'runs 3, shares 0.5, 1, gpu no'
    """
    if isinstance(value, (list, tuple)) and _is_long(value):
        return f"{len(value)} entries"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {plain(item)}" for key, item in value.items() if item is not None)
    if isinstance(value, (list, tuple)):
        return ", ".join(plain(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _is_long(values: Sequence[JsonValue]) -> bool:
    return len(values) > LISTED or any(isinstance(value, Mapping) for value in values)


def _merged(mappings: Iterable[JsonObject]) -> dict[str, str]:
    values: dict[str, dict[str, JsonValue]] = {}
    for mapping in mappings:
        for key, value in mapping.items():
            if value not in (None, ""):
                values.setdefault(key.replace("_", " "), {})[json.dumps(value)] = value
    return {key: _together(list(distinct.values())) for key, distinct in values.items()}


def _together(values: list[JsonValue]) -> str:
    numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    if len(numbers) == len(values) > 1:
        return f"{plain(min(numbers))} to {plain(max(numbers))}"
    texts = list(dict.fromkeys(plain(value) for value in values))
    return " / ".join(texts) if len(texts) <= LISTED else f"{len(texts)} different values"
