"""What the harness says: JSON lines, each an object with a ``type``; pure parsing, no device.

The lines are documented in ``android-benchmark/README.md``. Anything else on stdout (a shell's
greeting, a vendor's warning) is skipped; a conversation without its last line was cut.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tflconv.errors import DeviceError

PROTOCOL = 1

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Conversation:
    """The lines of one process, in order."""

    lines: tuple[Line, ...]

    def every(self, kind: str) -> Iterator[Line]:
        """All lines of a type."""
        return (line for line in self.lines if line["type"] == kind)

    def get(self, kind: str) -> Line | None:
        """The first line of a type, if there is one."""
        return next(self.every(kind), None)

    def __getitem__(self, kind: str) -> Line:
        """The first line of a type, which must be there."""
        line = self.get(kind)
        if line is None:
            raise DeviceError(f"the harness did not report '{kind}'.")
        return line

    def samples(self, phase: str) -> tuple[int, ...]:
        """Nanoseconds of every run of the phase ``warmup`` or ``steady``."""
        runs = (line for line in self.every("run") if line["phase"] == phase)
        return tuple(sample for line in runs for sample in line["samples_ns"])


def parse(stdout: str) -> Conversation:
    """Read what a harness wrote. Raises ``DeviceError`` if a line is damaged."""
    return Conversation(tuple(map(_object, filter(_is_line, stdout.splitlines()))))


def _is_line(text: str) -> bool:
    return text.lstrip().startswith('{"type":')


def _object(text: str) -> Line:
    try:
        value: Line = json.loads(text)
    except ValueError as error:
        raise DeviceError(
            f"the harness's output is cut in the middle of a line: ...{text[-40:]!r}.",
            hint="The connection broke or the device ran out of something; measure again.",
        ) from error
    return value
