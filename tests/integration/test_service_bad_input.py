"""Whatever a client or a user gets wrong: one clear answer or message, and the service goes on."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fakes.serving import PNG, Answer, Running, encoded, form, png, serving
from tflconv.tflite import packing

TINY = Path(__file__).parents[1] / "golden" / "models" / "tiny_float32.tflite"
PATH = "/models/tiny_float32/classify"
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def service() -> Iterator[Running]:
    limits = ("--max-pictures", 4, "--max-megabytes", 0.5, "--max-megapixels", 1)
    with serving(TINY, "--workers", 1, *limits) as running:
        yield running
        assert running.classify(png()).status == 200
        assert running.number('tflconv_workers_lost_total{reason="worker-crashed"}') == 0
    assert running.events  # all lines of the log are JSON, also those of libraries


def in_json(**members: Any) -> tuple[bytes, dict[str, str]]:
    return json.dumps(members).encode(), JSON


def noise(side: int) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (side, side, 3), np.uint8)
    return encoded(Image.fromarray(pixels))


TEXT = base64.b64encode(png()).decode()

WRONG: dict[str, tuple[tuple[bytes, dict[str, str]], int, str]] = {
    "no picture": ((b"this is no picture", PNG), 422, "unreadable-picture"),
    "another format": ((encoded(Image.new("L", (9, 9)), "TIFF"), PNG), 422, "unreadable-picture"),
    "program": ((b"%!PS-Adobe-3.0 EPSF-3.0\n", PNG), 422, "unreadable-picture"),
    "truncated png": ((noise(40)[:-900], PNG), 422, "unreadable-picture"),
    "truncated jpeg": (
        (encoded(Image.new("L", (640, 480), 9), "JPEG")[:-300], {"content-type": "image/jpeg"}),
        422,
        "unreadable-picture",
    ),
    "only a head": ((png()[:30], PNG), 422, "unreadable-picture"),
    "one pixel": ((png(0, 1), PNG), 422, "unreadable-picture"),
    "bomb": ((encoded(Image.new("1", (9000, 9000))), PNG), 422, "unreadable-picture"),
    "empty": ((b"", PNG), 400, "empty-body"),
    "too large": ((bytes(600_000), PNG), 413, "too-large"),
    "text": ((png(), {"content-type": "text/plain"}), 415, "wrong-type"),
    "tiff": ((png(), {"content-type": "image/tiff"}), 415, "wrong-type"),
    "no type": ((png(), {}), 415, "wrong-type"),
    "as curl sends it": (
        (png(), {"content-type": "application/x-www-form-urlencoded"}),
        415,
        "wrong-type",
    ),
    "10000 pictures in a form": (form(*[b"x"] * 5000), 413, "too-many-pictures"),
    "10000 pictures in JSON": (in_json(pictures=["QQ=="] * 10_000), 413, "too-many-pictures"),
    "five pictures": (form(*[png()] * 5), 413, "too-many-pictures"),
    "form without files": (form(top="2"), 400, "empty-body"),
    "form with an empty file": (form(png(), b""), 400, "empty-body"),
    "form without a boundary": (
        (form(png())[0], {"content-type": "multipart/form-data"}),
        400,
        "bad-request",
    ),
    "form that is none": ((b"x" * 99, form(png())[1]), 400, "bad-request"),
    "form cut short": ((form(png())[0][:-30], form(png())[1]), 400, "bad-request"),
    "form with a path": (form(png(), path="/etc/passwd"), 400, "bad-request"),
    "form in a charset of its own": (
        (
            form(png(), top="+ADM-")[0],  # "3" in UTF-7
            {"content-type": "multipart/form-data; boundary=edge; charset=utf-7"},
        ),
        400,
        "bad-request",
    ),
    "form with two boundaries": (
        (
            form(*[png()] * 5)[0],
            {"content-type": 'multipart/form-data; boundary=edge; x="boundary=other"'},
        ),
        413,
        "too-many-pictures",
    ),
    "form with an odd boundary": (
        (form(png())[0], {"content-type": 'multipart/form-data; boundary="e\\"dge"'}),
        400,
        "bad-request",
    ),
    "form without a file": (
        (form(png())[0].replace(b'; filename="a.png"', b""), form(png())[1]), 400, "empty-body",
    ),
    "form behind a text": ((b"hello\r\n" + form(png())[0], form(png())[1]), 400, "bad-request"),
    "compressed": ((gzip.compress(png()), PNG | {"content-encoding": "gzip"}), 415, "wrong-type"),
    "second of two": (form(png(), b"none"), 422, "unreadable-picture"),
    "no JSON": ((b"{", JSON), 400, "bad-request"),
    "bytes for JSON": ((b"\xff\xfe", JSON), 400, "bad-request"),
    "JSON too deep": ((b"[" * 100_000, JSON), 400, "bad-request"),
    "JSON of many lists": (
        (b'{"pictures": [[], [], [], []], "pictures": ["%s"]}' % TEXT.encode(), JSON),
        400,
        "bad-request",
    ),
    "JSON of many numbers": ((b'{"pictures": [1' + b",1" * 9999 + b"]}", JSON), 413,
                             "too-many-pictures"),
    "list": ((b"[]", JSON), 400, "bad-request"),
    "pictures as a text": (in_json(pictures=TEXT), 400, "bad-request"),
    "pictures as numbers": (in_json(pictures=[1, 2]), 400, "bad-request"),
    "address": (in_json(pictures=["http://example.org/cat.png"]), 400, "bad-request"),
    "no pictures": (in_json(pictures=[]), 400, "empty-body"),
    "other member": (in_json(pictures=[TEXT], url="file:///etc/passwd"), 400, "bad-request"),
    "top as a text": (in_json(pictures=[TEXT], top="many"), 400, "bad-request"),
    "top of 0": (in_json(pictures=[TEXT], top=0), 400, "bad-request"),
    "top that is true": (in_json(pictures=[TEXT], top=True), 400, "bad-request"),
    "top with a point": (in_json(pictures=[TEXT], top=1.5), 400, "bad-request"),
}  # fmt: skip


@pytest.mark.parametrize(("request_", "status", "problem"), WRONG.values(), ids=WRONG)
def test_a_wrong_body_is_one_problem(
    service: Running, request_: tuple[bytes, dict[str, str]], status: int, problem: str
) -> None:
    answer = service.ask(PATH, *request_)
    assert (answer.status, answer.problem) == (status, problem), answer.body
    assert "/tmp" not in answer.body.decode()


def test_the_problem_says_which_picture_it_was(service: Running) -> None:
    assert service.ask(PATH, *form(png(), png(), b"none")).json["picture"] == 2


@pytest.mark.parametrize(
    ("path", "method", "status", "problem"),
    [
        ("/models/other/classify", "POST", 404, "unknown-model"),
        ("/models/..%2f..%2fetc%2fpasswd/classify", "POST", 404, "not-found"),
        ("/models/%00/classify", "POST", 404, "unknown-model"),
        ("/models/other", "GET", 404, "unknown-model"),
        ("/nothing", "GET", 404, "not-found"),
        (PATH, "GET", 405, "method-not-allowed"),
        ("/models", "DELETE", 405, "method-not-allowed"),
        (f"{PATH}?top=-1", "POST", 400, "bad-request"),
        (f"{PATH}?top=1&url=http://example.org", "POST", 400, "bad-request"),
        (f"{PATH}?top={'9' * 5000}", "POST", 400, "bad-request"),
    ],
)
def test_a_wrong_address_is_one_problem(
    service: Running, path: str, method: str, status: int, problem: str
) -> None:
    answer = service.ask(path, png() if method == "POST" else None, PNG, method)
    assert (answer.status, answer.problem) == (status, problem)
    if status == 405:  # RFC 9110, 15.5.6
        assert answer.headers["allow"] in ("POST", "GET, HEAD", "HEAD, GET")


def test_a_chunked_body_is_measured_while_it_comes(service: Running) -> None:
    with service.connect() as connection:
        head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
        connection.sendall(chunk * 9)
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "junk",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 20_000,
        b"GET /" + b"a" * 100_000,
        b"\r\n" * 20_000,
    ],
    ids=["tls", "version", "two lengths", "negative", "headers", "address", "blank lines"],
)
def test_junk_is_refused_and_the_connection_ended(service: Running, junk: bytes) -> None:
    with service.connect() as connection:
        received = b""
        connection.sendall(junk)
        while part := connection.recv(1 << 16):
            received += part
    assert received.startswith(b"HTTP/1.1 4"), received
    assert json.loads(received.partition(b"\r\n\r\n")[2])["status"] in (400, 413)
    assert service.ask("/livez").status == 200


def test_other_hosts_are_refused(service: Running) -> None:
    """A page of another site whose name leads to this computer cannot ask."""
    for host in ("evil.example.org", "localhost:80@a.example", "localhost/x", "localhost.a", ""):
        answer = service.ask("/models", headers={"host": host})
        assert (answer.status, answer.problem) == (421, "wrong-host"), host
    for host in ("[::1]:80", "LOCALHOST", "127.0.0.1:8000"):
        assert service.ask("/models", headers={"host": host}).status == 200
    with service.connect() as connection:
        connection.sendall(b"GET /models HTTP/1.1\r\nHost: localhost\r\nHost: a.example\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 421 ")


def test_a_token_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("0123456789abcdef\n")
    with serving(TINY, "--workers", 1, "--token-file", file) as service:
        given = {"authorization": "Bearer 0123456789abcdef"}
        for headers in ({}, {"authorization": "Bearer other"}, {"authorization": "Basic eDp5"}):
            for path in ("/models", "/metrics", "/nothing"):
                answer = service.ask(path, headers=headers)
                assert (answer.status, answer.problem) == (401, "unauthorized")
                assert answer.headers["www-authenticate"] == "Bearer"
        assert service.ask(PATH, png(), PNG).problem == "unauthorized"
        assert service.ask(PATH, png(), PNG | given).status == 200
        assert service.ask("/livez").status == service.ask("/").status == 200
        assert "0123456789abcdef" not in "".join(service.lines)


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tflconv", "serve", *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def without_card(folder: Path) -> Path:
    file = folder / "bare.tflite"
    file.write_bytes(packing.pack(packing.unpack(TINY.read_bytes())))
    return file


def with_foreign_operator(folder: Path) -> Path:
    """A file that our reader takes and LiteRT does not: it has a custom operator."""
    model = packing.unpack(TINY.read_bytes())
    code = model.operatorCodes[0]
    code.customCode = b"NoSuchOperator"
    code.builtinCode = code.deprecatedBuiltinCode = 32
    file = folder / "foreign.tflite"
    file.write_bytes(packing.pack(model))
    return file


def text(folder: Path) -> Path:
    file = folder / "text.tflite"
    file.write_text("this is no model\n" * 40)
    return file


def twice(folder: Path) -> Path:
    file = folder / "tiny_float32.tflite"
    file.write_bytes(TINY.read_bytes())
    return file


REFUSED: dict[str, tuple[Callable[[Path], Path], list[object], int, tuple[str, ...]]] = {
    "no model": (text, [], 1, ("text.tflite", "not a")),
    "no card": (without_card, [], 2, ("bare.tflite does not say how pixels", "--normalize")),
    "not for LiteRT": (with_foreign_operator, [], 1, ("foreign.tflite", "NoSuchOperator")),
    "labels": (twice, ["--labels", "two.txt"], 2, ("2 labels", "tiny_float32.tflite")),
    "wrong golden": (twice, ["--golden", "golden"], 1, ("golden picture of 'one'",)),
}
"""What only opening the model can tell; the rest is in ``tests/unit/test_wrong_calls.py``."""


@pytest.mark.parametrize(("make", "more", "code", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_served_is_one_message(
    tmp_path: Path,
    make: Callable[[Path], Path],
    more: list[object],
    code: int,
    says: tuple[str, ...],
) -> None:
    (tmp_path / "two.txt").write_text("a\nb\n")
    for label in ("zero", "one", "two"):  # the same picture cannot be all of them
        (tmp_path / "golden" / label).mkdir(parents=True)
        (tmp_path / "golden" / label / "a.png").write_bytes(png())
    ended = run(make(tmp_path), *more, "--workers", 1, cwd=tmp_path)
    assert ended.returncode == code, ended.stderr
    assert ended.stderr.count("Error:") == 1
    assert "Traceback" not in ended.stderr
    for words in says:
        assert words in ended.stderr
    assert ".tflconv~" not in ended.stderr
    assert '"ended"' not in ended.stderr  # what never served cannot end


def test_a_port_in_use_is_one_message(service: Running, tmp_path: Path) -> None:
    ended = run(TINY, "--port", service.port, cwd=tmp_path)
    assert ended.returncode == 1
    assert f"port {service.port}: Address already in use" in ended.stderr
    assert "--port" in ended.stderr


def test_a_model_without_a_card_is_served_as_it_is_told(tmp_path: Path, service: Running) -> None:
    labels = tmp_path / "names.txt"
    labels.write_text("null\neins\nzwei\n")
    told = ("--normalize=0..1", "--labels", labels)
    with serving(without_card(tmp_path), "--workers", 1, *told) as bare:
        answer = bare.classify(png(), "bare")
    names = dict(zip(("zero", "one", "two"), ("null", "eins", "zwei"), strict=True))
    expected = [(names[c["label"]], c["probability"]) for c in classes(service.classify(png()))]
    assert [(c["label"], c["probability"]) for c in classes(answer)] == expected


def classes(answer: Answer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer.json["pictures"][0]["classes"]
    return found


def test_the_extra_is_asked_for_where_it_is_missing(tmp_path: Path) -> None:
    (tmp_path / "uvicorn.py").write_text("raise ModuleNotFoundError(name='uvicorn')")
    ended = subprocess.run(
        [sys.executable, "-m", "tflconv", "serve", str(TINY)],
        cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "needs the package uvicorn" in ended.stderr
    assert "pip install 'tflconv[serve]'" in ended.stderr
