"""The store builds exactly what changed, trusts no damaged entry, and serves many processes."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from multiprocessing import Queue
from pathlib import Path

import pytest

from fakes import races
from tflconv.core.store import MANIFEST, Entry, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def writing(content: str) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        (folder / "deep").mkdir()
        (folder / "deep" / "file.txt").write_text(content)

    return build


def never(_folder: Path) -> None:
    raise AssertionError("built again")


def fetch(store: Store, build: Callable[[Path], None] = never, **inputs: object) -> Entry:
    return store.fetch("train", inputs, build)


def test_the_same_inputs_are_built_once(store: Store) -> None:
    first = fetch(store, writing("a"), seed=1, epochs=2)
    again = fetch(store, epochs=2, seed=1)
    assert first.fresh
    assert not again.fresh
    assert first.path == again.path
    assert first.digest == again.digest


@pytest.mark.parametrize("inputs", [{"seed": 2}, {"seed": "1"}, {"seed": 1, "more": None}])
def test_any_other_input_is_another_entry(store: Store, inputs: dict[str, object]) -> None:
    first = fetch(store, writing("a"), seed=1)
    other = fetch(store, writing("a"), **inputs)
    assert first.key != other.key
    assert first.digest == other.digest, "equal content has an equal digest"


@pytest.mark.parametrize("name", ["deep/file.txt", MANIFEST])
def test_one_changed_byte_builds_the_entry_again(store: Store, name: str) -> None:
    file = fetch(store, writing("abc"), seed=1).path / name
    content = bytearray(file.read_bytes())
    content[0] ^= 1
    file.write_bytes(content)
    assert fetch(store, writing("abc"), seed=1).fresh
    assert not fetch(store, seed=1).fresh


@pytest.mark.parametrize("harm", [Path.unlink, lambda p: (p.parent / "extra").write_text("x")])
def test_a_missing_or_foreign_file_builds_the_entry_again(
    store: Store, harm: Callable[[Path], object]
) -> None:
    harm(fetch(store, writing("abc"), seed=1).path / "deep" / "file.txt")
    assert fetch(store, writing("abc"), seed=1).fresh


def test_a_failing_build_leaves_nothing(store: Store) -> None:
    def build(folder: Path) -> None:
        writing("half")(folder)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        fetch(store, build, seed=1)
    assert os.listdir(store.root / "train") == []


def test_a_failing_rebuild_leaves_the_damaged_entry_to_be_found_again(store: Store) -> None:
    (fetch(store, writing("abc"), seed=1).path / "deep" / "file.txt").write_text("x")
    with pytest.raises(AssertionError):
        fetch(store, never, seed=1)
    assert fetch(store, writing("abc"), seed=1).fresh


def test_what_a_killed_build_left_is_swept_away(store: Store) -> None:
    build = """
import os, sys
from pathlib import Path
from tflconv.core.store import Store
Store(Path(sys.argv[1])).fetch("train", {"seed": 1}, lambda folder: os.kill(os.getpid(), 9))
"""
    subprocess.run([sys.executable, "-c", build, store.root], check=False)
    assert len(os.listdir(store.root / "train")) == 1
    store.sweep()
    assert os.listdir(store.root / "train") == []


def test_who_finds_an_entry_sweeps_away_what_a_kill_left_beside_it(store: Store) -> None:
    fetch(store, writing("abc"), seed=2)
    killed = """
import os, sys
from pathlib import Path
from tflconv.core.store import Store
Store(Path(sys.argv[1])).fetch("train", {"seed": 1}, lambda folder: os.kill(os.getpid(), 9))
"""
    finds = """
