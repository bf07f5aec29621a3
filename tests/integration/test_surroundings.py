"""Odd surroundings of every command: one message, a documented exit code, and no work for nothing.

An output is tried before work begins: what cannot be kept is refused before TensorFlow is imported
and before a file or folder is made. Each row runs the program as a user's shell would.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
MARKER = """
import atexit, os, sys
def tell():
    if "tensorflow" in sys.modules:
        open(os.environ["HEAVY"], "w").close()
atexit.register(tell)
"""
PLAN = """
name = "theirs"
dataset = "mnist-sample"
recipes = ["fp32"]
[[models]]
model = "vit"
"""
NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]
LONG = "x" * 300


@dataclass(frozen=True)
class Row:
    """A command in its surroundings, in the words of a shell, and how it has to end.

    Attributes:
        setup: What is made first; ``find`` then lists what must not change where ``code`` is 1.
        command: What is run; ``$T`` is the program, ``$M`` a model, ``$R`` results, ``$P`` a plan.
        code: Its exit code.
        says: A part of what it prints.
    """

    setup: str
    command: str
    code: int
    says: str
    mounts: bool = False
    environment: dict[str, str] = field(default_factory=dict)


FILES = {
    "train": "$T train vit --dataset mnist-sample -o",
    "verify": "$T verify $M $M --dataset mnist-sample --export-json",
    "bench": "$T bench $M --export-json",
    "bench-csv": "$T bench $M --export-csv",
    "report": "$T report $R --html",
    "inspect": "$T inspect $M --svg",
    "compare": "$T compare $R $R --export-markdown",
    "gate": "$T compare $M $M --export-junit",
    "history": "$T history export --history none.sqlite",
}
"""Commands that write a file."""
FOLDERS = {
    "convert": "$T convert $M -o",
    "plots": "$T report $R --plots",
    "study": "$T study $P -o",
    "demo": "$T study demo -o",
}
"""Commands that write into a folder."""

IN_THE_WAY = {
    "below a file": ("touch file", "file/out", "a file, not a folder"),
    "below a circle of links": ("ln -s loop loop", "loop/out", "links lead in a circle"),
    "below a dead link": ("ln -s nowhere link", "link/out", "a file, not a folder"),
    "name too long": ("true", LONG, "Choose a shorter name"),
}
OF_FILES = {
    "a folder": ("mkdir out", "out", "this is a folder"),
    "a pipe": ("mkfifo out", "out", "this is a device or a pipe"),
}
OF_FOLDERS = {"a file": ("touch out", "out", "a file, not a folder")}
ON_DISKS = {
    "on a read-only disk": ("ro", "Read-only file system"),
    "on a full disk": ("size=4k", "No space left on device"),
}


def refused() -> Iterator[tuple[str, Row]]:
    """Every command that writes, with each kind of thing that can be in its way."""
    ways, disks = cycle(IN_THE_WAY.items()), cycle(ON_DISKS.items())
    for commands, own in ((FILES, OF_FILES), (FOLDERS, OF_FOLDERS)):
        for name, command in commands.items():
            for way, (setup, target, says) in (*own.items(), next(ways)):
                yield f"{name} {way}", Row(setup, f"{command} {target}", 1, says)
            way, (how, says) = next(disks)
            setup = f"mkdir disk; mount -t tmpfs -o {how} none disk; echo > disk/full"
            yield f"{name} {way}", Row(setup, f"{command} disk/out", 1, says, mounts=True)


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
HOMELESS = {"HOME": "/proc/nowhere", "XDG_CACHE_HOME": "", "TFLCONV_CACHE_DIR": ""}
GONE = "mkdir gone && cd gone && rmdir ../gone &&"
BENCH = "$T bench $M --num-runs 1 --min-secs 0 --warmup-min-secs 0 --rate-secs 0.1"
SMALL = "mkdir disk; mount -t tmpfs -o size=4k none disk; echo > disk/full"

OTHERS = {
    "compress into a folder": Row(
        "mkdir o.keras", "$T compress $M --recipe prune50 -o o.keras", 1, "this is a folder"
    ),
    "compress to a full disk": Row(
        SMALL, "$T compress $M --recipe prune50 -o disk/o.keras", 1, "No space left on device",
        mounts=True,
    ),
    "inspect to a closed stdout": Row("true", "$T inspect $M >&-", 1, "it is closed"),
    "help to a closed stdout": Row("true", "$T --help >&-", 1, "it is closed"),
    "train to a closed stdout": Row(
        "true", "$T train vit --dataset mnist-sample >&-", 1, "it is closed"
    ),
    "bench to a closed stdout": Row("true", "$T bench $M >&-", 1, "it is closed"),
    "everything closed": Row("true", "$T inspect $M <&- >&- 2>&-", 1, ""),
    "inspect to a full stdout": Row("true", "$T inspect $M > /dev/full", 1, "No space left"),
    "report to a full stdout": Row("true", "$T report $R > /dev/full", 1, "No space left"),
    "bench to a full stdout": Row("true", "$T bench $M > /dev/full", 1, "No space left"),
    "verify to a full disk": Row(
        f"{SMALL}; touch disk/out", "$T verify $M $M --dataset mnist-sample > disk/out", 1,
        "No space left", mounts=True,
    ),
    "html to a full stdout": Row("true", "$T report $R --html - > /dev/full", 1, "No space left"),
    "json to a reader who leaves": Row("true", "$T inspect $M --json | head -n 1", 0, "{"),
    "closed stdin": Row("true", "$T inspect $M <&-", 0, "CONV_2D"),
    "closed stderr": Row("true", "$T report $R 2>&- --export-csv out.csv", 0, "latency"),
    "progress to a full stderr": Row("true", "$T convert $M -o out 2> /dev/full", 0, "out/tiny"),
    "an error to a full stderr": Row("true", "$T inspect nothing 2> /dev/full", 1, ""),
    "inspect in ASCII": Row("true", "$T inspect $M", 0, "1 x 8 x 8 x 1", environment=ASCII),
    "report in ASCII": Row("true", "$T report $R", 0, "latency", environment=ASCII),
    "Markdown in ASCII": Row("true", "$T report $R --export-markdown -", 0, "×", environment=ASCII),
    "datasets in ASCII": Row("true", "$T list datasets --json", 0, "mnist", environment=ASCII),
    "a file named in UTF-8, in ASCII": Row(
        "cp $M müller.tflite", "$T inspect müller.tflite --json", 0, "Conv", environment=ASCII
    ),
    "a model whose name is no UTF-8": Row(
        "cp $M $(printf 'm\\377.tflite')", f"{BENCH.replace('$M', '*.tflite')} --export-json r",
        0, "latency",
    ),
    "an output whose name is no UTF-8": Row(
        "true", "$T report $R --export-csv $(printf 'm\\377.csv')", 0, "wrote m"
    ),
    "inspect without a home": Row("true", "$T inspect $M", 0, "CONV_2D", environment=HOMELESS),
    "datasets without a home": Row("true", "$T list datasets", 0, "mnist", environment=HOMELESS),
    "report without a home": Row("true", "$T report $R", 0, "latency", environment=HOMELESS),
    "bench without a home": Row(
        "true", BENCH, 1, "TFLCONV_CACHE_DIR=DIR", environment=HOMELESS
    ),
    "a cache below a file": Row(
        "touch file", BENCH, 1, "TFLCONV_CACHE_DIR=DIR", environment={"TFLCONV_CACHE_DIR": "file/c"}
    ),
    "a folder that is gone": Row("true", f"{GONE} $T report $R --html x", 1, "is not there"),
    "convert where nothing is left": Row("true", f"{GONE} $T convert $M -o x", 1, "is not there"),
    "inspect in a folder that is gone": Row("true", f"{GONE} $T inspect $M", 0, "CONV_2D"),
    "a time zone of nonsense": Row(
        "true", BENCH, 0, "latency", environment={"TZ": ":<-99>99,M0.0.0"}
    ),
    "files for oneself": Row(
        "umask 077; true",
        "umask 077; $T report $R --export-csv deep/out.csv && stat -c %a deep deep/out.csv",
        0, "700\n600",
    ),
    "no temporary folder": Row(
        "true", "$T convert $M -o out", 0, "out/", environment={"TMPDIR": "/proc/nowhere"}
    ),
    "temporary files on a full disk": Row(
        SMALL, "TMPDIR=$PWD/disk $T convert $M -o out", 0, "out/", mounts=True
    ),
    "temporary files on a disk that is too small": Row(
        SMALL.replace("4k", "8k"), "TMPDIR=$PWD/disk $T convert $M -o out", 1, "No space left",
        mounts=True,
    ),
    "a device as a model": Row("true", "$T inspect /dev/zero", 1, "it is a device"),
    "a device as results": Row("true", "$T report /dev/zero", 1, "it is a device"),
    "a device as a plan": Row("true", "$T study /dev/zero", 2, "it is a device"),
    "a device as labels": Row(
        "true", "$T verify $M $M --labels /dev/zero", 1, "it is a device"
    ),
    "a device to measure": Row("true", "$T bench /dev/zero", 1, "it is a device"),
    "fetching below a file": Row(
        "touch file", "$T datasets fetch mnist", 1, "a file, not a folder",
        environment={"TFLCONV_DATA_DIR": "file/data"},
    ),
    "a dumb terminal of no width": Row(
        "true", "$T report $R", 0, "latency", environment={"TERM": "dumb", "COLUMNS": "0"}
    ),
}  # fmt: skip

ROWS = dict(refused()) | OTHERS


@dataclass(frozen=True)
class Ended:
    """How a row ended: its process, and whether it changed files or imported TensorFlow."""

    code: int
    said: str
    changed: bool
    heavy: bool


@pytest.fixture(scope="module")
def ends(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Ended]]]:
    """The chosen rows, run side by side."""
    chosen = [
        item.callspec.params["name"]
        for item in request.session.items
        if getattr(item, "originalname", "") == test_a_surrounding.__name__
        and isinstance(item, pytest.Function)
    ]
    places = {name: tmp_path_factory.mktemp("row") for name in chosen}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {name: pool.submit(ended, ROWS[name], places[name]) for name in chosen}
        pool.shutdown(cancel_futures=True)


def ended(row: Row, place: Path) -> Ended:
    """Run ``row`` in a folder below ``place``."""
    (place / "sitecustomize.py").write_text(MARKER)
    (place / "plan.toml").write_text(PLAN)
    (place / "here").mkdir()
    before, after, heavy = (place / name for name in ("before", "after", "heavy"))
    script = f"""
        {row.setup}
        find . | sort > {before}
        ({row.command})
        code=$?
        find . | sort > {after}
        exit $code"""
    command = [*(NAMESPACE if row.mounts else []), "sh", "-c", script]
    surroundings = {
        "PYTHONPATH": os.pathsep.join(filter(None, (str(place), os.environ.get("PYTHONPATH")))),
        "HEAVY": str(heavy),
        "T": f"{sys.executable} -m tflconv",
        "M": str(GOLDEN / "models" / "tiny_float32.tflite"),
        "R": str(GOLDEN / "report" / "results.json"),
        "P": str(place / "plan.toml"),
    }
    run = subprocess.run(
        command,
        cwd=place / "here",
        env=os.environ | surroundings | row.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
    )
    return Ended(
        code=run.returncode,
        said=run.stdout.decode(errors="replace"),
        changed=before.read_bytes() != after.read_bytes(),
        heavy=heavy.exists(),
    )


@pytest.mark.parametrize("name", ROWS)
def test_a_surrounding(
    name: str, ends: dict[str, Future[Ended]], require: Callable[[str, bool, str], None]
) -> None:
    row = ROWS[name]
    if row.mounts:
        allowed = shutil.which("unshare") and not subprocess.run([*NAMESPACE, "true"]).returncode
        require("namespaces", bool(allowed), "no user namespaces here")
    end = ends[name].result()
    assert "Traceback" not in end.said
    assert end.code == row.code, end.said
    assert row.says in end.said
    if row.code:
        assert end.said.count("Error:") <= 1
        assert not end.changed, "it left something behind"
        assert not end.heavy, "TensorFlow was imported for nothing"


def test_there_are_sixty() -> None:
    assert len(ROWS) >= 60
