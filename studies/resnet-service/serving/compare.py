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
from io import BytesIO
from pathlib import Path

import client
from load import cpu_seconds, load

PORT, LEAST_MS = 8790, 50
LITERT, INT8, ONNX = "LiteRT", "LiteRT, INT8", "ONNX Runtime, one thread"
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
        bare_us: Processor time of a bare loop before and after; NaN for other runtimes than LiteRT.
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
    bare_us: float

    @property
    def share(self) -> float:
        """Of the rate of the bare loop, per processor time."""
        return self.bare_us / self.cpu_us


@contextmanager
def serving(
    kind: str, model: Path, source: Path, workers: int = 1
) -> Iterator[tuple[list[int], float]]:
    """Run the service; yield its processes, and the seconds that it took to start."""
    here = Path(__file__).parent
    began = time.monotonic()
    words = [sys.executable, here / "serve.py", kind, model, source, PORT, workers]
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
        loops = [_bare_us(kind, source, picture)]
        before = cpu_seconds(*pids)
        most = load(url, picture, seconds=seconds, rate=None, connections=4)
        spent = cpu_seconds(*pids) - before
        loops.append(_bare_us(kind, source, picture))
        assert most.rate, most
        assert most.failed == 0, most
        held = _held(url, picture, seconds, most.rate)
        return Row(
            start=started, most=most.rate, held=held, cpu_us=1e6 * spent / most.answered,
            pss_mb=sum(map(pss_mb, pids)), bare_us=statistics.mean(loops), **parts,
        )  # fmt: skip


def _held(url: str, picture: Path, seconds: int, most: float) -> float:
    """The highest rate of the ladder that holds; 0 where not even two could wait for one another.

    The load tool starts with a request on each of its connections at once: with too many, these
    first ones would wait for one another longer than any later one.
    """
    connections = min(8, int(LEAST_MS / 2 / (1000 / most)))
    if not connections:
        return 0.0
    for rate in (share * most for share in LADDER):
        done = load(url, picture, seconds=seconds, rate=round(rate), connections=connections)
        if done.failed == 0 and done.p99 < LEAST_MS:
            return rate
    return 0.0


def alone(path: str, picture: Path) -> dict[str, float]:
    """Medians of requests that come one after another: parts, and what is beyond them."""
    rows = list[dict[str, float]]()

    def note(waited: float, answer: bytes) -> None:
        told = json.loads(answer)["pictures"][0]["milliseconds"]
        rows.append({**told, "overhead": waited - told["decode"] - told["inference"]})

    client.waits(PORT, path, picture, note)
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]}


