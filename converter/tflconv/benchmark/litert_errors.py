"""What LiteRT says on stderr when it gives up, in one line for a person."""

from __future__ import annotations

import re

_ERROR = re.compile(r"ERROR: (?:\[[^\]]*\] )?(.+)")
_NODE = re.compile(r"Node number \d+ \((.+)\) failed to (?:prepare|invoke)")
_UNRESOLVED = re.compile(r"Encountered unresolved custom op: (.+?)\.?$")
_LACKING = re.compile(r"Didn't find op for builtin opcode '(.+?)' version '(\d+)'")
_CONSEQUENCES = ("Failed to ", "Stub operation invoked")
LISTED = 2
"""How many complaints are repeated."""


def reason(stderr: str) -> str:
    """Return why LiteRT gave up, "" if it did not say.

    Example:
        >>> reason("ERROR: Encountered unresolved custom op: sinh.")
        "it needs the custom operator sinh, which LiteRT's CPU runtime lacks"
    """
    lines = [match[1].strip() for match in map(_ERROR.match, stderr.splitlines()) if match]
    node = next((match[1] for match in map(_NODE.search, lines) if match), "")
    reasons = [
        _explained(line, node)
        for line in lines
        if not line.startswith(_CONSEQUENCES) and not _NODE.search(line)
    ]
    return "; ".join(list(dict.fromkeys(reasons))[:LISTED])


def _explained(line: str, node: str) -> str:
    if line.startswith("Select TensorFlow op") or "Flex delegate" in line:
        name = node.removeprefix("Flex")
        return f"it needs TensorFlow's operator {name} (Flex), which LiteRT's CPU runtime lacks"
    if match := _UNRESOLVED.match(line):
        return f"it needs the custom operator {match[1]}, which LiteRT's CPU runtime lacks"
    if "kTfLiteArenaRw" in line:
        return (
            "the shape of an output is known only while the model runs, and LiteRT's compiled"
            " models cannot give such outputs; a model converted with a batch of 1 has fixed shapes"
        )
    if match := _LACKING.match(line):
        return f"it needs version {match[2]} of {match[1]}, which this LiteRT lacks"
    return f"{line.rstrip('.')} (in {node})" if node else line.rstrip(".")
