"""Whatever happens to the service: every request is answered once and rightly, or told why not."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from subprocess import DEVNULL

import numpy as np
import pytest

from fakes.serving import (
    PATIENCE,
    Answer,
    Running,
    alive,
    png,
    running,
    serving,
    slow_png,
    wait_for,
)
from tflconv.tflite import packing

MODELS = Path(__file__).parents[1] / "golden" / "models"
TINY = MODELS / "tiny_float32.tflite"
HEAD = (
    "POST /models/tiny_float32/classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
)


@pytest.fixture(scope="module")
def service() -> Iterator[Running]:
    """One worker, which may be slow, a short queue, and little patience with slow clients."""
    limits = ("--queue", 2, "--receive-timeout", 1, "--max-connections", 40, "--max-pictures", 8)
    with serving(TINY, "--workers", 1, *limits, "--watch", 0, "--timeout", PATIENCE) as running:
        yield running


@pytest.fixture(scope="module")
def slow() -> bytes:
    return slow_png()


def works(service: Running) -> bool:
    return service.classify(png()).status == 200


def ask_at_once(service: Running, *pictures: bytes) -> list[Answer]:
    with ThreadPoolExecutor(len(pictures)) as pool:
        return list(pool.map(service.classify, pictures))


def while_it_works(service: Running, picture: bytes, act: Callable[[], object]) -> Answer:
    """Send ``picture``, and ``act`` when a worker is at it."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(service.classify, picture)
        wait_for(lambda: service.number("tflconv_running"))
        act()
        return answer.result()


LIAR = """
import json, socket, struct, sys

connection = socket.socket(fileno=int(sys.argv[1]))
while len(lengths := connection.recv(8, socket.MSG_WAITALL)) == 8:
    head, body = struct.unpack("<II", lengths)
    told = connection.recv(head + body, socket.MSG_WAITALL)
    if head:
        ready = {"tiny_float32": {"labels": ["zero"], "shape": [8, 8, 1]}}
        text = json.dumps({"ready": ready}).encode()
        connection.sendall(struct.pack("<II", len(text), 0) + text)
    else:
        (number,) = struct.unpack_from("<Q", told)
        connection.sendall(struct.pack("<IIQddId", 0, 36, number, 0.1, 0.1, 7, 1.0))
"""
SERVE = """
import pathlib, sys
from tflconv.service import ServiceConfig, served_models, server

server.run(
    served_models([pathlib.Path(sys.argv[1])]), ServiceConfig(port=0, workers=1, watch=0),
    command=(sys.executable, "-S", "-c", sys.argv[2]),
    announce=lambda address, _: print("Serving at", address, flush=True),
)
"""


def test_a_class_that_there_is_not_is_a_problem_and_no_silence() -> None:
    """A decoder that a picture has taken over may tell of any."""
    command = [sys.executable, "-c", SERVE, str(TINY), LIAR]
    with running(command) as service:
        for query in ("", "?top=5"):
            answer = service.classify(png(), query=query)
            assert (answer.status, answer.problem) == (500, "internal")


@pytest.mark.parametrize(
    ("number", "status", "problem"),
    [(signal.SIGSEGV, 500, "worker-crashed"), (signal.SIGKILL, 503, "worker-lost")],
)
def test_a_lost_worker_costs_one_picture(
    service: Running, slow: bytes, number: int, status: int, problem: str
) -> None:
    (worker,) = service.workers
    lost = f'tflconv_workers_lost_total{{reason="{problem}"}}'
    before = service.number(lost)
    waiting = list[Answer]()
    others = threading.Thread(target=lambda: waiting.extend(ask_at_once(service, png(1), png(2))))

    def end_it() -> None:
        others.start()
        wait_for(lambda: service.number("tflconv_queue_length") == 2)
        os.kill(worker, number)

    answer = while_it_works(service, slow, end_it)
    assert (answer.status, answer.problem) == (status, problem)
    others.join(PATIENCE)
    assert [each.status for each in waiting] == [200, 200]
    assert service.number(lost) == before + 1
    assert service.workers != [worker]
    assert works(service)


def test_beyond_the_queue_is_told_at_once(service: Running, slow: bytes) -> None:
    """One is worked on, two wait, and what comes then is refused; the health is still told."""

    def flood() -> None:
        answers = ask_at_once(service, *[png(seed) for seed in range(10)])
        refused = [answer for answer in answers if answer.status != 200]
        assert len(refused) == 8
        assert {answer.problem for answer in refused} == {"overloaded"}
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)

    assert while_it_works(service, slow, flood).status == 200
    assert works(service)


