"""The parts of the service that need no process: messages, settings, tokens, problems, doors."""

from __future__ import annotations

import inspect
import signal
import socket
from itertools import pairwise
from pathlib import Path

import click
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from tflconv import api, cli
from tflconv.cli import LazyGroup
from tflconv.errors import TflconvError, UsageError
from tflconv.service import ServiceConfig, read_token, served_models, settings, wire, worker
from tflconv.service.bodies import Budget
from tflconv.service.classifier import Answer, likeliest
from tflconv.service.histograms import Family
from tflconv.service.jobs import lost
from tflconv.service.logs import Log
from tflconv.service.openapi import document
from tflconv.service.pages import reference, upload
from tflconv.service.problems import KINDS, Problem
from tflconv.service.starting import golden_pictures

HEADS = st.dictionaries(st.text(max_size=9), st.integers() | st.text(max_size=30), max_size=4)


@given(st.lists(st.tuples(HEADS, st.binary(max_size=300)), max_size=5), st.data())
def test_messages_come_whole_however_they_are_cut(
    messages: list[tuple[wire.Message, bytes]], data: st.DataObject
) -> None:
    stream = b"".join(wire.pack(head, body) for head, body in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=9)))
    parts = [stream[start:end] for start, end in pairwise([0, *cuts, len(stream)])]
    incoming, received = wire.Incoming(), []
    for part in parts:
        received += incoming.feed(part)
    assert received == messages
    service, worker_ = socket.socketpair()
    with worker_:
        with service:
            for part in parts:
                service.sendall(part)
        assert list(wire.messages(worker_)) == messages


@pytest.mark.parametrize("cut", [3, 9, 30])
def test_a_message_whose_service_is_gone_is_none(cut: int) -> None:
    service, worker_ = socket.socketpair()
    with worker_:
        with service:
            service.sendall(wire.pack({"id": 1}, bytes(20))[:cut])
        with pytest.raises(ConnectionError):
            next(wire.messages(worker_))


@given(
    st.integers(0, 2**64 - 1), st.floats(0, 1e9), st.floats(0, 1e9),
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.floats(0, 1)), max_size=9),
)  # fmt: skip
def test_classes_come_as_they_were_sent(
    number: int, decode_ms: float, inference_ms: float, top: list[tuple[int, float]]
) -> None:
    sent = wire.Classes(number=number, top=top, decode_ms=decode_ms, inference_ms=inference_ms)
    ((head, body),) = wire.Incoming().feed(sent.pack())
    assert head == {}
    assert wire.Classes.unpack(body) == sent


@given(
    st.integers(0, 2**64 - 1), st.text(max_size=30), st.integers(1, 10**6), st.binary(max_size=99)
)  # fmt: skip
def test_a_question_comes_as_it_was_sent(number: int, model: str, top: int, content: bytes) -> None:
    sent = wire.Question(number=number, model=model, top=top, content=content)
    ours, theirs = socket.socketpair()
    with theirs, ours:
        ours.sendall(sent.pack() * 2)
        ours.shutdown(socket.SHUT_WR)
        received = list(wire.messages(theirs))
    assert [head for head, _ in received] == [{}, {}]
    assert [wire.Question.unpack(body) for _, body in received] == [sent, sent]


def test_an_answer_that_is_no_number_is_a_problem() -> None:
    class Overflowing:
        def answer(self, _: bytes) -> Answer:
            return Answer(probabilities=np.full(3, np.nan, "f4"), decode_ms=1, inference_ms=1)

    asked = wire.Question(number=7, model="half", top=2, content=b"")
    message = worker._done({"half": Overflowing()}, asked)  # type: ignore[dict-item]
    ((head, _),) = wire.Incoming().feed(message)
    assert (head["id"], head["problem"]) == (7, "internal")


@given(
    st.lists(st.sampled_from([0.0, 0.125, 0.25, 0.5, 1.0]), min_size=1, max_size=40),
    st.integers(1, 50),
)
def test_the_likeliest_classes_come_first_and_alike_ones_in_order(
    shares: list[float], count: int
) -> None:
    ordered = sorted(enumerate(shares), key=lambda each: -each[1])[:count]
    assert likeliest(np.array(shares, np.float32), count) == ordered


@pytest.mark.parametrize("count", [1, 50])
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_share_that_is_no_number_is_never_passed_over(wrong: float, count: int) -> None:
    with pytest.raises(FloatingPointError):
        likeliest(np.array([0.5, wrong, 0.25], np.float32), count)


@given(st.lists(st.tuples(st.sampled_from(["a", 'b"\\']), st.floats(0, 20) | st.integers(0, 20))))
def test_histograms_are_those_of_prometheus(values: list[tuple[str, float]]) -> None:
    bounds, registry, ours = (0.5, 1, 2.5, 10), CollectorRegistry(), CollectorRegistry()
    theirs = Histogram("x_seconds", "Text.", ["model"], registry=registry, buckets=bounds)
    family = Family("x_seconds", "Text.", bounds)
    ours.register(family)
    for model, value in values:
        theirs.labels(model).observe(value)
        family.of(model).observe(value)
    told = generate_latest(registry).decode().splitlines()
    assert [line for line in told if "_created" not in line] == (
        generate_latest(ours).decode().splitlines()
    )


