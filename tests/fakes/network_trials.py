"""What becomes of random networks: each converted in several ways and compared with Keras.

An outcome is ``right``, ``far 0.83`` (an integer file with that least cosine), ``refused: WHY`` (a
``TflconvError``), or a fault: ``wrong ...``, ``crash: ...``. Every network is a line of a log in
JSON, so that a run that was ended goes on where it was; a network that ends the whole process is
``died`` in the log.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from fakes import network_log
from fakes.network_log import KINDS
from fakes.random_networks import RandomNetwork, network
from fakes.random_trainable import trainable

OTHERS = (
    "fp16", "weight_only_wi8_afp32", "static_wi8_ai16", "static_wi4_ai8", "selective_wi4_ai8",
    "static_wi8_ai8_tensorwise",
)  # fmt: skip
PATIENCE = 240
"""Seconds of processor time after which one way of converting one network is given up; those of a
clock would be over where other processes have the processor, or this one was stopped."""

FAR, NOT_FAR = 0.98, 0.97
"""Least cosine below which an integer file is called far, and below which the check of convert must
not find a file that is not: it compares with the graph, and Keras's answers may be of 16 bits.
"""


def trial(number: int, qat: bool = False) -> dict[str, Any]:
    """Convert the network of ``number`` in all ways; return its line of the log."""
    draw, line = random.Random(f"trial {number}"), {"number": number, "outcomes": {}}
    try:
        grown = network(number)
    except Exception as error:  # Keras raises anything
        return line | {"unbuilt": f"{type(error).__name__}: {str(error)[:200]}"}
    expected = _keras_answers(grown)
    line |= {"chains": grown.chains, "policy": grown.policy}
    if expected is None:
        return line | {"unbuilt": "Keras answers NaN or not at all"}
    rewrite = network_log.rewrite(number)
    ways = [("as-is", recipe) for recipe in (*KINDS, draw.choice(OTHERS))]
    ways += [(rewrite, recipe) for recipe in (KINDS if rewrite == "optimized" else KINDS[:1])]
    for way, outcome in _converted(grown, expected, ways):
        line["outcomes"][way] = outcome
    if qat:
        line["outcomes"]["qat"] = trained(number)
    return line


def trained(number: int) -> str:
    """Return what becomes of the network of ``number`` that is drawn to be trained for int8."""
    return _guarded(lambda: _trained(trainable(number)))


def _keras_answers(grown: RandomNetwork) -> dict[str, np.ndarray] | None:
    from tflconv.core.tensorflow import tf
    from tflconv.model.naming import public_names

    try:
        names = public_names(grown.model)
        fed = [grown.samples[name] for name in names.inputs]
        answers = names.empty(grown.model(names.fill(fed), training=False))
    except Exception:  # what Keras cannot run itself is no network
        return None
    named = {
        name: np.asarray(tf.cast(value, tf.float32))
        for name, value in zip(names.outputs, answers, strict=True)
    }
    return named if all(np.isfinite(value).all() for value in named.values()) else None


def _converted(
    grown: RandomNetwork, expected: dict[str, np.ndarray], ways: list[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    from tflconv import recipe
    from tflconv.conversion import Calibration
    from tflconv.core.store import Store
    from tflconv.pipeline.line import Line
    from tflconv.pipeline.requests import ConversionRequest

    samples = Calibration.of_values("drawn", *grown.samples.values(), names=tuple(grown.samples))
    with tempfile.TemporaryDirectory() as folder:
        lines: dict[str, Line] = {}
        for rewrite, name in ways:

            def made(rewrite: str = rewrite, name: str = name) -> str:
                request = ConversionRequest(
                    model=grown.model,
                    recipes=(recipe.get(name),),
                    rewrite=rewrite,  # type: ignore[arg-type]
                    calibration=samples,
                )
                if rewrite not in lines:
                    lines[rewrite] = Line(request, Store(Path(folder)))
                    lines[rewrite].origin = next(iter(lines.values())).origin  # traced once for all
                line = lines[rewrite]
                line.request = request
                (chosen,) = request.chosen
                file = line.file(chosen)
                judged = judge(file, grown, expected, name)
                fidelity = line.fidelity(chosen)
                if judged == "right" and (fidelity.cosine or 0) < NOT_FAR and _coarse(name):
                    return f"wrong: the check of convert says {fidelity!r}"
                return judged

            yield f"{rewrite} {name}", _guarded(made)


def judge(file: Path, grown: RandomNetwork, expected: dict[str, np.ndarray], name: str) -> str:
    """Return how the answers of ``file`` compare with those of Keras."""
    from tflconv.pipeline.answers import TfliteFile, _softmax
    from tflconv.pipeline.fidelity import compare

    target = TfliteFile(file)
    if list(target.inputs) != list(grown.samples):
        return f"wrong inputs: {list(target.inputs)}"
    samples = len(next(iter(grown.samples.values())))
    rows = [
        target.answer({key: value[[i]] for key, value in grown.samples.items()})
        for i in range(samples)
    ]
    received = {key: np.concatenate([row[key] for row in rows]) for key in rows[0]}
    if list(received) != list(expected):
        return f"wrong outputs: {list(received)}"
    for key, wanted in expected.items():  # a rewritten graph may leave out a last softmax
        if _are_shares(wanted) and not _are_shares(received[key]):
            received[key] = _softmax(received[key])
    fidelity = compare(expected, received, "drawn")
    coarse = grown.policy != "float32" or _coarse(name)
    if coarse:
        cosine = fidelity.cosine or 0.0
        return "right" if cosine >= FAR else f"far {cosine:.2f}"
    off = max(
        float(np.abs(received[key] - wanted).max() / max(np.abs(wanted).max(), 1e-3))
        for key, wanted in expected.items()
    )
    limit = 2e-2 if name == "fp16" else 1e-3
    return "right" if off < limit else f"wrong by {off:.2g} of the largest"


def _are_shares(values: np.ndarray) -> bool:
    return bool(abs(values.sum(axis=-1) - 1).max() < 1e-2)


def _coarse(name: str) -> bool:
    return name not in ("fp32", "fp16")


def _trained(grown: RandomNetwork) -> str:
    """Five steps of quantization-aware training, and the integer file of that."""
    from tflconv import recipe
    from tflconv.compression import QatConfig, qat
    from tflconv.compression.examples import Examples
    from tflconv.conversion.optimized import lower_rounded
    from tflconv.network.keras import execution
    from tflconv.network.keras.reader import read
    from tflconv.network.passes import optimize
    from tflconv.pipeline.answers import TfliteFile
    from tflconv.pipeline.fidelity import compare

    net = optimize(read(grown.model))[0]
    (pictures,) = grown.samples.values()
    labels = np.arange(len(pictures)) % 3
    images = np.concatenate([pictures, pictures[:2]])
    examples = Examples(images=images, labels=np.concatenate([labels, labels[:2]]).astype(np.int64))
    config = QatConfig(epochs=1, batch_size=2)
    start = qat.first_ranges(net, examples, config)
    qat.check_convertible(net, start)
    trained, ranges = qat.fine_tune(net, examples, config, start=start)
    content = lower_rounded(trained, ranges, recipe.get("static_wi8_ai8"))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "qat.tflite"
        file.write_bytes(content)
        target = TfliteFile(file)
        (name,) = target.inputs
        rows = [target.answer({name: images[[i]]}) for i in range(8)]
    received = {key: np.concatenate([row[key] for row in rows]) for key in rows[0]}
    (key,) = received
    wanted = np.asarray(execution.run(trained, images[:8].astype(np.float32)))
    cosine = compare({key: wanted}, received, "drawn").cosine or 0.0
    return "right" if cosine >= FAR else f"far {cosine:.2f}"


def _guarded(attempt: Callable[[], str]) -> str:
    from tflconv.errors import TflconvError

    try:
        with _patience(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return attempt()
    except TflconvError as error:
        return f"refused: {re.sub(r'[0-9]+', '#', error.message)[:240]}"
    except TimeoutError:
        return f"crash: took more than {PATIENCE} s"
    except Exception as error:  # a fault of ours is what is looked for
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        return f"crash: {type(error).__name__} at {where}: {str(error)[:240]}"


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    def late(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def run(
    log: Path, numbers: Sequence[int], *, seconds: float = float("inf"), jobs: int = 1
) -> list[dict[str, Any]]:
    """Run what ``log`` lacks of ``numbers`` in workers that are renewed; return all lines.

    Args:
        log: Lines of JSON.
        numbers: Which networks, in that order.
        seconds: Time after which no further worker is started.
        jobs: Number of workers at a time.
    """
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(jobs) as pool:
        while (left := missing(log, numbers)) and time.monotonic() < until:
            parts = [left[start : start + BATCH] for start in range(0, BATCH * jobs, BATCH)]
            list(pool.map(lambda part: _work(log, part), filter(None, parts)))
    return [line for line in lines(log) if line["number"] in set(numbers)]


BATCH = 25
"""Networks of one worker; TensorFlow keeps memory of each."""


def _work(log: Path, numbers: list[int]) -> None:
    """Let one worker try ``numbers``; the first that it leaves out is one that ended it."""
    worker = [sys.executable, "-m", "fakes.network_trials", str(log), *map(str, numbers)]
    here = Path(__file__).parents[1]
    subprocess.run(worker, check=False, cwd=here, stderr=subprocess.DEVNULL)
    if undone := missing(log, numbers):
        _write(log, {"number": undone[0], "outcomes": {"worker": "crash: died"}})


def missing(log: Path, numbers: Sequence[int]) -> list[int]:
    """Return those of ``numbers`` that ``log`` has no line for."""
    known = {line["number"] for line in lines(log)}
    return [number for number in numbers if number not in known]


def lines(log: Path) -> list[dict[str, Any]]:
    """Return what is in ``log``."""
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]


def faults(found: list[dict[str, Any]]) -> list[str]:
    """Return what is neither a right file nor a refusal, with the number of the network."""
    return [
        f"{line['number']} {way}: {outcome}"
        for line in found
        for way, outcome in line["outcomes"].items()
        if outcome.startswith(("wrong", "crash"))
    ]


def _write(log: Path, line: dict[str, Any]) -> None:
    with log.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line) + "\n")


def main() -> None:
    """Work on the numbers of the command line and write them into the log before them."""
    log, *numbers = sys.argv[1:]
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    from tflconv.core.tensorflow import tf

    tf.config.threading.set_inter_op_parallelism_threads(1)
    for number in map(int, numbers):
        began = time.monotonic()
        line = trial(number, qat=number % 10 == 0)
        _write(Path(log), line | {"seconds": round(time.monotonic() - began, 1)})
        tf.keras.backend.clear_session()


if __name__ == "__main__":
    main()