def test_a_client_that_goes_leaves_the_queue(service: Running, slow: bytes) -> None:
    def come_and_go() -> None:
        picture = png()
        clients = [service.connect() for _ in range(2)]
        for client in clients:
            client.sendall(f"{HEAD}Content-Length: {len(picture)}\r\n\r\n".encode() + picture)
        wait_for(lambda: service.number("tflconv_queue_length") == 2)
        for client in clients:
            client.close()
        wait_for(lambda: service.number("tflconv_queue_length") < 2)

    assert while_it_works(service, slow, come_and_go).status == 200
    assert works(service)


@pytest.mark.parametrize("query", ["", "?top=5"], ids=["plain", "long"])
def test_a_client_that_goes_before_it_has_sent_all_is_noted(service: Running, query: str) -> None:
    name = 'tflconv_requests_total{model="tiny_float32",status="499"}'
    before = service.number(name)
    with service.connect() as connection:
        head = HEAD.replace("classify", f"classify{query}")
        connection.sendall(f"{head}Content-Length: 1000\r\n\r\nhalf".encode())
    wait_for(lambda: service.number(name) == before + 1)
    assert works(service)


def test_slow_clients_are_dropped(service: Running) -> None:
    """Nothing at all, half a head, half a body, one byte now and then, and blank lines."""
    begun = [b"", b"POST / HT", f"{HEAD}Content-Length: 1000\r\n\r\nabc".encode(), b"\r\n"]
    clients = [service.connect() for _ in begun]
    for client, sent in zip(clients, begun, strict=True):
        client.sendall(sent)
    dripping = service.connect()
    dripping.sendall(b"GET /livez HTTP/1.1\r\nX: ")
    end, dropped = time.monotonic() + PATIENCE, False
    while not dropped:
        assert time.monotonic() < end
        time.sleep(0.1)
        try:
            dripping.sendall(b"y")
        except OSError:
            dropped = True
    for client in clients:
        received = rest_of(client)
        assert received == b"" or received.startswith(b"HTTP/1.1 408 "), received
    assert works(service)


def test_half_a_request_waits_for_the_answer_to_the_one_before(
    service: Running, slow: bytes
) -> None:
    """Its time is over before the worker, which has another picture first, comes to it."""

    def ask_twice() -> None:
        with service.connect() as client:
            head = f"{HEAD}Content-Length: {len(slow)}\r\n\r\n".encode()
            client.sendall(head + slow + b"GET /livez HTTP/1.1\r\n")
            received = rest_of(client)
        first, second = received.split(b"HTTP/1.1 ")[1:]
        assert first[:3] in (b"200", b"503", b"504"), first  # as slow as the computer is
        assert second.startswith(b"408 "), second

    while_it_works(service, slow, ask_twice)


def rest_of(client: socket.socket) -> bytes:
    """What comes until the service ends the connection; it must."""
    received = b""
    try:
        while part := client.recv(1 << 16):
            received += part
    except ConnectionResetError:
        pass
    client.close()
    return received


def test_who_takes_no_answer_is_dropped(service: Running) -> None:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", service.port))
    client.settimeout(PATIENCE)
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        while True:  # asks on and on, and reads nothing
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
    client.close()
    assert works(service)


def test_there_are_so_many_connections_at_most(service: Running) -> None:
    clients = [service.connect() for _ in range(60)]
    refused = [rest_of(client) for client in clients]
    assert sum(answer.startswith(b"HTTP/1.1 503 ") for answer in refused) >= 20
    assert works(service)


def test_a_picture_that_takes_too_long_is_ended(slow: bytes) -> None:
    with serving(TINY, "--workers", 1, "--timeout", 0.2) as service:
        answer = service.classify(slow)
        assert (answer.status, answer.problem) == (504, "timed-out")
        wait_for(lambda: works(service))


def test_what_was_accepted_is_answered_before_the_end(slow: bytes) -> None:
    with serving(TINY, "--workers", 1, "--timeout", PATIENCE) as service:
        workers = service.workers
        kept = HTTPConnection("127.0.0.1", service.port)
        kept.request("GET", "/livez")
        kept.getresponse().read()
        answer = while_it_works(service, slow, lambda: service.process.send_signal(signal.SIGTERM))
        assert answer.status == 200
        assert service.process.wait(PATIENCE) == 0
        assert not any(map(alive, workers))
        kept.close()


def test_workers_do_not_outlive_a_killed_service() -> None:
    with serving(TINY, "--workers", 2) as service:
        workers = service.workers
        service.stop(signal.SIGKILL)
        wait_for(lambda: not any(map(alive, workers)))


