"""Commands to kill with SIGKILL at random moments; another command joins with a row of ``VICTIMS``.

Each kill has a folder of its own, with its own cache and its own folder for temporary files. The
same command, given again, must then end as one that was never disturbed, and leave nothing besides.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from fakes import shades
from tflconv import results
from tflconv.tflite import reading

GOLDEN = Path(__file__).parents[1] / "golden" / "models"
MODEL = "model.keras"
TFLCONV = (sys.executable, "-m", "tflconv")

CLASSES = ("one", "two", "zero")
"""As many as tiny.tflite tells apart."""

PLAN = """
name = "killed"
dataset = "pictures"
resolution = 8
recipes = ["fp32", "static_wi8_ai8"]
calibration = { count = 8 }
bench = { num_runs = 3, min_secs = 0, warmup_min_secs = 0, rate_secs = 0.2, profile_runs = 1 }

[[models]]
model = "vit"
options = { patch = 4, dim = 8, depth = 1, heads = 2 }
training = { epochs = 8, batch_size = 4 }
"""

STORE = """
from pathlib import Path
from tflconv.core.store import Store

def build(folder):
    for name in "abc":
        (folder / name).write_bytes(name.encode() * 100_000)

for again in (False, True):
    for number in range(60):
        Store(Path("kept")).fetch("stage", {"number": number}, build, again=again)
Store(Path("kept")).sweep()
"""


SERVE = """
import base64, json, os, signal, threading
from http.client import HTTPConnection
from pathlib import Path
from tflconv.core import files
from tflconv.service import settings, starting

def ask(url, service):
    told = []
    for number in range(150):
        picture = Path(f"pictures/{('dark', 'light')[number % 2]}").iterdir()
        connection = HTTPConnection("127.0.0.1", int(url.rstrip("/").rpartition(":")[2]))
        content = base64.b64encode(sorted(picture)[0].read_bytes()).decode()
        body = json.dumps({"pictures": [content]})
        kind = {"content-type": "application/json"}
        connection.request("POST", "/models/tiny/classify", body, kind)
        told.append(json.loads(connection.getresponse().read())["pictures"][0]["classes"])
        connection.close()
    files.write_text(Path("answers.json"), json.dumps(told))
    os.kill(os.getpid(), signal.SIGTERM)

starting.serve(
    settings.served_models([Path("tiny.tflite")]),
    settings.ServiceConfig(port=0, workers=2),
    announce=lambda *told: threading.Thread(target=ask, args=told).start(),
)
"""


@dataclass(frozen=True, kw_only=True)
class Victim:
    """A command to kill.

    Attributes:
        command: The program and its arguments, run in a folder made by ``prepared``.
        kills: How often the long check kills it.
        sample: How often CI kills it.
    """

    command: Sequence[str]
    kills: int = 25
    sample: int = 0


VICTIMS = {
    "train": Victim(
        command=[
            *TFLCONV, "train", "vit", "--dataset", "pictures", "--resolution", "8",
            "--epochs", "40", "--batch-size", "4", "--option", "patch=4", "--option", "dim=8",
            "--option", "depth=1", "--option", "heads=2", "-o", "vit.keras",
        ],
        sample=1,
    ),
    "convert": Victim(
        command=[
            *TFLCONV, "convert", MODEL, "--recipe", "fp32", "--recipe", "static_wi8_ai8",
            "--dataset", "pictures", "-o", "converted",
        ],
    ),
    "compress": Victim(
        command=[
            *TFLCONV, "compress", MODEL, "--recipe", "finetune_channels40", "--dataset", "pictures",
            "--setting", "finetune.epochs=10", "--setting", "finetune.batch_size=4",
            "--setting", "channels.rounds=2", "--setting", "channels.epochs=10",
            "--setting", "channels.round_epochs=10", "--setting", "channels.batch_size=4",
            "--setting", "channels.tile=1", "-o", "smaller.keras",
        ],
    ),
    "pruned": Victim(
        command=[
            *TFLCONV, "compress", MODEL, "--recipe", "prune80_cluster4_distill", "--dataset",
            "pictures", *(f"--setting={name}.epochs=8" for name in ("prune", "cluster", "distill")),
            *(f"--setting={name}.batch_size=4" for name in ("prune", "cluster", "distill")),
            "-o", "pruned.keras",
        ],
        kills=8,
    ),
    "taught": Victim(
        command=[
            *TFLCONV, "train", "vit", "--dataset", "pictures", "--resolution", "8",
            "--epochs", "30", "--batch-size", "4", "--option", "patch=4", "--option", "dim=8",
            "--option", "depth=1", "--option", "heads=2", "--teacher", MODEL, "--mixup", "0.2",
            "-o", "taught.keras",
        ],
        kills=8,
    ),
    "study": Victim(command=[*TFLCONV, "study", "plan.toml", "-o", "out"]),
    "bench": Victim(
        command=[
            *TFLCONV, "bench", "tiny.tflite", "--dataset", "counted", "--labels", "labels.txt",
            "--num-runs", "3", "--min-secs", "0", "--warmup-min-secs", "0", "--rate-secs", "0.2",
            "--export-json", "results.json",
        ],
        kills=100,
    ),
    "serve": Victim(command=[sys.executable, "-c", SERVE], sample=1),
    "store": Victim(command=[sys.executable, "-c", STORE], kills=100, sample=4),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How many commands had ended before they were killed, and seconds of an undisturbed one."""

    late: int
    seconds: float


