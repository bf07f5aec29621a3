"""A history only grows, survives its writers, and says what is wrong with it."""

from __future__ import annotations

import json
import multiprocessing
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from fakes import killed_histories
from fakes.killed_histories import renamed, run
from tflconv import results
from tflconv.cli import main
from tflconv.errors import TflconvError, UsageError
from tflconv.history import History, Keeping, database, trend, versions
from tflconv.results import Results


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "history.sqlite")


def command(*words: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*map(str, words)])
    return int(str(ended.value.code))


def test_runs_come_back_in_the_order_in_which_they_came(history: History) -> None:
    """A clock that was set back changes nothing."""
    later = run(1, started="2031-01-01T00:00:00+00:00")
    earlier = run(2, started="2029-01-01T00:00:00+00:00")
    assert history.add([later, earlier]) == 2
    assert [kept.run for kept in history.runs()] == [later, earlier]
    assert [point.kept.run for point in trend.of(history.runs(), "latency")] == [later, earlier]


def test_a_run_is_kept_once(history: History) -> None:
    assert history.add([run(1), run(2)]) == 2
    assert history.add([run(2), run(3)]) == 1
    assert [kept.number for kept in history.runs()] == [1, 2, 3]


def test_a_run_is_found_by_the_beginning_of_its_hash(history: History) -> None:
    history.add([run(n) for n in range(20)])
    kept = history.runs()[7]
    assert history.find(kept.hash[:12]) == kept
    for name in ("zzzz", kept.hash[:3], "", "f" * 64):
        with pytest.raises(UsageError, match="no run whose hash begins"):
            history.find(name)


def test_two_histories_merge_without_doubles(history: History, tmp_path: Path) -> None:
    other = History(tmp_path / "other.sqlite")
    history.add([run(1), run(2)])
    other.add([run(2), run(3)])
    assert history.merge(other) == 1
    assert other.merge(history) == 1
    assert {kept.hash for kept in history.runs()} == {kept.hash for kept in other.runs()}


def _merge(target: Path, source: Path) -> None:
    History(target).merge(History(source))


def test_two_merges_at_once_lose_nothing(history: History, tmp_path: Path) -> None:
    sources = [History(tmp_path / f"{n}.sqlite") for n in range(3)]
    for number, source in enumerate(sources):
        source.add([run(n) for n in range(20 * number, 20 * number + 30)])  # they overlap
    context = multiprocessing.get_context("fork")
    merging = [context.Process(target=_merge, args=(history.path, s.path)) for s in sources]
    for process in merging:
        process.start()
    for process in merging:
        process.join()
    assert [process.exitcode for process in merging] == [0, 0, 0]
    assert len(history.runs()) == 70


def test_kills_cost_the_run_in_flight(tmp_path: Path) -> None:
    """Two hundred of them in ``tests/nightly/test_histories.py``."""
    found = killed_histories.survive(tmp_path, kills=10)
    assert (found.lost, found.damaged) == (0, 0)
    assert found.extra <= killed_histories.WRITERS
    assert found.told > 0


def test_a_history_cannot_be_changed_by_accident(history: History) -> None:
    history.add([run(1)])
    with closing(sqlite3.connect(history.path)) as connection:
        for sql in ("UPDATE runs SET slug = 'x'", "DELETE FROM runs"):
            with pytest.raises(sqlite3.IntegrityError, match="a history only grows"):
                connection.execute(sql)


def test_a_run_that_was_changed_on_purpose_is_told_by_its_hash(history: History) -> None:
    history.add([run(1)])
    with closing(sqlite3.connect(history.path)) as connection:
        connection.execute("DROP TRIGGER runs_stay")
        connection.execute("UPDATE runs SET run = replace(run, '1000000', '900000')")
        connection.commit()
    with pytest.raises(TflconvError, match=r"run 1 of .* was changed after it was kept"):
        history.runs()


def test_a_later_version_is_left_alone(history: History) -> None:
    history.add([run(1)])
    later = len(versions.STEPS) + 1
    with closing(sqlite3.connect(history.path)) as connection:
        connection.execute(f"PRAGMA user_version = {later}")
    before = history.path.read_bytes()
    for act in (history.runs, history.prepare, lambda: history.add([run(2)])):
        with pytest.raises(TflconvError, match=f"is a history of version {later}; this tflconv"):
            act()
    assert history.path.read_bytes() == before


