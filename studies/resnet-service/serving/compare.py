"""Compares runtimes behind the same service, and the service with a bare loop of LiteRT.

The service and its worker share core 0, autocannon has core 1. Runtimes are interleaved over
several rounds; medians are told. On a busy machine only processor times can be believed.

    python studies/resnet-service/serving/compare.py resnet-fp32.tflite PICTURE.png \\
        --keras resnet.keras --onnx resnet.onnx --int8 resnet-static_wi8_ai8.tflite
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path

from load import cpu_seconds, load

PORT, LEAST_MS = 8790, 50
LADDER = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
"""Shares of the highest rate at which a p99 below 50 ms is looked for."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was measured of one runtime in one round.

    Attributes:
        start: Seconds to the first answer.
        most: Requests per second as fast as answers come.
        held: Highest rate of the ladder whose p99 was below 50 ms.
        cpu_us: Microseconds of processor time per request.
        decode, inference, queue: Medians of what the answers say, in ms.
        overhead: Median of what a client waits beyond decoding and inference, in ms.
        pss_mb: Proportional set size of service and worker.
    """

    start: float
    most: float
    held: float
    cpu_us: float
    decode: float
    inference: float
    queue: float
    overhead: float
    pss_mb: float


@contextmanager
def serving(kind: str, model: Path, source: Path) -> Iterator[tuple[list[int], float]]:
    """Run the service; yield its processes, and the seconds that it took to start."""
    here = Path(__file__).parent
    began = time.monotonic()
    words = [sys.executable, here / "serve.py", kind, model, source, PORT]
    process = subprocess.Popen(
        ["taskset", "-c", "0", *map(str, words)], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith("http"), kind
        started = time.monotonic() - began
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield [process.pid, *map(int, children)], started
    finally:
        process.terminate()
        process.wait()


def measure(kind: str, model: Path, source: Path, picture: Path, seconds: int) -> Row:
    """Measure one runtime once."""
    with serving(kind, model, source) as (pids, started):
        path = f"/models/{model.stem}/classify"
        url = f"http://127.0.0.1:{PORT}{path}"
        parts = alone(path, picture)
        before = cpu_seconds(*pids)
        most = load(url, picture, seconds=seconds, rate=None, connections=4)
        spent = cpu_seconds(*pids) - before
        assert most.rate, most
        assert most.failed == 0, most
        rates = [share * most.rate for share in LADDER]
        held = next((rate for rate in rates if _holds(url, picture, seconds, rate)), 0.0)
        return Row(
            start=started, most=most.rate, held=held, cpu_us=1e6 * spent / (most.rate * seconds),
            pss_mb=sum(map(pss_mb, pids)), **parts,
        )  # fmt: skip


def _holds(url: str, picture: Path, seconds: int, rate: float) -> bool:
    done = load(url, picture, seconds=seconds, rate=max(1, round(rate)))
    return done.failed == 0 and done.p99 < LEAST_MS


def alone(path: str, picture: Path, count: int = 200) -> dict[str, float]:
    """Medians of requests that come one after another: parts, and what is beyond them."""
    os.sched_setaffinity(0, {1})
    body, rows = picture.read_bytes(), []
    connection = HTTPConnection("127.0.0.1", PORT)
    for _ in range(count):
        began = time.perf_counter()
        connection.request("POST", path, body, {"content-type": "image/png"})
        answer = connection.getresponse().read()
        waited = 1000 * (time.perf_counter() - began)
        told = json.loads(answer)["pictures"][0]["milliseconds"]
        rows.append({**told, "overhead": waited - told["decode"] - told["inference"]})
        time.sleep(0.002)
    connection.close()
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]}


def pss_mb(pid: int) -> float:
    """Memory of a process, with its part of what it shares."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(text.split("Pss:")[1].split()[0]) / 1024


