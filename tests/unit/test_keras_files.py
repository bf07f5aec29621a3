"""Keras files whose container lies: each is one message, or a copy that holds what was checked."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from fakes import hostile_files as sound
from tflconv.errors import TflconvError
from tflconv.model import keras_file
from tflconv.model.door import Door

ENTRY = b"PK\x01\x02"
CONFIG = json.dumps(sound.CONFIG)


def entries(content: bytearray, place: int, value: bytes) -> bytes:
    """Write ``value`` at a place of each entry of the directory of an archive."""
    start = content.find(ENTRY)
    while start >= 0:
        content[start + place : start + place + len(value)] = value
        start = content.find(ENTRY, start + 4)
    return bytes(content)


def in_one_place(content: bytearray) -> bytes:
    first = content.find(ENTRY) + 42
    return entries(content, 42, bytes(content[first : first + 4]))


def with_an_end_that_lies(content: bytearray) -> bytes:
    end = content.rfind(b"PK\x05\x06")
    long_end = b"PK\x06\x06" + struct.pack(
        "<QHHIIQQQQ", 44, 45, 45, 0, 0, 1 << 40, 1 << 40, 1 << 40, 0
    )
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1)
    content[end + 8 : end + 20] = b"\xff" * 12
    return bytes(content[:end]) + long_end + locator + bytes(content[end:])


ARCHIVES: dict[str, Callable[[bytearray], bytes]] = {
    "encrypted": lambda content: entries(content, 8, b"\x01\x00"),
    "packed by nobody knows what": lambda content: entries(content, 10, b"\x63\x00"),
    "all members in one place": in_one_place,
    "an end that lies": with_an_end_that_lies,
}


def opened(path: Path) -> tuple[object, list[str]]:
    """What Keras would be given: the description, and the names in the copy."""
    file = keras_file.read(path)
    config = Door(source=str(path)).checked(file.config)
    with keras_file.clean_copy(file, config) as copy:
        if not file.is_archive:
            return config, []
        with zipfile.ZipFile(copy.path) as archive:
            return json.loads(archive.read("config.json")), archive.namelist()


@pytest.mark.parametrize("lie", ARCHIVES)
def test_an_archive_that_lies_is_one_message(lie: str, tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    path.write_bytes(ARCHIVES[lie](bytearray(sound.zipped(sound.KERAS))))
    with pytest.raises(TflconvError, match=r"m\.keras"):
        opened(path)


def with_two(path: Path, *configs: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in sound.KERAS.items():
            archive.writestr(name, configs[0] if name == "config.json" else content)
        archive.writestr("config.json", configs[1])
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_descriptions_the_one_that_was_checked_is_opened(tmp_path: Path) -> None:
    harm = CONFIG.replace("Dense", "Lambda")
    with pytest.raises(TflconvError, match="Lambda"):
        opened(with_two(tmp_path / "m.keras", CONFIG, harm))
    config, names = opened(with_two(tmp_path / "m.keras", harm, CONFIG))
    assert config == json.loads(CONFIG)
    assert names.count("config.json") == 1


def test_what_keras_does_not_need_is_not_in_the_copy(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    extra = {"../climbs": b"x", "/absolute": b"x", "model.weights.npz": b"x", "harm.py": b"x"}
    path.write_bytes(sound.zipped({**sound.KERAS, **extra}))
    _, names = opened(path)
    assert sorted(names) == sorted(sound.KERAS)


def test_an_archive_that_is_an_h5_file_too_is_read_as_one_of_them(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    path.write_bytes(sound.hdf5(config=True) + sound.zipped(sound.KERAS))
    assert opened(path)[1]


DESCRIPTIONS = {
    "numbers": np.arange(4),
    "nothing": h5py.Empty("S1"),
    "texts": [CONFIG, CONFIG],
    "Python": "__import__('os').system('true')",
}


@pytest.mark.parametrize("kind", DESCRIPTIONS)
def test_a_description_that_is_no_text_is_one_message(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    path.write_bytes(sound.hdf5(config=True))
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = DESCRIPTIONS[kind]
    with pytest.raises(TflconvError, match=r"m\.h5: the description of the model is damaged"):
        opened(path)