@given(st.binary(min_size=8, max_size=200))
def test_what_is_no_message_is_an_error_or_waits(junk: bytes) -> None:
    try:
        list(wire.Incoming().feed(junk))
    except ValueError:
        return


def test_python_and_the_command_line_can_say_the_same() -> None:
    command = LazyGroup().get_command(click.Context(cli.group), "serve")
    assert command is not None
    options = {str(option.name): option for option in command.params}
    parameters = inspect.signature(api.serve).parameters
    assert options.keys() == parameters.keys()
    context = click.Context(cli.group)
    for name, option in options.items():
        if name != "models":
            default = option.get_default(context)
            told = default if isinstance(default, (str, int, float)) else None
            assert told == parameters[name].default, name


def test_settings_have_the_same_defaults_in_python() -> None:
    parameters = inspect.signature(api.serve).parameters
    for name, value in vars(ServiceConfig()).items():
        assert parameters[name].default == value


def test_what_is_announced_leaves_half_of_the_budget() -> None:
    """A body that is kept while it comes is held from its head on, by all connections at most."""
    budget = Budget(ServiceConfig(max_megabytes=1, max_connections=100))
    for _ in range(100):
        budget.take(budget.share)
    budget.take(8_000_000)
    with pytest.raises(Problem, match="Too many large requests"):
        budget.take(1)


@pytest.mark.parametrize(
    ("given_", "wrong"),
    [
        ({"port": 65536}, "port"),
        ({"host": " "}, "host"),
        ({"queue": 0}, "queue"),
        ({"max_megabytes": float("nan")}, "max_megabytes"),
        ({"timeout": float("inf")}, "timeout"),
        ({"watch": -1.0}, "watch"),
        ({"allow_origin": "https://a.org/path"}, "allow_origin"),
        ({"allow_origin": "https://a.org\r\nx: y"}, "allow_origin"),
    ],
)
def test_settings_out_of_range_are_refused(given_: dict[str, object], wrong: str) -> None:
    with pytest.raises(UsageError, match=f"service: {wrong} must be"):
        ServiceConfig(**given_)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("127.0.0.2", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("127.example.org", False),
        ("192.0.2.1", False),
    ],
)
def test_loopback_is_known(host: str, local: bool) -> None:
    assert ServiceConfig(host=host).is_local == local


@given(st.text(max_size=40).filter(lambda text: "/" not in text and "\0" not in text))
def test_names_need_no_escapes_in_addresses(stem: str) -> None:
    name = settings.name_of(Path(f"models/{stem}.tflite"))
    assert name
    assert name not in (".", "..")
    assert set(name) <= set(settings.URL_SAFE)


def test_a_file_that_is_no_golden_contract_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "golden.zip").write_text("no archive")
    with pytest.raises(TflconvError, match="neither a golden contract nor a folder"):
        golden_pictures(tmp_path / "golden.zip")


def test_two_files_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="two models are called a"):
        served_models([Path("a.tflite"), Path("b/a.tflite")])


@pytest.mark.parametrize("text", ["short", "with a blank in it", "é" * 20, "\x1b" * 20])
def test_a_poor_token_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(text, encoding="utf-8")
    with pytest.raises(TflconvError, match="token"):
        read_token(tmp_path / "token")


def test_a_token_may_stand_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_token(None) is None
    monkeypatch.setenv("TFLCONV_TOKEN", "0123456789abcdef")
    assert read_token(None) == "0123456789abcdef"


def test_a_problem_shows_nothing_that_does_something() -> None:
    told = Problem("bad-request", "\x1b[2J" + "x" * 1000, retry_after=0.2)
    assert "\x1b" not in told.to_json()["detail"]
    assert len(told.detail) <= 300
    assert told.headers == {"retry-after": "1"}
    assert all(400 <= kind.status < 600 for kind in KINDS.values())


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (-signal.SIGSEGV, "worker-crashed"),
        (-signal.SIGABRT, "worker-crashed"),
        (-signal.SIGKILL, "worker-lost"),
        (1, "worker-lost"),
        (None, "worker-lost"),
    ],
)
def test_how_a_worker_ended_is_told(code: int | None, kind: str) -> None:
    assert lost(code).kind == kind


def test_a_name_of_a_model_does_nothing_on_the_pages() -> None:
    name = "<script>alert(1)</script>"
    for page in (upload([name], needs_token=True), reference(document([name]))):
        assert "<script>alert" not in page.html
        assert "unsafe" not in page.policy
    assert 'id="secret">' in upload(["a"], needs_token=True).html
    assert 'id="secret" hidden>' in upload(["a"], needs_token=False).html


def test_a_log_writes_lines_in_their_order(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as stream:
        log = Log(stream.fileno())
        for number in range(1000):
            log.event("told", number=number, text="\n\x1b")
        log.end()
    lines = (tmp_path / "log").read_text().splitlines()
    assert len(lines) == 1000
    assert [f'"number": {number},' in line for number, line in enumerate(lines)] == [True] * 1000
