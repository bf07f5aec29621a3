"""``tflconv serve`` answers pictures as ``verify`` sees them: a real process, real sockets."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from fakes.serving import (
    PNG,
    Answer,
    Running,
    alive,
    encoded,
    form,
    png,
    running,
    serving,
    wait_for,
)
from tflconv import data
from tflconv.model import scoring
from tflconv.model.card import read_card
from tflconv.service import bodies

MODELS = Path(__file__).parents[1] / "golden" / "models"
FLOAT, INT8 = MODELS / "tiny_float32.tflite", MODELS / "tiny_int8.tflite"


@pytest.fixture(scope="module")
def service() -> Iterator[Running]:
    with serving(FLOAT, INT8, "--workers", 2, "--max-pictures", 4) as running:
        yield running


def photograph(seed: int, mode: str = "RGB") -> Image.Image:
    """Smooth noise, wider than high."""
    draw = np.random.default_rng(seed)
    coarse = draw.integers(0, 256, (5, 7, len(Image.new(mode, (1, 1)).getbands())), np.uint8)
    return Image.fromarray(coarse.squeeze(), mode).resize((70, 45), Image.Resampling.BICUBIC)


def every_kind() -> dict[str, bytes]:
    turned = Image.Exif()
    turned[0x0112] = 6
    deep = (np.random.default_rng(5).integers(0, 65536, (20, 30))).astype(np.uint16)
    frames = [photograph(7), photograph(8)]
    return {
        "png": encoded(photograph(0)),
        "jpeg": encoded(photograph(1), "JPEG", quality=90),
        "turned jpeg": encoded(photograph(2), "JPEG", exif=turned),
        "cmyk jpeg": encoded(photograph(3, "CMYK"), "JPEG"),
        "grey": encoded(photograph(4, "L")),
        "alpha": encoded(photograph(5, "RGBA")),
        "palette": encoded(photograph(6).quantize(16)),
        "16 bit": encoded(Image.fromarray(deep)),
        "webp": encoded(photograph(9), "WEBP"),
        "animation": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
    }


def photographs() -> dict[str, bytes]:
    """Real ones, as they are and as a camera would save them."""
    found = dict[str, bytes]()
    for file in sorted((Path(os.environ.get("TFLCONV_DATA_DIR", "")) / "photos").glob("*.png")):
        found[f"{file.stem} png"] = file.read_bytes()
        image = Image.open(file).convert("RGB")
        turned = Image.Exif()
        turned[0x0112] = 8
        found[f"{file.stem} jpeg"] = encoded(image, "JPEG", quality=92, exif=turned)
    return found


JSON = {"content-type": "application/json"}
TYPES = {"jpeg": "image/jpeg", "webp": "image/webp", "animation": "image/gif"}


SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif"}


@pytest.fixture(params=["every kind", "photographs"])
def kinds(
    request: pytest.FixtureRequest, require: Callable[[str, bool, str], None]
) -> dict[str, bytes]:
    if request.param == "every kind":
        return every_kind()
    found = photographs()
    require("data", len(found) >= 6, "no TFLCONV_DATA_DIR with photos")
    return found


@pytest.fixture
def as_verify(
    kinds: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> data.Dataset:
    """The pictures as the test split of a folder, as ``verify`` reads it."""
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path / "cache"))
    pictures = tmp_path / "pictures"
    for number, label in enumerate(("zero", "one", "two")):
        for part in ("train", "test"):
            (pictures / part / label).mkdir(parents=True)
        for more in range(4):
            (pictures / "train" / label / f"{more}.png").write_bytes(png(10 * number + more, 20))
    for number, (name, content) in enumerate(kinds.items()):
        folder = pictures / "test" / ("zero", "one", "two")[number % 3]
        (folder / f"{name}.{SUFFIXES[kind_of(name)]}").write_bytes(content)
    card = read_card(FLOAT)
    assert card is not None
    return data.load_for(card, pictures)


def kind_of(name: str) -> str:
    return TYPES.get(name.split()[-1], "image/png")


def test_answers_are_those_of_verify(
    service: Running, kinds: dict[str, bytes], as_verify: data.Dataset
) -> None:
    """Equal to the last bit: so the same pixels went in."""
    names = [Path(each).stem for each in as_verify.test.ids]
    assert sorted(names) == sorted(kinds)
    for model in (FLOAT, INT8):
        scores = scoring.scores(model, as_verify.test.images)
        for name, expected in zip(names, scores, strict=True):
            path = f"/models/{model.stem}/classify?top=3"
            answer = service.ask(path, kinds[name], {"content-type": kind_of(name)})
            assert answer.status == 200, answer.body
            assert probabilities(answer) == [float(value) for value in expected], name


def probabilities(answer: Answer, picture: int = 0) -> list[float]:
    """Probabilities in the order of the classes."""
    classes = answer.json["pictures"][picture]["classes"]
    return [each["probability"] for each in sorted(classes, key=lambda each: each["index"])]


def test_all_ways_to_send_a_picture_are_one(service: Running) -> None:
    picture = png(3, 30)
    text = base64.b64encode(picture).decode()
    whole, kind = form(picture, top="3")
    path = "/models/tiny_float32/classify"
    answers = [
        service.classify(picture, query="?top=3"),
        service.ask(f"{path}?top=3", picture, {"content-type": "application/octet-stream"}),
        service.ask(path, whole, kind),
        service.ask(path, json.dumps({"pictures": [text], "top": 3}).encode(), JSON),
        service.ask(f"{path}?top=3", picture, {"content-type": "IMAGE/PNG; name=a.png"}),
    ]
    assert len({tuple(probabilities(answer)) for answer in answers}) == 1
    chunks = iter([picture[:50], picture[50:]])
    connection = HTTPConnection("127.0.0.1", service.port)
    connection.request("POST", path, chunks, PNG, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()


def test_several_pictures_are_answered_in_their_order(service: Running) -> None:
    pictures = [png(seed) for seed in range(4)]
    body, kind = form(*pictures)
    together = service.ask("/models/tiny_float32/classify?top=3", body, kind)
    alone = [probabilities(service.classify(picture, query="?top=3")) for picture in pictures]
    assert [probabilities(together, place) for place in range(4)] == alone


def test_an_answer_says_all_that_was_promised(service: Running) -> None:
    answer = service.classify(png())
    assert answer.json["model"] == {
        "name": "tiny_float32",
        "sha256": sha256(FLOAT.read_bytes()).hexdigest(),
    }
    (picture,) = answer.json["pictures"]
    assert {each["label"] for each in picture["classes"]} == {"zero", "one", "two"}
    shares = [each["probability"] for each in picture["classes"]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert set(picture["milliseconds"]) == {"queue", "decode", "inference"}
    assert len(answer.headers["x-request-id"]) == 16
    assert len(service.classify(png(), query="?top=1").json["pictures"][0]["classes"]) == 1


@pytest.mark.parametrize("side", [8, 220], ids=["one part", "several parts"])
def test_an_answer_is_the_same_whichever_way_it_is_sent(service: Running, side: int) -> None:
    """Plain or not, and at once where the connection stays, else with every line checked."""
    path = "/models/tiny_float32/classify"
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    picture = encoded(Image.fromarray(noise), "PNG")
    stays = service.ask(path, picture, PNG)
    long = service.ask(f"{path}?top=5", picture, PNG)
    ends = service.ask(path, picture, {**PNG, "connection": "close"})
    answers = (stays, long, ends)
    assert not any("connection" in each.headers for each in answers[:2])
    assert ends.headers["connection"] == "close"
    own = ("connection", "content-length", "date", "x-request-id")
    heads = [{n: v for n, v in each.headers.items() if n not in own} for each in answers]
    assert heads == [heads[0]] * 3
    assert len(heads[0]) == 7
    assert {"date", "x-request-id"} <= set(stays.headers)
    assert len({each.headers["x-request-id"] for each in answers}) == 3
    for each in answers:
        assert each.headers["content-length"] == str(len(each.body))
        (picture,) = each.json["pictures"]
        assert picture["classes"] == stays.json["pictures"][0]["classes"]


def test_it_is_noted_alike_whichever_way_it_came(service: Running) -> None:
    name = 'tflconv_requests_total{model="tiny_float32",status="200"}'
    before, whole = service.number(name), service.number("tflconv_pictures_per_request_count")
    numbers = [service.classify(png(), query=query).headers["x-request-id"]
               for query in ("", "?top=5")]  # fmt: skip
    assert service.number(name) == before + 2
    assert service.number("tflconv_pictures_per_request_count") == whole + 2

    def noted() -> list[dict[str, object]]:
        return [event for event in service.events if event.get("request") in numbers]

    wait_for(lambda: len(noted()) == 2)
    plain, long = noted()
    assert list(plain) == list(long)
    told = ("event", "model", "bytes", "pictures", "status")
    assert [plain[each] for each in told] == [long[each] for each in told]


@pytest.mark.parametrize("query", ["?top=3", ""], ids=["long", "plain"])
@pytest.mark.parametrize("cut", [0, 150, 400, 700])
def test_requests_in_one_packet_are_answered_in_their_order(
    service: Running, query: str, cut: int
) -> None:
    pictures, requests = [png(seed) for seed in range(3)], b""
    for number, picture in enumerate(pictures):
        head = f"POST /models/tiny_float32/classify{query} HTTP/1.1\r\nHost: localhost\r\n"
        more = "Connection: close\r\n" if number == len(pictures) - 1 else ""
        kind = f"{more}Content-Type: image/png\r\nContent-Length: {len(picture)}\r\n\r\n"
        requests += (head + kind).encode() + picture
    with service.connect() as connection:
        connection.sendall(requests[:cut])
        time.sleep(0.02)  # mostly two packets; the answers are the same for one
        connection.sendall(requests[cut:])
        received = b""
        while part := connection.recv(1 << 16):
            received += part
    alone = [service.classify(picture, query="?top=3") for picture in pictures]
    bodies_ = [json.loads(each.partition(b"\r\n\r\n")[2]) for each in received.split(b"HTTP/")[1:]]
    together = [each["pictures"][0]["classes"] for each in bodies_]
    assert together == [each.json["pictures"][0]["classes"] for each in alone]


OFFERS = {
    "HTTP/2": "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n",
    "a socket": "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n",
}


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
@pytest.mark.parametrize("cut", [0, 80, 200, 350])
def test_an_offer_of_another_protocol_is_passed_over(
    service: Running, offer: str, cut: int
) -> None:
    """Java's client and curl --http2 make one with each first request."""
    head = f"POST /models/tiny_float32/classify HTTP/1.1\r\nHost: localhost\r\n{offer}"
    head += "Content-Type: image/png\r\n"
    body = png()
    sized = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    chunked = f"{head}Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode() + body
    last = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    sent = sized + chunked + b"\r\n0\r\nHost: of.another\r\n\r\n" + last
    with service.connect() as connection:
        connection.sendall(sent[:cut])
        time.sleep(0.02)  # mostly two packets; the answers are the same for one
        connection.sendall(sent[cut:])
        received = b""
        while part := connection.recv(1 << 16):
            received += part
    answers = received.split(b"HTTP/1.1 ")[1:]
    assert [each[:3] for each in answers] == [b"200"] * 3, received
    told = [json.loads(each.partition(b"\r\n\r\n")[2]) for each in answers]
    alone = service.classify(body).json["pictures"][0]["classes"]
    assert [each["pictures"][0]["classes"] for each in told[:2]] == [alone, alone]


