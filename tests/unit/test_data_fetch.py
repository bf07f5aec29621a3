"""Downloads from a server on loopback that misbehaves in every way that servers do."""

import json
import multiprocessing
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from making_pictures import collection, write_tar, write_zip

from fakes.servers import CONTENT, Hostile, serving
from tflconv import data
from tflconv.core.files import sha256_bytes, sha256_file
from tflconv.data import DataFile, card, fetch
from tflconv.errors import TflconvError, UsageError

DIGEST = sha256_bytes(CONTENT)


@pytest.fixture
def server() -> Iterator[Hostile]:
    with serving(hostile := Hostile()):
        yield hostile


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the one file of the dataset that ``published`` makes will be."""
    monkeypatch.setenv("TFLCONV_DATA_DIR", str(tmp_path))
    return tmp_path / "cifar-10" / "set.tar.gz"


def publish(
    monkeypatch: pytest.MonkeyPatch,
    *urls: str,
    sha256: str | None = DIGEST,
    size: int | None = len(CONTENT),
) -> None:
    """Give the card of cifar-10 one file with these addresses."""
    file = DataFile(path="set.tar.gz", sha256=sha256, bytes=size, urls=urls)
    changed = replace(card("cifar-10"), files=(file,))
    monkeypatch.setattr(fetch, "card", lambda _name: changed)


def left_in(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def test_a_file_comes_whole_with_progress(
    server: Hostile, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, f"{server.address}/file")
    steps: list[tuple[str, int, int | None]] = []
    (fetched,) = fetch.fetch("cifar-10", lambda *step: steps.append(step))
    assert target.read_bytes() == CONTENT
    assert (fetched.path, fetched.sha256, fetched.fresh) == (target, DIGEST, True)
    assert left_in(target) == ["set.tar.gz"]
    assert steps[-1] == ("set.tar.gz", len(CONTENT), len(CONTENT))
    assert [done for _, done, _ in steps] == sorted(done for _, done, _ in steps)


def test_what_is_here_is_not_fetched_again(
    server: Hostile, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, f"{server.address}/file")
    fetch.fetch("cifar-10")
    (again,) = fetch.fetch("cifar-10")
    assert not again.fresh
    assert len(server.requests) == 1
    target.write_bytes(b"damaged")
    fetch.fetch("cifar-10")
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("path", ["/cut", "/stubborn"])
def test_a_cut_connection_is_resumed_or_begun_again(
    server: Hostile, target: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    publish(monkeypatch, server.address + path)
    fetch.fetch("cifar-10")
    assert target.read_bytes() == CONTENT
    assert server.requests == [(path, None), (path, f"bytes={len(CONTENT) // 3}-")]


def test_the_next_call_resumes_what_an_interrupted_one_left(
    server: Hostile, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, f"{server.address}/file")

    def interrupt(_name: str, done: int, _total: int | None) -> None:
        if done > len(CONTENT) // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.fetch("cifar-10", interrupt)
    assert left_in(target) == [".set.tar.gz.part"]
    fetch.fetch("cifar-10")
    assert target.read_bytes() == CONTENT
    assert server.requests[1][1] is not None


def test_a_connection_that_always_breaks_is_an_error(
    server: Hostile, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, f"{server.address}/always-cut")
    with pytest.raises(TflconvError, match="the connection broke 3 times"):
        fetch.fetch("cifar-10")
    assert not target.exists()
    assert len(server.requests) == 3


WRONG = {
    "/wrong": "wrong bytes",
    "/longer": "expected",
    "/endless": "more bytes than expected",
    "/unasked-part": "nobody asked for",
    "/no-length": "gave 1000 bytes, expected",
    "/packed": "packed",
    "/rude": "404",
    "/noise": "2J",
}


@pytest.mark.parametrize(("path", "why"), WRONG.items())
def test_wrong_bytes_never_become_the_file(
    server: Hostile, target: Path, monkeypatch: pytest.MonkeyPatch, path: str, why: str
) -> None:
    publish(monkeypatch, server.address + path)
    with pytest.raises(TflconvError, match=why) as caught:
        fetch.fetch("cifar-10")
    assert server.address + path in caught.value.message
    assert left_in(target) == []


@pytest.mark.parametrize("path", ["/endless", "/no-length"])
def test_without_a_checksum_a_body_that_may_be_cut_is_never_taken(
    server: Hostile, target: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    publish(monkeypatch, server.address + path, sha256=None, size=None)
    with pytest.raises(TflconvError, match="does not say how long"):
        fetch.fetch("cifar-10")
    assert left_in(target) == []


@pytest.mark.parametrize("path", ["/another-part", "/some-part", "/no-resume"])
def test_a_server_that_cannot_resume_never_spoils_a_file(
    server: Hostile, target: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    publish(monkeypatch, f"{server.address}{path}", f"{server.address}/file")
    fetch.fetch("cifar-10")
    assert target.read_bytes() == CONTENT
    assert left_in(target) == ["set.tar.gz"]


def test_two_processes_that_fetch_one_file_ask_for_it_once(
    server: Hostile, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, f"{server.address}/file")
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=fetch.fetch, args=("cifar-10",)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert target.read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_a_wrong_beginning_is_thrown_away(
    server: Hostile, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, f"{server.address}/file")
    target.parent.mkdir()
    (target.parent / ".set.tar.gz.part").write_bytes(b"x" * 1000)
    with pytest.raises(TflconvError, match="wrong bytes"):
        fetch.fetch("cifar-10")
    fetch.fetch("cifar-10")
    assert target.read_bytes() == CONTENT


def test_a_redirect_is_followed(
    server: Hostile, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, f"{server.address}/moved")
    fetch.fetch("cifar-10")
    assert target.read_bytes() == CONTENT
    assert [path for path, _ in server.requests] == ["/moved", "/file"]


def test_the_next_address_is_tried_where_one_fails(
    server: Hostile, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, *(server.address + path for path in ("/gone", "/wrong", "/file")))
    fetch.fetch("cifar-10")
    assert target.read_bytes() == CONTENT


def test_a_file_that_is_gone_names_every_address_and_the_other_way(
    server: Hostile, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, f"{server.address}/gone")
    with pytest.raises(TflconvError, match=r"/gone: the server says 404") as caught:
        fetch.fetch("cifar-10")
    assert "--from FILE" in str(caught.value.hint)
    assert left_in(target) == []


def test_no_network_is_one_message(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    publish(monkeypatch, f"http://127.0.0.1:{port}/file")
    with pytest.raises(TflconvError, match=r"cannot reach 127\.0\.0\.1"):
        fetch.fetch("cifar-10")
    assert left_in(target) == []


def test_a_host_without_a_name_is_one_message(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, "http://nowhere.invalid/file")
    with pytest.raises(TflconvError, match=r"cannot reach nowhere\.invalid"):
        fetch.fetch("cifar-10")


def test_an_unknown_checksum_is_recorded_and_holds(
    server: Hostile, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, f"{server.address}/file", sha256=None, size=None)
    (fetched,) = fetch.fetch("cifar-10")
    assert fetched.first
    assert json.loads((target.parent / "fetched.json").read_text()) == {"set.tar.gz": DIGEST}
    target.unlink()
    publish(monkeypatch, f"{server.address}/wrong", sha256=None, size=None)
    with pytest.raises(TflconvError, match="wrong bytes"):
        fetch.fetch("cifar-10")


def test_a_file_without_checksum_is_never_put_together_from_two(
    server: Hostile, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, f"{server.address}/cut", sha256=None, size=None)
    fetch.fetch("cifar-10")
    assert target.read_bytes() == CONTENT
    assert server.requests == [("/cut", None), ("/cut", None)]


def test_a_full_disk_is_one_message(
    server: Hostile, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, f"{server.address}/file")
    target.parent.mkdir()
    (target.parent / ".set.tar.gz.part").symlink_to("/dev/full")
    with pytest.raises(TflconvError, match="No space left on device"):
        fetch.fetch("cifar-10")
    assert not target.exists()


def test_a_bundled_set_and_one_behind_a_login_are_not_downloaded(target: Path) -> None:
    with pytest.raises(UsageError, match="nothing to fetch"):
        fetch.fetch("mnist-sample")
    with pytest.raises(UsageError, match="no public address") as caught:
        fetch.fetch("asl-alphabet")
    assert "--from archive.zip" in str(caught.value.hint)


def asl_archive(path: Path) -> Path:
    files = {
        f"asl_alphabet_train/{label}/{label}{index}.jpg": content
        for number, label in enumerate(card("asl-alphabet").classes)
        for index, content in zip(
            (1, 320, 520), collection({"x": 3}, seed=10 * number).values(), strict=True
        )
    }
    return write_zip(path, files)


def test_a_file_of_ones_own_is_adopted_checked_and_recorded(tmp_path: Path, target: Path) -> None:
    archive = asl_archive(tmp_path / "archive.zip")
    (adopted,) = fetch.adopt("asl-alphabet", archive)
    assert adopted.first
    assert adopted.path == tmp_path / "asl-alphabet" / "asl-alphabet.zip"
    assert adopted.path.read_bytes() == archive.read_bytes()
    assert len(data.load("asl-alphabet", resolution=8).test) == 29


def test_an_archive_that_is_none_is_not_adopted(tmp_path: Path, target: Path) -> None:
    (tmp_path / "archive.zip").write_bytes(b"<html>please sign in</html>")
    with pytest.raises(TflconvError, match=r"archive\.zip"):
        fetch.adopt("asl-alphabet", tmp_path / "archive.zip")
    write_tar(tmp_path / "evil.tar", {"../evil": b"x"})
    with pytest.raises(TflconvError, match="points outside"):
        fetch.adopt("asl-alphabet", tmp_path / "evil.tar")
    write_zip(tmp_path / "other.zip", {"asl_alphabet_train/A/A1.jpg": b"x"})
    with pytest.raises(TflconvError, match="is not asl-alphabet: no picture of 'B'"):
        fetch.adopt("asl-alphabet", tmp_path / "other.zip")
    assert not (tmp_path / "asl-alphabet").exists()


def test_wrong_bytes_are_not_adopted(tmp_path: Path, target: Path) -> None:
    write_tar(tmp_path / "cifar-10-python.tar.gz", {"a": b"b"})
    with pytest.raises(TflconvError, match="its sha256 is"):
        fetch.adopt("cifar-10", tmp_path)
    assert not target.parent.exists()


def test_adopting_says_what_is_missing(tmp_path: Path, target: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        fetch.adopt("cifar-10", tmp_path / "nowhere")
    with pytest.raises(UsageError, match=r"has no file cifar-10-python\.tar\.gz"):
        fetch.adopt("cifar-10", tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="mnist has several files"):
        fetch.adopt("mnist", tmp_path / "file")


def test_a_folder_of_files_is_adopted(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = card("mnist-sample")
    changed = replace(card("mnist"), files=sample.files)
    monkeypatch.setattr(fetch, "card", lambda _name: changed)
    adopted = fetch.adopt("mnist", sample.folder)
    assert [sha256_file(file.path) for file in adopted] == [file.sha256 for file in sample.files]
    assert not any(file.first for file in adopted)