def bare_us(model: Path, picture: Path, seconds: float) -> float:
    """Microseconds of processor time per picture in a loop of Pillow and LiteRT, nothing else."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter
    from PIL import Image

    from tflconv.model.interpreter import Interpreter as Ours

    ours = Ours(model)
    assert ours.card is not None
    runtime = Interpreter(str(model), num_threads=1)
    runtime.allocate_tensors()
    source, sink = runtime.get_input_details()[0], runtime.get_output_details()[0]
    size, body, count = (ours.picture_shape[1], ours.picture_shape[0]), picture.read_bytes(), 0
    began, end = time.process_time(), time.process_time() + seconds
    while time.process_time() < end:
        image = Image.open(BytesIO(body)).convert("RGB").resize(size)
        values = ours.inputs[0].quantize(ours.card.normalization.apply(np.asarray(image)))
        runtime.set_tensor(source["index"], values[np.newaxis])
        runtime.invoke()
        runtime.get_tensor(sink["index"])
        count += 1
    return 1e6 * (time.process_time() - began) / count


def batch_gain(model: Path, size: int = 8) -> float:
    """How many times as many pictures per second of processor time a batch of ``size`` gives."""
    return _per_picture(model, 1) / _per_picture(model, size)


def _per_picture(model: Path, size: int, seconds: float = 2.0) -> float:
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    runtime = Interpreter(str(model), num_threads=1)
    source = runtime.get_input_details()[0]
    runtime.resize_tensor_input(source["index"], [size, *source["shape"][1:]])
    runtime.allocate_tensors()
    runtime.set_tensor(source["index"], np.ones([size, *source["shape"][1:]], source["dtype"]))
    runtime.invoke()
    count, began = 0, time.process_time()
    while time.process_time() < began + seconds:
        runtime.invoke()
        count += size
    return (time.process_time() - began) / count


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("picture", type=Path)
    for name in ("keras", "onnx", "int8"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--only", help="Title of the only row to measure.")
    given = parser.parse_args()
    told: dict[str, tuple[str, Path, Path]] = {"LiteRT": ("litert", given.model, given.model)}
    if given.int8:
        told["LiteRT, INT8"] = ("litert", given.int8, given.int8)
    if given.onnx:
        told["ONNX Runtime"] = ("onnx", given.model, given.onnx)
    if given.keras:
        kinds = {"jit": "Keras, XLA", "function": "Keras, tf.function", "predict": "Keras predict"}
        for kind, title in kinds.items():
            told[title] = (kind, given.model, given.keras)
    told = {title: each for title, each in told.items() if given.only in (None, title)}
    rows: dict[str, list[Row]] = {title: [] for title in told}
    bare = []
    for _ in range(given.rounds):
        bare.append(bare_us(given.model, given.picture, given.seconds / 4))
        for title, (kind, model, source) in told.items():
            rows[title].append(measure(kind, model, source, given.picture, given.seconds))
            print(title, rows[title][-1], file=sys.stderr)
    _print(rows, bare)
    print(f"\nA batch of 8 gives {batch_gain(given.model):.2f} times the pictures per second.")


def _print(rows: dict[str, list[Row]], bare: list[float]) -> None:
    names = {
        "start": "start, s", "most": "most, 1/s", "held": "held, 1/s", "cpu_us": "CPU, µs",
        "decode": "decode, ms", "inference": "inference, ms", "queue": "queue, ms",
        "overhead": "overhead, ms", "pss_mb": "PSS, MB",
    }  # fmt: skip
    print("| runtime |", " | ".join(names.values()), "|")
    print("|---|" + "---:|" * len(names))
    median: Callable[[list[Row], str], float] = lambda each, name: statistics.median(  # noqa: E731
        getattr(row, name) for row in each
    )
    for title, each in rows.items():
        print(f"| {title} |", " | ".join(f"{median(each, name):.4g}" for name in names), "|")
    print(f"| bare loop of LiteRT | | {1e6 / statistics.median(bare):.4g} | | "
          f"{statistics.median(bare):.4g} | | | | | |")  # fmt: skip


if __name__ == "__main__":
    main()
