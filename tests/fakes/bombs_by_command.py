"""Which commands take the small files that ask for much memory, and how much each may use."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fakes import hostile_files as sound
from fakes import kills
from fakes.bombs import BOMBS, LIMIT, MOST, many_keys, repeated, results_with
from fakes.killed_histories import run
from fakes.memory import peak_of_command
from tflconv.core.files import sha256_bytes
from tflconv.history import History
from tflconv.results.exchange import canonical

QUICK = (
    "--num-runs=3", "--min-secs=0", "--warmup-min-secs=0", "--rate-secs=0.2", "--no-history",
)  # fmt: skip
TINY, FILE = "tiny.tflite", "FILE"
OUT = "out"
SERVED = ("--host", "256.1.1.1")
"""No address: the service tries its models and pictures, and then ends."""

_WITH_DATA = (
    ("verify", TINY, TINY, "--dataset", FILE, "--labels", "labels.txt"),
    ("bench", TINY, "--dataset", FILE, "--labels", "labels.txt", *QUICK),
    ("convert", "model.keras", "--recipe", "int8", "--calibration", FILE, "-o", OUT),
)
_WITH_ARRAYS = (
    ("verify", TINY, TINY, "--dataset", FILE),
    ("bench", TINY, "--dataset", FILE, *QUICK),
    ("convert", "model.keras", "--recipe", "int8", "--calibration", FILE, "-o", OUT),
)
_WITH_PICTURES = (*_WITH_DATA, ("serve", TINY, "--golden", FILE, *SERVED))

COMMANDS: dict[str, tuple[Sequence[str], ...]] = {
    "results": (
        ("report", FILE),
        ("report", FILE, "--html", "out.html"),
        ("report", FILE, "--export-json", "out.json", "--export-csv", "out.csv"),
        ("compare", FILE, FILE),
        ("history", "merge", FILE, "--history", "mine.sqlite"),
    ),
    "history": (
        ("history", "list", "--history", FILE),
        ("history", "show", "HASH", "--history", FILE),
        ("history", "trend", "--history", FILE),
        ("history", "export", "out.json", "--history", FILE),
        ("history", "merge", FILE, "--history", "mine.sqlite"),
    ),
    "plan": (("study", FILE, "-o", OUT),),
    "card": (
        ("inspect", FILE),
        ("inspect", FILE, "--json"),
        ("verify", TINY, FILE, "--dataset", "pictures.zip", "--labels", "labels.txt"),
        ("bench", FILE, *QUICK),
        ("compare", FILE, TINY, *QUICK),
        ("serve", FILE, *SERVED),
        ("convert", FILE, "-o", OUT),
    ),
    "zip": _WITH_DATA,
    "tar.gz": _WITH_DATA,
    "png": _WITH_PICTURES,
    "gif": _WITH_PICTURES,
    "tiff": _WITH_PICTURES,
    "webp": _WITH_PICTURES,
    "npy": _WITH_ARRAYS,
    "npz": _WITH_ARRAYS,
    "table of labels": _WITH_DATA,
    "labels": (
        ("verify", TINY, TINY, "--dataset", "pictures.zip", "--labels", FILE),
        ("bench", TINY, "--dataset", "pictures.zip", "--labels", FILE, *QUICK),
    ),
    "manifest": (("list", "datasets"), ("datasets", "mnist")),
    "keras": (
        ("convert", FILE, "-o", OUT),
        ("verify", FILE, TINY, "--dataset", "pictures.zip", "--labels", "labels.txt"),
        ("compress", FILE, "--recipe", "prune80", "--dataset", "pictures.zip", "-o", "c.keras"),
        ("train", "vit", "--dataset", "pictures.zip", "--teacher", FILE, "-o", "t.keras"),
    ),
    "golden contract": (
        ("verify", TINY, "--golden", FILE),
        ("bench", TINY, "--golden", FILE, *QUICK),
        ("serve", TINY, "--golden", FILE, *SERVED),
    ),
    "log of an app": (("verify", TINY, "--golden", "sound.golden.zip", "--app-log", FILE),),
}
"""By the kind of file: what is done with it. Trainings and an adb server's words are not here."""