def test_pages_run_nothing_but_their_own(service: Running) -> None:
    for path in ("/", "/docs"):
        page = service.ask(path)
        assert page.status == 200
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        text = page.body.decode()
        assert not re.search(r"""(src|href)=["'](https?:)?//|\son\w+=|\sstyle=""", text)
        for part, content in re.findall(r"<(style|script)>(.*?)</\1>", text, re.S):
            digest = base64.b64encode(sha256(content.encode()).digest()).decode()
            assert f"{part}-src 'sha256-{digest}'" in policy
    assert "access-control-allow-origin" not in service.classify(png()).headers


def test_the_description_is_true(service: Running) -> None:
    told = service.ask("/openapi.json").json
    post = told["paths"]["/models/{name}/classify"]["post"]
    assert post["parameters"][0]["schema"]["enum"] == ["tiny_float32", "tiny_int8"]
    assert set(post["requestBody"]["content"]) == set(bodies.TYPES)
    answer = service.classify(png())
    jsonschema.validate(answer.json, {"$ref": "#/components/schemas/Classified", **told})
    wrong = service.classify(b"none")
    jsonschema.validate(wrong.json, {"$ref": "#/components/schemas/Problem", **told})
    assert str(wrong.status) in post["responses"]
    for path in told["paths"]:
        if "get" in told["paths"][path]:
            assert service.ask(path.replace("{name}", "tiny_int8")).status == 200