def pss_mb(pid: int) -> float:
    """Memory of a process, with its part of what it shares."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(text.split("Pss:")[1].split()[0]) / 1024


def _bare_us(kind: str, model: Path, picture: Path, seconds: float = 0.75) -> float:
    """The bare loop on the core of the service, which waits meanwhile."""
    if kind != "litert":
        return float("nan")
    with client.on_core(0):
        return bare_us(model, picture, seconds)


def bare_us(model: Path, picture: Path, seconds: float) -> float:
    """Microseconds of processor time per picture in a loop of Pillow and LiteRT, nothing else."""
    classify, body, count = bare(model), picture.read_bytes(), 0
    began, end = time.process_time(), time.process_time() + seconds
    while time.process_time() < end:
        classify(body)
        count += 1
    return 1e6 * (time.process_time() - began) / count


def bare(model: Path) -> Callable[[bytes], None]:
    """Return what decodes a picture by Pillow and infers by LiteRT, and does nothing else."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter
    from PIL import Image

    from tflconv.model.interpreter import Interpreter as Ours

    ours = Ours(model)
    assert ours.card is not None
    normalization = ours.card.normalization
    runtime = Interpreter(str(model), num_threads=1)
    runtime.allocate_tensors()
    source, sink = runtime.get_input_details()[0], runtime.get_output_details()[0]
    size = ours.picture_shape[1], ours.picture_shape[0]

    def classify(body: bytes) -> None:
        image = Image.open(BytesIO(body)).convert("RGB").resize(size)
        values = ours.inputs[0].quantize(normalization.apply(np.asarray(image)))
        runtime.set_tensor(source["index"], values[np.newaxis])
        runtime.invoke()
        runtime.get_tensor(sink["index"])

    return classify


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


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was measured of all runtimes: a row per round."""

    rows: dict[str, list[Row]]

    def median(self, title: str, name: str) -> float:
        """The median over the rounds."""
        return statistics.median(getattr(row, name) for row in self.rows[title])


Told = dict[str, tuple[str, Path, Path]]
"""By title: kind of the worker, the ``.tflite`` with the card, and the file that is run."""

KERAS = {
    "Keras, `tf.function(jit_compile=True)`": "jit",
    "Keras, `tf.function`": "function",
    "Keras, `predict`": "predict",
}


KERAS_ROUNDS = 2


def told(model: Path, int8: Path | None, onnx: Path | None, keras: Path | None) -> Told:
    """Name the runtimes for which there are files."""
    found: Told = {LITERT: ("litert", model, model)}
    if int8:
        found[INT8] = ("litert", int8, int8)
    if onnx:
        found[ONNX] = ("onnx", model, onnx)
    if keras:
        found |= {title: (kind, model, keras) for title, kind in KERAS.items()}
    return found


def compared(runtimes: Told, picture: Path, *, rounds: int, seconds: int) -> Found:
    """Measure all runtimes in turns; Keras, which takes long to start, twice at most."""
    rows: dict[str, list[Row]] = {title: [] for title in runtimes}
    for number in range(rounds):
        for title, (kind, model, source) in runtimes.items():
            if title in KERAS and number >= KERAS_ROUNDS:
                continue
            rows[title].append(measure(kind, model, source, picture, seconds))
            print(title, rows[title][-1], file=sys.stderr)
    return Found(rows=rows)


COLUMNS = {
    "start": "start, s", "most": "most, 1/s", "held": "held, 1/s", "cpu_us": "CPU per request, µs",
    "decode": "decode, ms", "inference": "inference, ms", "overhead": "beyond both, ms",
    "pss_mb": "PSS, MB",
}  # fmt: skip


def table(found: Found) -> str:
    """Return the medians as Markdown, the quickest first."""
    lines = [f"| runtime | {' | '.join(COLUMNS.values())} |", "|---|" + "---:|" * len(COLUMNS)]
    for title in sorted(found.rows, key=lambda title: -found.median(title, "most")):
        cells = " | ".join(_shown(found.median(title, name)) for name in COLUMNS)
        lines.append(f"| {title} | {cells} |")
    for title in (LITERT, INT8):
        if title not in found.rows:
            continue
        spent = found.median(title, "bare_us")
        empty = "| " * (len(COLUMNS) - 4)
        lines.append(f"| bare loop, {title} | | {_shown(1e6 / spent)} | | {spent:.0f} {empty}|")
    return "\n".join(lines)


def _shown(value: float) -> str:
    """Three digits, and none behind the point that say nothing."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def aims(found: Found) -> dict[str, float]:
    """Return what was to be reached, as far as it was measured."""

    def ratio(title: str, *others: str) -> float:
        slowest = [found.median(other, "most") for other in others if other in found.rows]
        return found.median(title, "most") / max(slowest) if slowest else float("nan")

    return {
        "times `predict`": ratio(LITERT, "Keras, `predict`"),
        "times the best compiled Keras": ratio(LITERT, *list(KERAS)[:2]),
        "times ONNX Runtime": ratio(LITERT, ONNX),
        "INT8, times float": ratio(INT8, LITERT) if INT8 in found.rows else float("nan"),
        "share of the bare loop": found.median(LITERT, "share"),
        "beyond decoding and inference, ms": found.median(LITERT, "overhead"),
    }


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
    runtimes = told(given.model, given.int8, given.onnx, given.keras)
    runtimes = {title: each for title, each in runtimes.items() if given.only in (None, title)}
    found = compared(runtimes, given.picture, rounds=given.rounds, seconds=given.seconds)
    print(table(found))
    if LITERT in runtimes:
        print("\n" + "\n".join(f"{name}: {value:.3g}" for name, value in aims(found).items()))
    print(f"\nA batch of 8 gives {batch_gain(given.model):.2f} times the pictures per second.")


if __name__ == "__main__":
    main()
