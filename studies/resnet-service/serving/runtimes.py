"""Compares LiteRT and ONNX Runtime themselves, in pairs: the same network and pixels, no service.

Each pair runs one after the other for a moment, in turns which is first; the median of the ratios
and its 95 % interval (by resampling) are told. Whatever carries the requests, it cannot be
quicker than this.

    python studies/resnet-service/serving/runtimes.py resnet-fp32.tflite resnet.onnx
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from client import on_core
from numpy.typing import NDArray

Run = Callable[[], NDArray[np.float32]]
AGREE = 1e-4
"""Largest difference of outputs, as a share of the largest: it is the same network."""


def litert(model: Path, values: NDArray[np.float32]) -> Run:
    """An inference by LiteRT with XNNPACK, one thread."""
    from ai_edge_litert.interpreter import Interpreter

    runtime = Interpreter(str(model), num_threads=1)
    runtime.allocate_tensors()
    source, sink = (d[0]["index"] for d in (runtime.get_input_details(),
                                            runtime.get_output_details()))  # fmt: skip

    def run() -> NDArray[np.float32]:
        runtime.set_tensor(source, values)
        runtime.invoke()
        return np.asarray(runtime.get_tensor(sink))

    return run


def onnx(model: Path, values: NDArray[np.float32]) -> Run:
    """An inference by ONNX Runtime, one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options)
    name = session.get_inputs()[0].name
    return lambda: np.asarray(session.run(None, {name: values})[0])


def seconds(run: Run, length: float) -> float:
    """Seconds of processor time per inference."""
    count, began = 0, time.process_time()
    while (spent := time.process_time() - began) < length:
        for _ in range(10):
            run()
        count += 10
    return spent / count


def pairs(first: Run, second: Run, *, count: int, length: float) -> NDArray[np.float64]:
    """Seconds of both, ``[count, 2]``."""
    found = np.empty((count, 2))
    for number in range(count):
        for place in (0, 1) if number % 2 else (1, 0):
            found[number, place] = seconds((first, second)[place], length)
    return found


def compared(model: Path, other: Path, *, count: int, length: float) -> str:
    """A row of the table."""
    from tflconv.model.interpreter import Interpreter

    shape = (1, *Interpreter(model).picture_shape)
    values = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    ours, theirs = litert(model, values), onnx(other, values)
    expected = ours()
    assert np.abs(theirs() - expected).max() <= AGREE * np.abs(expected).max()
    with on_core(0):
        found = pairs(ours, theirs, count=count, length=length)
    ratios = found[:, 1] / found[:, 0]
    draws = np.random.default_rng(1).choice(ratios, (5000, len(ratios)))
    low, high = np.quantile(np.median(draws, axis=1), (0.025, 0.975))
    medians = 1e6 * np.median(found, axis=0)
    return (
        f"| {model.stem} | {medians[0]:.0f} | {medians[1]:.0f} | {np.median(ratios):.3f} |"
        f" {low:.3f} to {high:.3f} |"
    )


HEADER = """\
| model | LiteRT, µs | ONNX Runtime, µs | ONNX Runtime / LiteRT | 95 % |
|---|---:|---:|---:|---:|"""


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, help="MODEL.tflite MODEL.onnx, in turns.")
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=0.25)
    given = parser.parse_args()
    print(HEADER)
    for model, other in zip(given.files[::2], given.files[1::2], strict=True):
        print(compared(model, other, count=given.pairs, length=given.seconds))


if __name__ == "__main__":
    main()
