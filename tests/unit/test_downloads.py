"""What a hostile server can do to a download: end it with one clear message, and nothing else."""

from __future__ import annotations

import contextlib
import io
import threading
import time
import tracemalloc
import urllib.request
from collections.abc import Iterator
from http.client import HTTPMessage

import pytest

from fakes.servers import CONTENT, WRONGS, Hostile, serving
from tflconv.core import downloads
from tflconv.core.downloads import BrokenOff, DownloadError, DownloadLimits, Outdated, asked

LIMITS = DownloadLimits(bytes=2 * len(CONTENT), seconds=60.0)
HASTY = DownloadLimits(bytes=2 * len(CONTENT), seconds=10.0, least_speed=10_000, patience=0.5)
"""For servers that would take for ever."""

REFUSED = {
    "gone": "the server says 404",
    "round": "the server says 302",
    "to-a-file": "the server says 302 .*file:///etc/passwd",
    "endless": "does not say how long",
    "trickle": "came too slowly: .* bytes in 0.5 s",
    "trickle-in-chunks": "came too slowly",
    "trickle-in-head": "came too slowly: 0 bytes",
    "silent": "came too slowly: 0 bytes",
    "unasked-part": "a part of the file that nobody asked for",
    "no-length": "does not say how long",
    "packed": "packed",
    "packed-twice": "packed",
    "two-lengths": "several lengths",
    "rude": "the server says 404",
}
BROKEN = {
    "always-cut": f"1000 of {len(CONTENT)} bytes came",
    "cut": f"of {len(CONTENT)} bytes came",
    "cut-chunks": "IncompleteRead",
    "noise": "2J",
}
GOOD = ("file", "moved", "moved-in-many-words", "chunks")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(Hostile()) as address:
        yield address


@pytest.mark.parametrize("path", GOOD)
def test_what_is_whole_is_taken(address: str, path: str) -> None:
    assert downloads.read(f"{address}/{path}", LIMITS) == CONTENT


@pytest.mark.parametrize("path", [*REFUSED, *BROKEN])
def test_everything_else_is_one_short_line_soon(address: str, path: str) -> None:
    message = (REFUSED | BROKEN)[path]
    began = time.monotonic()
    with pytest.raises(DownloadError, match=message) as caught:
        downloads.read(f"{address}/{path}", HASTY if "slowly" in message else LIMITS)
    assert isinstance(caught.value, BrokenOff) == (path in BROKEN)
    assert time.monotonic() - began < HASTY.seconds
    assert len(caught.value.message) < 250
    assert caught.value.message.isprintable()


def test_every_wrong_of_the_server_is_tried_somewhere() -> None:
    resumed = {"stubborn", "another-part", "some-part", "no-resume"}
    content = {"wrong", "longer", "small", "mutant"}
    assert set(WRONGS) == {*REFUSED, *BROKEN, *GOOD[1:], *resumed, *content}


def outcome(url: str, start: int) -> str | None:
    """The message of a refusal; None for a body that came as long as it was said to be."""
    try:
        with asked(url, LIMITS, start=start) as body:
            came = sum(len(block) for block in body.blocks)
            return None if body.size in (None, body.start + came) else f"{came} bytes\n"
    except DownloadError as error:
        return error.message


def test_a_damaged_answer_is_one_line_or_whole(address: str) -> None:
    outcomes = [outcome(f"{address}/mutant/{n}", 8 * (n % 5 == 2)) for n in range(3000)]
    refusals = [message for message in outcomes if message is not None]
    assert all(message.isprintable() and len(message) < 250 for message in refusals)
    assert 500 < len(refusals) < 2900


def test_a_body_without_end_ends_at_the_limit_and_is_not_taken(address: str) -> None:
    tracemalloc.start()
    limits = DownloadLimits(bytes=100 << 20, seconds=60)
    with (
        pytest.raises(DownloadError, match=f"more bytes than expected: {limits.bytes}"),
        asked(f"{address}/endless", limits, checked=True) as body,
    ):
        came = sum(len(block) for block in body.blocks)
        assert came <= limits.bytes
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 << 20


def test_a_redirect_with_a_body_without_end_costs_no_memory(address: str) -> None:
    tracemalloc.start()
    assert downloads.read(f"{address}/moved-in-many-words", LIMITS) == CONTENT
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 << 20


def test_a_size_beyond_the_limit_is_refused_before_a_byte_is_taken(address: str) -> None:
    small = DownloadLimits(bytes=10, seconds=60)
    with (
        pytest.raises(DownloadError, match=f"has {len(CONTENT)} bytes, expected at most 10"),
        asked(f"{address}/file", small),
    ):
        raise AssertionError


def test_all_time_ends_even_if_the_speed_is_right(address: str) -> None:
    limits = DownloadLimits(bytes=1 << 40, seconds=0.5, patience=0.1)
    with (
        pytest.raises(DownloadError, match=r"did not come within 0\.5 s"),
        asked(f"{address}/endless", limits, checked=True) as body,
    ):
        for _ in body.blocks:
            pass


@pytest.mark.parametrize(
    ("path", "error"),
    [("some-part", DownloadError), ("another-part", DownloadError), ("no-resume", Outdated)],
)
def test_only_the_part_that_was_asked_for_is_taken(
    address: str, path: str, error: type[DownloadError]
) -> None:
    with (
        pytest.raises(error, match="the server"),
        asked(f"{address}/{path}", LIMITS, start=1000),
    ):
        raise AssertionError


def test_a_part_says_where_it_begins_and_how_long_the_file_is(address: str) -> None:
    with asked(f"{address}/file", LIMITS, start=1000) as body:
        assert (body.start, body.size) == (1000, len(CONTENT))
        assert b"".join(body.blocks) == CONTENT[1000:]


NO_ADDRESSES = (
    "", "x", "data:,x", "file:///etc/passwd", "ftp://127.0.0.1/x", "http:", "http:x", "http:///x",
    "http://[", "http://a b/", "http://127.0.0.1:x/", "http://127.0.0.1:99999/",
    "http://127.0.0.1:9/\r\nX: y", "http://\u0130.invalid/\u00e9",
)  # fmt: skip


@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_what_is_no_address_of_a_server_is_one_line(url: str) -> None:
    with pytest.raises(DownloadError, match=r"address|cannot reach|no HTTP") as caught:
        downloads.read(url, LIMITS)
    assert caught.value.message.isprintable()


def test_no_thread_stays_where_the_server_goes_on_sending(address: str) -> None:
    before = set(threading.enumerate())
    for _ in range(3):
        with pytest.raises(DownloadError, match="slowly"):
            downloads.read(f"{address}/trickle", HASTY)
    deadline = time.monotonic() + 30
    while waiting := [t for t in {*threading.enumerate()} - before if "_receive" in t.name]:
        assert time.monotonic() < deadline, waiting
        time.sleep(0.02)


def test_https_never_becomes_http() -> None:
    request = urllib.request.Request("https://example.org/a")
    redirects = downloads._Redirects()
    for url, followed in (("https://example.org/b", True), ("http://example.org/b", False)):
        outcome = None
        with contextlib.suppress(DownloadError):
            outcome = redirects.redirect_request(
                request, io.BytesIO(), 302, "Found", HTTPMessage(), url
            )
        assert (outcome is not None) == followed
