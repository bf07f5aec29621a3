"""Foreign files within limits: bombs and damage end in one message that names file and part."""

from __future__ import annotations

import ast
import gzip
import random
import shutil
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from fakes.memory import peak_of_command
from tflconv.core import bounded
from tflconv.core.arrays import read_arrays
from tflconv.data import archives, idx
from tflconv.errors import TflconvError, UsageError
from tflconv.inspection.inspect import inspect
from tflconv.model import golden, keras_file
from tflconv.model.card import LABELS, MEMBER, read_card
from tflconv.training.state import State, StateFile

MODEL = Path(__file__).parents[1] / "golden" / "models" / "tiny_float32.tflite"
MB = 1 << 20
DESCRIPTION = {"metadata.json": '{"keras_version": "2"}', "config.json": "{}"}


def with_member(folder: Path, name: str, content: bytes) -> Path:
    """A sound model with a packed member behind it."""
    path = folder / "model.tflite"
    shutil.copyfile(MODEL, path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr(name, content)
    return path


def with_card(folder: Path, content: str) -> Path:
    path = folder / "model.tflite"
    path.write_bytes(MODEL.read_bytes().partition(b"PK\x03\x04")[0])
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(MEMBER, content)
    return path


@pytest.mark.parametrize("card", ["{}", "[]", "null", "1", "{", "[" * 100_000, '{"model": 1}'])
def test_a_damaged_card_is_a_warning_and_the_model_is_used(card: str, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"model\.tflite: the card inside the model is damaged"):
        assert inspect(with_card(tmp_path, card)).card is None


def test_a_member_at_the_limit_is_read_and_one_above_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(bounded.VARIABLE, "16")  # of which text may have a sixteenth
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("fits", b"a" * MB)
        archive.writestr("bomb", b"a" * (MB + 1))
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert len(bounded.read_text(archive, "fits")) == MB
        with pytest.raises(TflconvError, match=r"a\.zip: bomb unpacks to more than 1 MB") as raised:
            bounded.read_text(archive, "bomb")
    assert "TFLCONV_MAX_MEMBER_MB=1024" in str(raised.value)


def test_what_hardly_shrinks_may_be_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(bounded.VARIABLE, "1")
    pixels = random.Random(0).randbytes(2 * MB)
    (tmp_path / "pixels.gz").write_bytes(gzip.compress(pixels))
    (tmp_path / "zeros.gz").write_bytes(gzip.compress(bytes(2 * MB)))
    assert bounded.read_gzip(tmp_path / "pixels.gz") == pixels
    with pytest.raises(TflconvError, match=r"zeros\.gz unpacks to more than 1 MB"):
        bounded.read_gzip(tmp_path / "zeros.gz")


@pytest.mark.parametrize("value", ["0", "-1", "many", "9999999999"])
def test_a_limit_that_is_none_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(bounded.VARIABLE, value)
    with pytest.raises(UsageError, match="TFLCONV_MAX_MEMBER_MB must be a number of megabytes"):
        bounded.max_member_bytes()


def test_json_is_read_to_200_levels() -> None:
    assert bounded.read_json("[" * 200 + "]" * 200)
    with pytest.raises(ValueError, match="nested deeper than 200 levels"):
        bounded.read_json("[" * 201 + "]" * 201)


def bomb(path: Path, name: str, block: bytes, ends: tuple[bytes, bytes] = (b"", b"")) -> None:
    """Add a member to an archive that unpacks to 700 MB, and packs to 700 kB."""
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w", force_zip64=True) as stream,
    ):
        stream.write(ends[0])
        for _ in range(700):
            stream.write(block * (MB // len(block)))
        stream.write(ends[1])


def text_in_a_card(folder: Path) -> list[str]:
    path = folder / "model.tflite"
    path.write_bytes(MODEL.read_bytes().partition(b"PK\x03\x04")[0])
    bomb(path, MEMBER, b"a", (b'{"model": "', b'"}'))
    return ["inspect", str(path)]


def lists_in_a_card(folder: Path) -> list[str]:
    path = folder / "model.tflite"
    path.write_bytes(MODEL.read_bytes().partition(b"PK\x03\x04")[0])
    bomb(path, MEMBER, b"[],", (b"[", b"0]"))
    return ["inspect", str(path)]


def description(folder: Path) -> list[str]:
    path = folder / "bomb.keras"
    bomb(path, "metadata.json", b" ", (b'{"keras_version": "3"', b"}"))
    return ["convert", str(path), "-o", str(folder / "out")]


def weights(folder: Path) -> list[str]:
    path = folder / "bomb.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in DESCRIPTION.items():
            archive.writestr(name, content)
    bomb(path, "model.weights.h5", b"\0")
    return ["convert", str(path), "-o", str(folder / "out")]


@pytest.mark.slow
@pytest.mark.parametrize("make", [text_in_a_card, lists_in_a_card, description, weights])
def test_a_bomb_costs_less_than_500_mb(make: Callable[[Path], list[str]], tmp_path: Path) -> None:
    """Above what the same command needs for a file that is none."""
    command = make(tmp_path)
    none = tmp_path / "none.keras"
    with zipfile.ZipFile(none, "w") as archive:
        for name, content in {**DESCRIPTION, "model.weights.h5": "none"}.items():
            archive.writestr(name, content)
    idle, *_ = peak_of_command([command[0], str(none), *command[2:]])
    peak, code, message = peak_of_command(command)
    assert code == 1, message
    assert message.count("Error") == 1
    assert "unpacks to more than" in message
    assert peak - idle < 500, f"{peak} MB, {idle} when idle"


def crowded(path: Path, start: bytes = b"") -> Path:
    """A file with an archive of 20 000 parts."""
    path.write_bytes(start)
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(20_000):
            archive.writestr(f"arr_{number}.npy", b"")
    return path


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("a.npz", partial(read_arrays, what="the arrays")),
        ("a.keras", keras_file.read),
        ("a.golden.zip", golden.read),
        ("a.tflite", read_card),
    ],
)
def test_an_archive_of_many_parts_is_refused(
    name: str, read: Callable[[Path], object], tmp_path: Path
) -> None:
    start = MODEL.read_bytes().partition(b"PK\x03\x04")[0] if name.endswith("tflite") else b""
    with pytest.raises(TflconvError, match=f"{name} holds more than 4000 parts, and is not read"):
        read(crowded(tmp_path / name, start))


