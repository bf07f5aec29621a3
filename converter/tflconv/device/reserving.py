"""A lock on the phone itself, so that two people never measure on it at once.

The lock is a file that a program on the phone holds open and locked (``flock``) while it is
measured on, so it holds for everybody, on whatever computer, and whatever adb server they come by.
The program ends with its connection however that happens, and the lock with it: what was killed
leaves no lock behind. Who holds it stands in a file beside it. ``flock`` ends with 1 where the lock
is held; a phone on which it ends with something else lacks it (before Android 8) and is not locked.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import platform
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Protocol

from tflconv.core.text import clean_name
from tflconv.device import parse
from tflconv.errors import DeviceError

AWAITED = "=== told"

HOLD = f"""
cd "$0" || exit 1
stay() {{ while :; do sleep 60 9>&-; done; }}
{{
  tries=0
  while code=0; flock -n 9 2>/dev/null || code=$?; [ $code = 1 ]; do
    tries=$((tries + 1))
    if [ $tries -ge 3 ]; then echo "=== held"; cat holder; echo "{AWAITED}"; exit 0; fi
    sleep 1 9>&-
  done
  echo "$1" >holder
  echo "=== taken"
  echo "{AWAITED}"
  stay
}} 9>>lock
"""
"""Takes the lock in the folder ``$0`` for ``$1`` and holds it; what ends just now is waited for."""


class Holding(Protocol):
    """What this module needs of a phone."""

    @property
    def id(self) -> str:
        """Name of the device."""
        ...

    @property
    def folder(self) -> str:
        """Folder on the phone for files of tflconv."""
        ...

    def background(
        self, text: str, *arguments: str, awaited: str = ""
    ) -> contextlib.AbstractContextManager[list[str]]:
        """Run shell lines until the block ends, which begins when ``awaited`` was printed."""
        ...


@contextlib.contextmanager
def hold(phone: Holding) -> Iterator[None]:
    """Hold the lock of ``phone`` during the block.

    Raises:
        DeviceError: Somebody else holds it, or the phone was lost.
    """
    with phone.background(HOLD, phone.folder, who(), awaited=AWAITED) as printed:
        answer = parse.sections("".join(printed))
        if "held" in answer:
            holder = clean_name(answer["held"]) or "another process"
            raise DeviceError(
                f"{phone.id} is in use by {holder}.",
                hint="Wait until that has ended, or measure on another phone.",
            )
        if "taken" not in answer:
            raise DeviceError(
                f"{phone.id} did not answer.", hint="Unlock it and check its cable, then run again."
            )
        yield


def who() -> str:
    """Return who measures: user, computer, process and since when.

    Example:
        >>> who().endswith(" UTC")
        True
    """
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container may have no entry for its user
        user = f"user {os.getuid()}"
    since = datetime.now(timezone.utc).strftime("%H:%M UTC")
    return clean_name(f"{user} at {platform.node()}, process {os.getpid()}, since {since}")