def test_a_file_of_before_the_first_step_is_updated(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.add([run(1)])
    step = "ALTER TABLE runs ADD COLUMN note TEXT; CREATE INDEX runs_by_note ON runs (note);"
    monkeypatch.setattr(versions, "STEPS", (*versions.STEPS, step))
    assert [kept.run for kept in history.runs()] == [run(1)]
    with closing(sqlite3.connect(history.path)) as connection:
        assert versions.version_of(connection) == len(versions.STEPS)
        assert connection.execute("SELECT note FROM runs").fetchall() == [(None,)]


def test_a_step_that_fails_leaves_the_file_as_it_was(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.add([run(1)])
    bad = "ALTER TABLE runs ADD COLUMN note TEXT; CREATE TABLE runs (number INTEGER);"
    monkeypatch.setattr(versions, "STEPS", (*versions.STEPS, bad))
    with pytest.raises(TflconvError, match="is not a history of tflconv"):
        history.runs()
    monkeypatch.undo()
    assert [kept.run for kept in history.runs()] == [run(1)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{}" * 600, "is not a history of tflconv"),
        ("CREATE TABLE runs (mine TEXT)", "is a database of something else"),
        ("CREATE TABLE theirs (mine TEXT)", "is a database of something else"),
        ("PRAGMA user_version = 1", "is not a history of tflconv"),
    ],
)
def test_what_is_no_history_is_not_touched(
    content: bytes | str, said: str, history: History
) -> None:
    if isinstance(content, str):
        with closing(sqlite3.connect(history.path)) as connection:
            connection.execute(content)
            connection.commit()
    else:
        history.path.write_bytes(content)
    before = history.path.read_bytes()
    for act in (history.runs, lambda: history.add([run(1)])):
        with pytest.raises(TflconvError, match=said):
            act()
    assert history.path.read_bytes() == before


def test_a_run_that_is_no_run_is_one_message(history: History) -> None:
    """Whoever makes a file can make its hashes, too."""
    history.prepare()
    for text in ("[" * 100_000, "{}", "nonsense"):
        digest = sha256(text.encode()).hexdigest()
        with closing(sqlite3.connect(history.path)) as connection:
            connection.execute(
                "INSERT INTO runs (hash, slug, device, tflconv, run) VALUES (?, 'm', 'd', '1', ?)",
                (digest, text),
            )
            connection.commit()
        with pytest.raises(TflconvError, match="run 1 of "):
            history.runs()


HOLDS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_history_that_another_process_holds_is_waited_for_and_then_told(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.add([run(1)])
    monkeypatch.setattr(database, "WAIT_SECONDS", 0.1)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(history.path)], **pipes) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(TflconvError, match="another process holds the history"):
            history.add([run(2)])
        other.kill()
    assert history.add([run(2)]) == 1


FULL = """
mount -t tmpfs -o size=64k none "$1"
exec "$2" -c '
import sys
from pathlib import Path
from fakes.killed_histories import run
from tflconv.errors import TflconvError
from tflconv.history import History
history = History(Path(sys.argv[1]) / "history.sqlite")
kept = 0
try:
    while kept < 1000:
        kept += history.add([run(kept)])
except TflconvError as error:
    print(error.message)
print(kept, len(history.runs()))
' "$1"
"""


def test_a_full_disk_costs_the_run_in_flight(
    tmp_path: Path, require: Callable[[str, bool, str], None]
) -> None:
    probe = subprocess.run(["unshare", "-rm", "true"], capture_output=True)
    require("namespaces", probe.returncode == 0, "unshare -rm does not work here")
    path = f"{Path(__file__).parents[1]}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-ec", FULL, "sh", str(tmp_path), sys.executable],
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    said, counts = done.stdout.splitlines()
    assert "the disk is full" in said
    told, kept = map(int, counts.split())
    assert told == kept > 0


# Commands


