"""Overlays for Model Explorer: a JSON file per figure, with a value per operator.

``model-explorer FILE.tflite --node_data_paths=FOLDER/...json`` colours its graph by them, or a
reader uploads one there. The format is that of its ``node_data_builder.GraphNodeData``: results by
the name of an output tensor, or by the number of the node where names are missing or not unique,
and a gradient from the least to the largest value.
(https://github.com/google-ai-edge/model-explorer/wiki/2.-User-Guide#custom-node-data)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tflconv.core import outputs
from tflconv.core.files import write_text
from tflconv.core.jsonvalue import JsonObject, JsonValue
from tflconv.core.text import file_name, to_json
from tflconv.inspection import facts
from tflconv.inspection.diff import Difference
from tflconv.inspection.facts import OperatorFacts
from tflconv.inspection.inspect import Inspection
from tflconv.verification.per_operator import ErrorTrace

_CHEAP, _DEAR = "#f4f7fa", "#d55e00"
_XNNPACK, _BUILT_IN = "#56b4e9", "#e69f00"
_CHANGES = {
    "added": "#009e73",
    "pruned": "#cc79a7",
    "retyped": "#56b4e9",
    "reordered": "#f0e442",
}

Values = Mapping[int, JsonValue]
"""A value per operator, by its position."""


def write(
    inspection: Inspection,
    folder: Path,
    *,
    difference: Difference | None = None,
    second: bool = False,
    errors: ErrorTrace | None = None,
) -> list[Path]:
    """Write the overlays of a file into a folder, and return their paths.

    Args:
        inspection: The file.
        folder: Where they go.
        difference: What differs from another file.
        second: Whether the file is the second one of that difference.
        errors: The error per operator of the file.
    """
    outputs.try_folder(folder)
    stem = file_name(inspection.model.path.stem)
    overlays = of(inspection, difference=difference, second=second, errors=errors)
    return [
        write_text(folder / f"{stem}-{name}.json", to_json(overlay) + "\n")
        for name, overlay in overlays.items()
    ]


def of(
    inspection: Inspection,
    *,
    difference: Difference | None = None,
    second: bool = False,
    errors: ErrorTrace | None = None,
) -> dict[str, JsonObject]:
    """Return the overlays by name: instructions, bytes, delegation, changes, snr."""
    operators = facts.of(inspection).operators
    keys = _keys(operators)
    overlays = {
        "instructions": _shaded(keys, {o.index: round(o.instructions) for o in operators}),
        "bytes": _shaded(keys, {o.index: o.bytes for o in operators}),
        "delegation": _colored(
            keys,
            {o.index: _run_by(o) for o in operators},
            {o.index: _XNNPACK if o.partition else _BUILT_IN for o in operators},
        ),
    }
    if difference is not None:
        changes = marks(difference, second)
        colors = {i: _CHANGES.get(text.partition(":")[0], _BUILT_IN) for i, text in changes.items()}
        overlays["changes"] = _colored(keys, changes, colors)
    if errors is not None:
        values = {each.index: round(each.worst, 2) for each in errors.operators}
        overlays["snr"] = _shaded(keys, values, low=_DEAR, high=_CHEAP)
    return overlays


def _keys(operators: tuple[OperatorFacts, ...]) -> dict[int, str]:
    """Return what Model Explorer knows each operator by."""
    counts = Counter(each.output for each in operators)
    return {
        each.index: each.output if each.output and counts[each.output] == 1 else str(each.index)
        for each in operators
    }


def _shaded(
    keys: Mapping[int, str], values: Values, *, low: str = _CHEAP, high: str = _DEAR
) -> JsonObject:
    return {
        "results": {keys[index]: {"value": value} for index, value in values.items()},
        "gradient": [{"stop": 0, "bgColor": low}, {"stop": 1, "bgColor": high}],
    }


def _colored(keys: Mapping[int, str], values: Values, colors: Mapping[int, str]) -> JsonObject:
    return {
        "results": {
            keys[index]: {"value": value, "bgColor": colors[index]}
            for index, value in values.items()
        }
    }


def _run_by(operator: OperatorFacts) -> str:
    if operator.partition is not None:
        return f"XNNPACK partition {operator.partition}"
    return f"built-in: {operator.reason}" if operator.reason else "built-in"


def marks(difference: Difference, second: bool) -> dict[int, str]:
    """Return what happened to each operator of one file, by its position."""
    details: dict[int, list[str]] = {}
    for mark in difference.marks:
        place = mark.places[1 if second else 0]
        if place is not None:
            kind, _, detail = mark.entry
            details.setdefault(place, []).append(f"{kind}: {detail}")
    return {place: "; ".join(texts) for place, texts in details.items()}