def survive(name: str, folder: Path, *, kills: int, log: Path | None = None) -> Outcome:
    """Kill the victim ``name`` in folders below ``folder``; assert that nothing comes of it.

    ``log`` has a line for each kill that was survived; those are not done again.
    """
    before = log.read_text().split() if log is not None and log.exists() else []
    command, draw = VICTIMS[name].command, random.Random(name)
    model = trained(folder / "trained") if MODEL in command else None
    started = time.monotonic()
    expected = finish(command, prepared(folder / "whole", model))
    whole = time.monotonic() - started
    late = before[:kills].count("late")
    for number in range(kills):
        seconds = draw.uniform(0, whole)
        if number < len(before):
            continue
        place = prepared(folder / str(number), model)
        killed = kill(command, place, after=seconds, children=number % 2 == 1)
        _check_whole(place, expected)
        assert finish(command, place) == expected, f"killed after {seconds:.2f} s"
        shutil.rmtree(place)
        late += not killed
        if log is not None:
            with log.open("a") as stream:
                stream.write("killed\n" if killed else "late\n")
    return Outcome(late=late, seconds=whole)


def trained(folder: Path) -> Path:
    """A model to convert."""
    finish(VICTIMS["train"].command, prepared(folder))
    return folder / "vit.keras"


def prepared(folder: Path, model: Path | None = None) -> Path:
    """A folder with what the victims read, in which nothing ran yet."""
    shades.write(folder / "pictures")
    for label in CLASSES:
        shutil.copytree(folder / "pictures" / "dark", folder / "counted" / label)
    (folder / "labels.txt").write_text("\n".join(CLASSES))
    (folder / "plan.toml").write_text(PLAN)
    shutil.copy(GOLDEN / "tiny_float32.tflite", folder / "tiny.tflite")
    if model is not None:
        shutil.copy(model, folder / MODEL)
    for name in ("cache", "tmp"):
        (folder / name).mkdir()
    return folder


def kill(command: Sequence[str], folder: Path, *, after: float, children: bool = False) -> bool:
    """Start the command and kill it, alone or with all its children; whether it still ran."""
    run = _start(command, folder)
    try:
        run.wait(after)
    except subprocess.TimeoutExpired:
        if children:
            os.killpg(run.pid, signal.SIGKILL)
        else:
            run.kill()
    run.communicate()
    return run.returncode < 0


def finish(command: Sequence[str], folder: Path) -> dict[str, str]:
    """Give the command again, to its end; return what it left that must not depend on kills."""
    run = _start(command, folder)
    _, stderr = run.communicate(timeout=300)
    assert run.returncode == 0, stderr
    litter = [str(path) for path in _litter(folder)]
    assert not litter, litter
    return {str(path.relative_to(folder)): _said(path) for path in _outputs(folder)}


def _check_whole(folder: Path, expected: dict[str, str]) -> None:
    """Assert that a killed command left whole files where it left any; results may be fewer."""
    for name, said in expected.items():
        path = folder / name
        if path.exists():
            assert _said(path) == said or path.name == "results.json", path


def _start(command: Sequence[str], folder: Path) -> subprocess.Popen[str]:
    places = {"TMPDIR": str(folder / "tmp"), "TFLCONV_CACHE_DIR": str(folder / "cache")}
    return subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | places,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _litter(folder: Path) -> Iterator[Path]:
    """What nobody will ever need: temporary files, and anything half-written."""
    yield from (folder / "tmp").iterdir()
    for path in folder.rglob(".*"):
        if path.name != ".store":
            yield path


def _outputs(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and parts[0] != "cache" and ".store" not in parts:
            yield path


def _said(path: Path) -> str:
    """What a file says, without what differs from one undisturbed run to the next."""
    if path.suffix == ".tflite":
        return _digest(repr(_unnamed(path)).encode())
    if path.name == "results.json":
        return " ".join(run.model.slug for run in results.load(path).runs if run.latency)
    return "" if path.suffix in (".html", ".svg", ".png") else _digest(path.read_bytes())


def _unnamed(path: Path) -> list[object]:
    """What a model computes: the names of tensors tell how often the process traced a network."""
    graph = reading.read(path).main
    tensors = [(t.shape, t.dtype, t.data, t.quantization) for t in graph.tensors]
    return [tensors, graph.operators, graph.inputs, graph.outputs]


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()