def test_the_commands_list_show_export_and_tell_trends(
    history: History, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history.add([run(1), run(500_000_000), renamed(run(3), "other")])
    at = ("--history", history.path)
    assert command("history", "list", *at, "--model", "m", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["model"] for row in listed] == ["m", "m"]
    assert command("history", "show", listed[0]["run"], *at, "--json") == 0
    (shown,) = json.loads(capsys.readouterr().out)["runs"]
    assert shown["content_sha256"].startswith(listed[0]["run"])
    assert command("history", "show", listed[0]["run"], *at) == 0
    assert command("history", "trend", *at, "--json") == 0
    points = json.loads(capsys.readouterr().out.partition("[")[2].join(["[", ""]))
    assert [point["model"] for point in points] == ["m", "m", "other"]
    assert points[0]["change"] is None
    target = tmp_path / "out.json"
    assert command("history", "export", target, *at) == 0
    assert len(results.load(target).runs) == 3
    assert command("history", "merge", target, "--history", tmp_path / "new.sqlite") == 0
    assert "3 new" in capsys.readouterr().out


def test_results_that_were_edited_by_hand_are_refused(
    history: History, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "results.json"
    Results(runs=(run(1),)).save(file)
    assert results.changed(file) == ()
    file.write_text(file.read_text().replace("1000001", "900001"))
    assert results.changed(file) == ("m",)
    assert command("history", "merge", file, "--history", history.path) == 1
    assert "was changed after it was measured" in capsys.readouterr().err
    assert command("compare", file, file) == 1
    assert "was changed after it was measured" in capsys.readouterr().err
    assert command("compare", file, file, "--force") == 0
    assert history.runs() == []


def test_results_of_before_there_were_hashes_are_taken(history: History, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    Results(runs=(run(1),)).save(file)
    entry = json.loads(file.read_text())
    del entry["runs"][0]["content_sha256"]
    file.write_text(json.dumps(entry))
    assert command("history", "merge", file, "--history", history.path) == 0
    assert [kept.run for kept in history.runs()] == [run(1)]


def test_runs_of_a_history_are_compared_by_their_hashes(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    larger = replace(run(2), model=replace(run(2).model, bytes=2))
    history.add([run(1), larger])
    first, second = (kept.hash[:10] for kept in history.runs())
    words = ("compare", first, second, "--history", history.path, "--fail-on", "bytes:1%")
    assert command(*words) == 5
    assert "bytes +100.00 % (exact) is worse by more than bytes:1%" in capsys.readouterr().err


def test_a_command_whose_history_is_off_says_how_to_name_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command("history", "list") == 2  # as tests/conftest.py sets it
    assert "TFLCONV_HISTORY is off.\nName a history: --history FILE." in capsys.readouterr().err


# Where runs are kept


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a user who has set nothing."""
    monkeypatch.delenv("TFLCONV_HISTORY")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "tflconv"


def test_runs_land_in_the_users_own_history(home: Path) -> None:
    Keeping().add(run(1))
    Keeping().add(run(1))
    assert [kept.run for kept in History(home / "history.sqlite").runs()] == [run(1)]


@pytest.mark.parametrize("how", ["variable", "argument"])
def test_a_history_may_be_named_or_left_out(
    how: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keeping(name: str) -> Keeping:
        monkeypatch.setenv("TFLCONV_HISTORY", name if how == "variable" else "elsewhere")
        return Keeping(Path(name) if how == "argument" else None)

    keeping("off").prepare()
    keeping("off").add(run(1))
    named = tmp_path / "named.sqlite"
    keeping(str(named)).add(run(1))
    assert [kept.run for kept in History(named).runs()] == [run(1)]
    assert not home.exists()
    assert not Path("elsewhere").exists()


def test_a_named_history_must_work_and_the_users_own_need_not(home: Path, tmp_path: Path) -> None:
    """A run is worth more than its entry in a file that nobody asked for."""
    bad = tmp_path / "bad.sqlite"
    bad.write_bytes(b"{}" * 600)
    with pytest.raises(TflconvError, match="is not a history of tflconv"):
        Keeping(bad).add(run(1))
    home.mkdir(parents=True)
    (home / "history.sqlite").write_bytes(b"{}" * 600)
    with pytest.warns(UserWarning, match=r"runs are not kept: .*TFLCONV_HISTORY=off leaves"):
        Keeping().add(run(1))
    with pytest.warns(UserWarning, match="runs are not kept"):
        Keeping().prepare()


def test_the_command_line_leaves_the_history_out(home: Path, history: History) -> None:
    """What is refused makes no history, and shows which one would have been used."""
    missing = Path(__file__).parents[1] / "golden" / "models" / "tiny_float32.tflite"
    words = ("bench", missing, "--dataset", "no-such-dataset")
    assert command(*words, "--no-history") == 2
    assert command(*words, "--history", history.path) == 2
    assert command(*words) == 2
    assert not home.exists()
    assert not history.path.exists()
    history.path.write_bytes(b"{}" * 600)
    assert command(*words, "--history", history.path) == 1
    assert command(*words, "--no-history") == 2
