"""List the phones that adb knows, each asked whether it can run models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tflconv.device import adb, parse, phone_report, suitability
from tflconv.device.access import Cancellation
from tflconv.device.adb_choice import state_hint
from tflconv.device.kinds import ListedDevice
from tflconv.device.parallel import side_by_side
from tflconv.errors import DeviceError

ABILITIES = ("latency", "cpu", "memory", "accuracy", "conditions")

SECONDS = 10.0
"""Time limit of each question to a phone."""


def rows(program: Path, known: Sequence[parse.AdbDevice]) -> list[ListedDevice]:
    """Return a row per phone; all are asked at the same time.

    Args:
        program: The adb to use.
        known: The phones that adb lists.

    """
    answers = side_by_side(_Question(program), known)
    return [answer for answer in answers if isinstance(answer, ListedDevice)]


@dataclass(frozen=True)
class _Question:
    """Asks a phone for its row."""

    program: Path

    def __call__(self, listed: parse.AdbDevice, cancellation: Cancellation) -> ListedDevice:
        state, hint = listed.state, state_hint(listed.state)
        if listed.usable:
            state, hint = self._state(listed, cancellation)
        return ListedDevice(
            id=f"adb:{listed.serial}",
            kind="phone",
            name=listed.details.get("model", "").replace("_", " ") or listed.serial,
            state=state,
            abilities=ABILITIES if state == "ready" else (),
            hint=hint,
        )

    def _state(self, listed: parse.AdbDevice, cancellation: Cancellation) -> tuple[str, str | None]:
        """Return the state of a phone that adb can use, and how to make it ready."""
        connection = adb.Connection(
            program=self.program,
            serial=listed.serial,
            cancellation=cancellation,
            server=listed.server,
        )
        try:
            obstacle = _obstacle(connection)
        except DeviceError as error:
            return "not answering", f"{error.message} {error.hint or ''}".strip()
        if obstacle is None:
            return "ready", None
        return obstacle.state, f"adb:{listed.serial} {obstacle.sentence}. {obstacle.hint}"


def _obstacle(connection: adb.Connection) -> suitability.Obstacle | None:
    if not connection.has_shell(timeout=SECONDS):
        return suitability.NO_EXIT_CODES
    answer = connection.shell(["sh", "-c", phone_report.ASK], timeout=SECONDS)
    return phone_report.obstacle(parse.sections(answer.stdout))