_RUNS = {
    "history: keys by the million": '{"a":' + many_keys("{}") + "}",
    "history: samples by the million": repeated("1"),
    "history: lists by the million": repeated("[]"),
}
DOCUMENTED = (0, 1, 2, 3, 4, 5)


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What a command took: for a sound file, and most for a bomb, and for which; in megabytes."""

    idle: float
    most: float
    bomb: str
    bombs: int


def sweep(kind: str, words: Sequence[str], folder: Path) -> Swept:
    """Give a command each bomb of its kind; assert that each ends well and takes little more."""
    idle, code, message = _given(kind, words, _sound(kind), folder)
    assert "Traceback" not in message, message
    peaks = {}
    for name, make in bombs(kind).items():
        content = make()
        assert len(content) < MOST, name
        peaks[name], code, message = _given(kind, words, content, folder)
        assert code in DOCUMENTED, f"{name}: {code}: {message}"
        assert "Traceback" not in message, message
        assert "unexpected" not in message, message
        assert peaks[name] - idle < LIMIT, f"{name}: {peaks[name]} MB, idle {idle}: {message}"
    bomb = max(peaks, key=lambda name: peaks[name])
    return Swept(idle=idle, most=peaks[bomb], bomb=bomb, bombs=len(peaks))


def bombs(kind: str) -> dict[str, Callable[[], bytes]]:
    """The makers of all bombs of ``kind``, by name."""
    if kind == "history":
        return {name: lambda text=text: _history(text) for name, text in _RUNS.items()}
    return {name: make for name, (of, make) in BOMBS.items() if of == kind}


def prepared(folder: Path) -> Path:
    """A folder with the sound files that the commands name beside the bomb."""
    model = kills.trained(folder / "trained")
    (folder / "model.keras").write_bytes(model.read_bytes())
    (folder / TINY).write_bytes(sound.MODEL.read_bytes())
    (folder / "labels.txt").write_text("cat\ndog\nfish\n")
    (folder / "pictures.zip").write_bytes(sound.zipped(sound.PICTURES))
    (folder / "sound.golden.zip").write_bytes(sound.GOLDEN)
    for name, content in sound.PICTURES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def _given(kind: str, words: Sequence[str], content: bytes, folder: Path) -> tuple[float, int, str]:
    path = _put(kind, content, folder)
    named = {FILE: str(path), "HASH": _hash(content) if kind == "history" else ""}
    local = [named.get(word) or _local(word, folder) for word in words]
    places = {"TFLCONV_CACHE_DIR": str(folder / "cache"), "TFLCONV_DATA_DIR": str(folder / "data")}
    return peak_of_command(local, **places)


def _put(kind: str, content: bytes, folder: Path) -> Path:
    """Write a file where its command wants it; a picture lies in a folder with sound ones."""
    suffix = next((each.suffix for each in sound.KINDS if each.name == kind), ".sqlite")
    if kind in ("png", "gif", "tiff", "webp"):
        for name, picture in {**sound.PICTURES, f"cat/bomb{suffix}": content}.items():
            target = folder / kind / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(picture)
        return folder / kind
    path = folder / f"given{suffix}"
    if kind == "manifest":
        path = folder / "data" / "mnist" / "manifest.json"
        path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _local(word: str, folder: Path) -> str:
    """A word of a command, where it names a file in the folder, or the folder for outputs there."""
    named = "." in word and "=" not in word and word != SERVED[1]
    return str(folder / word) if named or word == OUT else word


def _sound(kind: str) -> bytes:
    if kind == "history":
        return _history()
    if kind == "plan":  # a refused one: what a sound plan trains would hide what reading takes
        return b'name = "none"'
    return next(each.sound for each in sound.KINDS if each.name == kind)


def _texts(bomb: str | None) -> Iterator[str]:
    whole = json.loads(results_with("runs.0.latency.samples_ns", bomb or "[1, 2, 3]"))
    for entry in whole["runs"]:
        yield canonical(entry)


def _history(bomb: str | None = None) -> bytes:
    """A history with runs whose hashes are right."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder) / "h.sqlite")
        history.add([run(1)])
        with closing(sqlite3.connect(history.path)) as connection:
            for text in _texts(bomb):
                connection.execute(
                    "INSERT INTO runs (hash, slug, device, started, tflconv, run)"
                    " VALUES (?, 'm', 'host', NULL, '0', ?)",
                    (sha256_bytes(text.encode()), text),
                )
            connection.commit()
        return history.path.read_bytes()


def _hash(content: bytes) -> str:
    """The beginning of the hash of the last run."""
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".sqlite") as file:
        file.write(content)
        file.flush()
        with closing(sqlite3.connect(file.name)) as connection:
            (found,) = connection.execute(
                "SELECT hash FROM runs ORDER BY number DESC LIMIT 1"
            ).fetchone()
    return str(found)[:12]