def test_a_state_of_many_parts_starts_anew(tmp_path: Path) -> None:
    assert StateFile(path=crowded(tmp_path / "a.state"), key="key").load() is None


def test_archives_of_others_are_opened_within_limits() -> None:
    """All in ``bounded``, or in ``archives``, which has limits of its own; else to write them."""
    found = set()
    for file in Path(bounded.__file__).parents[1].rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "zipfile.ZipFile":
                found |= {file.name} if len(node.args) == 1 and not node.keywords else set()
    assert found == {"archives.py", "bounded.py", "saving.py"}  # the last one reads what it wrote


@pytest.mark.parametrize("shape", [(2**32 - 1, 2**32 - 1, 0), (1,) * 5, (1,) * 65, (0,) * 255])
def test_dimensions_that_lie_are_one_message(shape: tuple[int, ...]) -> None:
    header = bytes([0, 0, 8, len(shape)]) + b"".join(side.to_bytes(4, "big") for side in shape)
    with pytest.raises(TflconvError, match="lying"):
        idx.decode(header, "lying")


@pytest.mark.parametrize("suffix", ["tar.gz", "tar.bz2", "tar.xz", "zip"])
def test_damaged_archives_are_one_message(suffix: str, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}.png").write_bytes(random.Random(number).randbytes(3000))
    kind = {"tar.gz": "gztar", "tar.bz2": "bztar", "tar.xz": "xztar"}.get(suffix, "zip")
    whole = Path(shutil.make_archive(str(tmp_path / "whole"), kind, folder)).read_bytes()
    draw = random.Random(0)
    messages = []
    for turn in range(100):
        path = tmp_path / f"{turn}.{suffix}"
        path.write_bytes(mutant(whole, draw))
        messages += [message for message in [refusal(archives.members, path)] if message]
        assert all(str(tmp_path) in message for message in messages)
    assert len(messages) > 5


def refusal(read: Callable[[Path], object], path: Path) -> str | None:
    """What is said of a file that is refused; None for one that is read."""
    try:
        found = read(path)
        list(found) if isinstance(found, Iterator) else None
    except TflconvError as error:
        return str(error)
    return None


@pytest.mark.filterwarnings("ignore:.*is damaged")
def test_mutants_of_a_card_are_read_or_warned_of(tmp_path: Path) -> None:
    whole = with_member(tmp_path, LABELS, b"a\nb\nc\n").read_bytes()
    start = whole.index(b"PK\x03\x04")
    draw, path = random.Random(0), tmp_path / "mutant.tflite"
    for _ in range(500):
        path.write_bytes(whole[:start] + mutant(whole[start:], draw))
        assert "mutant.tflite" in (refusal(read_card, path) or "mutant.tflite")


def test_a_damaged_state_starts_the_training_anew(tmp_path: Path) -> None:
    file = StateFile(path=tmp_path / "model.state", key="key")
    values = [np.arange(6, dtype=np.float32), np.int64(3) * np.ones((), np.int64)]
    file.save(State(values=values, history=[{"loss": 1.0}]))
    whole, draw = file.path.read_bytes(), random.Random(0)
    found = file.load()
    assert found is not None
    assert found.history == [{"loss": 1.0}]
    for _ in range(700):
        file.path.write_bytes(mutant(whole, draw))
        state = file.load()
        assert state is None or isinstance(state, State)


@pytest.mark.parametrize("header", ['{"key": ["key"]}', '"key"', "[]", '{"key": "key"}'])
def test_a_state_with_an_odd_header_starts_anew(header: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "odd.npz", header, np.zeros(3))
    assert StateFile(path=tmp_path / "odd.npz", key="key").load() is None


def mutant(content: bytes, draw: random.Random) -> bytes:
    """``content`` with a few bytes changed, taken out, or cut off."""
    changed = bytearray(content)
    for _ in range(draw.choice([1, 2, 8])):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    if draw.random() < 0.3:
        place = draw.randrange(len(changed))
        del changed[place : place + draw.choice([1, 4, 100])]
    return bytes(changed)