def test_a_head_alone_is_answered(service: Running) -> None:
    answer = service.ask("/livez", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == "19"


def test_operators_see_what_happens(service: Running) -> None:
    before = service.number(COUNT)
    service.classify(png())
    assert service.number(COUNT) == before + 1
    text = service.ask("/metrics").body.decode()
    digest = sha256(FLOAT.read_bytes()).hexdigest()
    assert f'tflconv_model_info{{model="tiny_float32",sha256="{digest}"}} 1.0' in text
    assert service.number("tflconv_workers") == 2
    assert service.ask("/livez").status == service.ask("/readyz").status == 200
    wait_for(lambda: any(event["event"] == "request" for event in service.events))
    told = next(each for each in service.events if each.get("status") == 200)
    assert {"time", "request", "model", "bytes", "pictures", "milliseconds"} <= set(told)


COUNT = 'tflconv_inference_seconds_count{model="tiny_float32"}'


def test_answers_wait_for_no_acknowledgement(service: Running) -> None:
    """Nagle's algorithm would hold the body of each answer back for 40 ms."""
    connection, seconds = HTTPConnection("127.0.0.1", service.port), []
    for _ in range(30):
        began = time.perf_counter()
        connection.request("GET", "/livez")
        connection.getresponse().read()
        seconds.append(time.perf_counter() - began)
    connection.close()
    assert min(seconds[10:]) < 0.03


POLICIES = """
import os, pathlib, sys
from tflconv.service import ServiceConfig, served_models, server

os.sched_setscheduler(0, int(sys.argv[2]), os.sched_param(0))
server.run(
    served_models([pathlib.Path(sys.argv[1])]), ServiceConfig(port=0, workers=1, watch=0),
    announce=lambda address, _: print("Serving at", address, flush=True),
)
print(os.sched_getscheduler(0))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="policies of Linux")
@pytest.mark.parametrize(("own", "taken"), [("OTHER", "BATCH"), ("BATCH", "BATCH")])
def test_it_lets_workers_finish_an_inference(own: str, taken: str) -> None:
    """Until it ends; who has chosen another policy keeps it."""
    before, meanwhile = (int(getattr(os, f"SCHED_{name}")) for name in (own, taken))
    with running([sys.executable, "-c", POLICIES, str(FLOAT), str(before)]) as service:
        pids = (service.process.pid, *service.workers)
        assert {os.sched_getscheduler(pid) for pid in pids} == {meanwhile}
        service.stop()
        assert service.process.stdout is not None
        assert service.process.stdout.read() == f"{before}\n"


def test_no_process_of_it_holds_tensorflow(service: Running) -> None:
    for pid in (service.process.pid, *service.workers):
        assert "tensorflow" not in Path(f"/proc/{pid}/maps").read_text().lower().replace(
            "pywrap_tensorflow_lite", ""
        )


def test_it_ends_when_it_is_told_to() -> None:
    for number, code in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
        with serving(FLOAT, "--workers", 1) as service:
            workers = service.workers
            assert service.stop(number) == code
            assert not any(map(alive, workers))
            with pytest.raises(ConnectionRefusedError):
                service.connect()