import sys
from pathlib import Path
from tflconv.core.store import Store
assert not Store(Path(sys.argv[1])).fetch("train", {"seed": 2}, lambda _: sys.exit(1)).fresh
"""
    subprocess.run([sys.executable, "-c", killed, store.root], check=False)
    assert len(os.listdir(store.root / "train")) == 2
    subprocess.run([sys.executable, "-c", finds, store.root], check=True)
    assert len(os.listdir(store.root / "train")) == 1


def test_an_entry_that_is_asked_for_again_is_replaced(store: Store) -> None:
    first = fetch(store, writing("a"), seed=1)
    second = store.fetch("train", {"seed": 1}, writing("b"), again=True)
    assert second.fresh
    assert second.path == first.path
    assert fetch(store, seed=1).digest == second.digest != first.digest
    assert os.listdir(store.root / "train") == [second.key]


def test_a_file_in_the_place_of_an_entry_is_put_away(store: Store) -> None:
    key = Store.key("train", {"seed": 1})
    (store.root / "train").mkdir()
    (store.root / "train" / key).write_text("a file")
    assert fetch(store, writing("abc"), seed=1).fresh
    assert os.listdir(store.root / "train") == [key]


def test_what_another_was_first_with_is_taken(store: Store) -> None:
    def build(folder: Path) -> None:
        first = fetch(store, writing("first"), seed=1)
        assert first.fresh
        writing("second")(folder)

    entry = fetch(store, build, seed=1)
    assert not entry.fresh
    assert (entry.path / "deep" / "file.txt").read_text() == "first"
    assert os.listdir(store.root / "train") == [entry.key]


@pytest.mark.parametrize("harm", races.HARMS)
def test_processes_that_meet_at_one_key_all_get_it(tmp_path: Path, harm: str) -> None:
    assert races.met(tmp_path, harm, rounds=15) == {"right": 45}


def replace_many_times(root: Path, answers: Queue[str]) -> None:
    for _ in range(150):
        Store(root).fetch("train", {"seed": 1}, writing(races.CONTENT), again=True)
    answers.put("right")


def read_many_times(root: Path, answers: Queue[str]) -> None:
    store, told = Store(root), set[str]()
    for _ in range(150):
        with store.steady("train"):
            entry = store.find("train", {"seed": 1})
            text = (entry.path / "deep" / "file.txt").read_text() if entry else "missing"
        told.add("right" if text == races.CONTENT else text[:20])
    answers.put(" ".join(told))


def test_who_reads_within_steady_always_finds_the_entry_that_others_replace(store: Store) -> None:
    fetch(store, writing(races.CONTENT), seed=1)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    processes = [
        context.Process(target=work, args=(store.root, answers))
        for work in (replace_many_times, read_many_times) * 2
    ]
    for process in processes:
        process.start()
    assert [answers.get(timeout=60) for _ in processes] == ["right"] * 4
    for process in processes:
        process.join()
    assert os.listdir(store.root / "train") == [Store.key("train", {"seed": 1})]


LAYERS = """
set -e
mount -t tmpfs none "$1/above"
mkdir "$1/above/changes" "$1/above/work" "$1/above/merged"
mount -t overlay overlay "$1/above/merged" -o \\
    "userxattr,lowerdir=$1/below,upperdir=$1/above/changes,workdir=$1/above/work" || exit 77
exec "$0" -c "$2" "$1/above/merged"
"""
"""A folder as a container sees it whose image holds ``below``."""

IN_A_CONTAINER = """
import sys
from pathlib import Path
from tflconv.core.store import Store
store, build = Store(Path(sys.argv[1])), lambda folder: (folder / "file").write_text("right")
for again in (False, True):
    entry = store.fetch("train", {"seed": 1}, build, again=again)
    assert entry.fresh and (entry.path / "file").read_text() == "right"
"""


def test_a_damaged_entry_in_the_image_of_a_container_is_replaced(
    tmp_path: Path, require: Callable[[str, bool, str], None]
) -> None:
    mount = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    allowed = shutil.which("unshare") and not subprocess.run([*mount, "true"]).returncode
    require("namespaces", bool(allowed), "no user namespaces here")
    for name in ("below", "above"):
        (tmp_path / name).mkdir()
    (fetch(Store(tmp_path / "below"), writing("x"), seed=1).path / MANIFEST).write_text("{}")
    run = subprocess.run(
        [*mount, LAYERS, sys.executable, tmp_path, IN_A_CONTAINER], capture_output=True, text=True
    )
    if run.returncode == 77:
        pytest.skip("no layers in user namespaces here")
    assert run.returncode == 0, run.stderr


def test_what_a_running_build_makes_is_left_alone(store: Store) -> None:
    def build(folder: Path) -> None:
        store.sweep()
        writing("abc")(folder)

    assert fetch(store, build, seed=1).fresh
