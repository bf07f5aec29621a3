"""A file that was not copied: whether the phone, this computer or the connection is to blame."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tflconv.device import adb
from tflconv.errors import DeviceError

TO = "failed to copy 'm.tflite' to '/data/local/tmp/tflconv/m.part'"
SAID = {
    f"{TO}: remote couldn't create file: Permission denied": ("permission denied", "shell user"),
    "stat failed when trying to push to /data/local/tmp/m: Permission denied": (
        "permission denied",
        "shell user",
    ),
    f"{TO}: remote secure_mkdirs failed: Operation not permitted": (
        "refused the file: secure_mkdirs failed: Operation not permitted",
        "phone-setup",
    ),
    f"{TO}: remote couldn't create file: Required key not available": (
        "required key not available",
        "unlock its screen",
    ),
    f"{TO}: remote write failed: No space left on device": ("no space left", "Free some space"),
    f"{TO}: remote write failed: Disk quota exceeded": (
        "refused the file: write failed: Disk quota exceeded",
        "phone-setup",
    ),
    "failed to stat remote object '/data/m': No such file or directory": (
        "refused the file: object '/data/m': No such file or directory",
        "phone-setup",
    ),
    "cannot create file/directory 'here.bin': No space left on device": (
        "adb on this computer: cannot create file/directory 'here.bin'",
        None,
    ),
    "cannot write 'here.bin': No space left on device": ("adb on this computer: cannot", None),
    f"{TO}: couldn't read from device": ("was lost", "Reconnect"),
    "failed to read copy response: EOF": ("was lost", "Reconnect"),
    "device '5A1' not found": ("was lost: not found", "Reconnect"),
    "closed": ("was lost: closed", "Reconnect"),
}


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("prefix", ["adb: error: ", "error: "])
def test_who_is_to_blame_for_a_file_that_was_not_copied(
    tmp_path: Path, prefix: str, said: str
) -> None:
    program = tmp_path / "adb"
    program.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{prefix}{said}\nEND\nexit 1\n")
    program.chmod(0o755)
    file = tmp_path / "m.tflite"
    file.write_bytes(b"model")
    message, hint = SAID[said]

    with pytest.raises(DeviceError, match=re.escape(message)) as caught:
        adb.Connection(program=program, serial="5A1").push(file, "/data/local/tmp/tflconv/m.part")

    assert ("5A1" in caught.value.message) == ("this computer" not in message)
    assert hint is None or hint in str(caught.value.hint)
