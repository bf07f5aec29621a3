"""Who is refused reads why, while still sending; and what is bounded over all connections."""

from __future__ import annotations

import json
import os
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import DEVNULL

import pytest

from fakes.serving import PATIENCE, PNG, Answer, Running, png, serving, wait_for

TINY = Path(__file__).parents[1] / "golden" / "models" / "tiny_float32.tflite"
PATH = "/models/tiny_float32/classify"
TOKEN = "0123456789abcdef"
ORIGIN = "https://a.example"
MOST, LARGEST = 20, 4_000_000


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    token = tmp_path_factory.mktemp("token") / "file"
    token.write_text(TOKEN)
    limits = ("--max-connections", MOST, "--max-megabytes", LARGEST / 1e6, "--watch", 0)
    more = ("--token-file", token, "--allow-origin", ORIGIN, "--receive-timeout", 30)
    with serving(TINY, "--workers", 1, *limits, *more, stderr=DEVNULL) as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def idle(service: Running) -> int:
    """Files that it has open when nobody asks."""
    return open_files(service)


def request(
    path: str = PATH, host: str = "localhost", token: str = TOKEN, length: int = LARGEST,
    ending: str = "close",
) -> bytes:  # fmt: skip
    """A head that ends the connection with its answer."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
        f"Connection: {ending}\r\nContent-Type: image/png\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def answer(connection: socket.socket) -> tuple[int, str]:
    """The status and kind of the one answer that comes before the end of the connection."""
    received = b""
    while part := connection.recv(1 << 16):
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head.lower(), received[:300]
    return int(head.split()[1]), str(json.loads(body)["type"]).rpartition(":")[2]


EARLY = {
    "unknown model": (request("/models/other/classify"), 404, "unknown-model"),
    "unknown address": (request("/other"), 404, "not-found"),
    "method": (request("/models"), 405, "method-not-allowed"),
    "host": (request(host="a.example"), 421, "wrong-host"),
    "token": (request(token="another"), 401, "unauthorized"),
    "too large": (request(length=2 * LARGEST), 413, "too-large"),
    "old protocol": (
        request("/other", ending="").replace(b"HTTP/1.1", b"HTTP/1.0"), 404, "not-found",
    ),
    "no request": (b"\x16\x03\x01\x02 no request\r\n\r\n", 400, "bad-request"),
    "many requests at once": (
        request("/livez", ending="keep-alive", length=0) * 5000, 400, "bad-request",
    ),
    "long head": (b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000, 413, "too-large"),
    "long lines behind the body": (
        request().replace(b"Content-Length: 4000000", b"Transfer-Encoding: chunked")
        + b"5\r\nhello\r\n0\r\nX: ", 413, "too-large",
    ),
}  # fmt: skip
"""What is refused when its head is read, while the client sends on."""


@pytest.mark.parametrize(("head", "status", "kind"), EARLY.values(), ids=EARLY)
def test_who_still_sends_reads_the_refusal(
    service: Running, head: bytes, status: int, kind: str
) -> None:
    with service.connect() as connection:
        connection.sendall(head + b"x" * LARGEST)
        assert answer(connection) == (status, kind)


def test_a_connection_that_asks_no_more_is_ended(service: Running) -> None:
    with service.connect() as connection:
        for _ in range(2):
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
        while connection.recv(1 << 16):  # what is left of the answer, and then the end
            pass


def test_who_is_one_too_many_reads_it(service: Running, idle: int) -> None:
    """Each of those that come at once to a full house gets the whole answer."""
    wait_for(lambda: open_files(service) == idle)
    with ExitStack() as stack:
        for _ in range(MOST):
            kept = stack.enter_context(service.connect())
            kept.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n")  # and no end
        late = [stack.enter_context(service.connect()) for _ in range(MOST)]
        for connection in late:
            connection.sendall(request(length=LARGEST // 4) + bytes(LARGEST // 4))
        assert [answer(connection) for connection in late] == [(503, "overloaded")] * MOST
    wait_for(lambda: ask(service).status == 200)


def test_who_stays_after_the_refusal_keeps_nobody_out(service: Running, idle: int) -> None:
    """Of those who take their answer and do not go, the first are dropped when others come."""
    with ExitStack() as stack:
        for _ in range(4 * MOST):
            rude = stack.enter_context(service.connect())
            rude.sendall(b"\x16\x03\x01\x02 no request\r\n\r\n")
            assert answer(rude) == (400, "bad-request")
        assert ask(service).status == 200
        wait_for(lambda: open_files(service) <= idle + MOST)


def open_files(service: Running) -> int:
    return len(os.listdir(f"/proc/{service.process.pid}/fd"))


def ask(
    service: Running, picture: bytes | None = None, *, path: str = PATH, **headers: str
) -> Answer:
    told = {**PNG, "authorization": f"Bearer {TOKEN}", **headers}
    return service.ask(path, picture or png(), told)


def test_all_bodies_together_have_a_limit(service: Running, idle: int) -> None:
    """Sixteen bodies of the largest size may be under way, one more not; then all is given back.

    What a refused request held is given back once: no more than sixteen fit after many of those.
    """
    for _ in range(80):
        assert ask(service, bytes(60_000), path="/models/other/classify").status == 404
    for _ in range(3):
        with ExitStack() as stack:
            under_way = [stack.enter_context(service.connect()) for _ in range(17)]
            for connection in under_way:
                connection.sendall(request(length=LARGEST) + bytes(LARGEST - 1))
            refused, _, _ = select.select(under_way, [], [], PATIENCE)
            assert [answer(connection) for connection in refused] == [(503, "overloaded")]
        wait_for(lambda: open_files(service) == idle)
        assert ask(service, bytes(LARGEST)).problem == "unreadable-picture"


def test_one_other_origin_may_ask(service: Running) -> None:
    """Its pages read answers and refusals, and ask first; the answer names no other."""
    answers = [ask(service, origin=ORIGIN), ask(service, b"none", origin=ORIGIN)]
    answers.append(service.ask("/models", headers={"origin": ORIGIN}))  # without the token
    answers.append(ask(service, origin="https://b.example"))
    assert [each.status for each in answers] == [200, 422, 401, 200]
    for each in answers:
        assert each.headers["access-control-allow-origin"] == ORIGIN
        assert each.headers["cross-origin-resource-policy"] == "cross-origin"
        assert each.headers["vary"] == "origin"
        assert "access-control-allow-credentials" not in each.headers
    asked = {"origin": ORIGIN, "access-control-request-method": "POST"}
    first = service.ask(PATH, headers=asked, method="OPTIONS")
    assert (first.status, first.body) == (204, b"")
    assert first.headers["access-control-allow-origin"] == ORIGIN
    assert first.headers["access-control-allow-methods"] == "GET, POST"
    assert first.headers["access-control-allow-headers"] == "authorization, content-type"
    stranger = service.ask(PATH, headers={**asked, "host": "a.example"}, method="OPTIONS")
    assert (stranger.status, stranger.problem) == (421, "wrong-host")