@pytest.mark.parametrize("place", ["full disk", "nobody reads"])
def test_a_log_that_cannot_be_written_holds_nothing_up(place: str) -> None:
    if place == "full disk":
        stderr = os.open("/dev/full", os.O_WRONLY)
    else:
        reading, stderr = os.pipe()
    with serving(TINY, "--workers", 1, stderr=stderr) as service:
        os.close(stderr)
        connection = HTTPConnection("127.0.0.1", service.port)
        for _ in range(300):  # more than a pipe holds
            connection.request("GET", f"/models/{'x' * 70}")
            connection.getresponse().read()
            connection.request("POST", f"/models/{'x' * 400}/classify", png())
            assert connection.getresponse().read()
        connection.close()
        assert works(service)
        if place == "full disk":
            wait_for(lambda: service.number("tflconv_log_lines_lost_total"))
        assert service.stop() == 0
    if place == "nobody reads":
        os.close(reading)


def hash_of(service: Running) -> str:
    return str(service.classify(png()).json["model"]["sha256"])


def test_a_changed_model_is_taken_without_a_lost_request(tmp_path: Path) -> None:
    """Replaced, cut short, written over in place, made something else, and given back."""
    model = tmp_path / "tiny_float32.tflite"
    shutil.copyfile(TINY, model)
    with serving(model, "--workers", 1, "--watch", 0.1) as service:
        first, statuses, ended = hash_of(service), set[int](), threading.Event()

        def ask_on() -> None:
            while not ended.is_set():
                statuses.add(service.classify(png()).status)

        asking = threading.Thread(target=ask_on)
        asking.start()
        try:
            shutil.copyfile(MODELS / "tiny_int8.tflite", model)
            wait_for(lambda: hash_of(service) != first)
            second = hash_of(service)
            for content in (TINY.read_bytes()[:700], b"", b"no model" * 100):
                failed = service.number(FAILED)
                model.write_bytes(content)
                wait_for(lambda before=failed: service.number(FAILED) > before)  # type: ignore[misc]
                assert hash_of(service) == second
            model.unlink()
            for make in (os.mkfifo, os.mkdir):
                failed = service.number(FAILED)
                make(model)
                wait_for(lambda before=failed: service.number(FAILED) > before)  # type: ignore[misc]
                assert hash_of(service) == second
                model.rename(tmp_path / make.__name__)
            shutil.copyfile(TINY, model)
            wait_for(lambda: hash_of(service) == first)
        finally:
            ended.set()
            asking.join()
        assert statuses == {200}
        assert service.number("tflconv_workers") == 1
        wait_for(lambda: len(service.workers) == 1)


FAILED = 'tflconv_reloads_total{outcome="failed"}'


def leaning(towards: int) -> bytes:
    """The tiny network without its card, which finds one class in every picture."""
    model = packing.unpack(TINY.read_bytes())
    (graph,) = model.subgraphs
    dense = graph.operators[-2]
    weights = np.full((3, 4), -9, "<f4")
    weights[towards] = 9
    model.buffers[graph.tensors[dense.inputs[1]].buffer].data = weights.reshape(-1).view(np.uint8)
    return packing.pack(model)


def test_a_changed_model_that_fails_its_golden_pictures_is_not_taken(tmp_path: Path) -> None:
    """It opens and runs, but takes a picture for something else."""
    model, golden = tmp_path / "tiny_float32.tflite", tmp_path / "golden"
    (golden / "1").mkdir(parents=True)
    (golden / "1" / "a.png").write_bytes(png(1))
    model.write_bytes(leaning(1))
    told = ("--normalize=0..1", "--golden", golden, "--watch", 0.1)
    with serving(model, "--workers", 1, *told) as service:
        first = hash_of(service)
        model.write_bytes(leaning(2))
        wait_for(lambda: service.number(FAILED))
        assert hash_of(service) == first
        assert service.classify(png(1)).json["pictures"][0]["classes"][0]["label"] == "1"
        says = "golden picture of '1' for '2'"
        wait_for(lambda: any(says in each.get("detail", "") for each in service.events))


def test_a_signal_reloads_at_once(tmp_path: Path) -> None:
    model = tmp_path / "tiny_float32.tflite"
    shutil.copyfile(TINY, model)
    with serving(model, "--workers", 1, "--watch", 0, stderr=DEVNULL) as service:
        first = hash_of(service)
        shutil.copyfile(MODELS / "tiny_int8.tflite", model)
        service.process.send_signal(signal.SIGHUP)
        wait_for(lambda: hash_of(service) != first)
