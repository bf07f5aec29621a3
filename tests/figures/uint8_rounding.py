"""How a core rounds in the first convolution of a legacy uint8 MobileNet: see docs/emulator.md.

python tests/figures/uint8_rounding.py mobilenet_v2_1.0_224_quant.tflite
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from tflconv.benchmark import BenchmarkConfig, runner
from tflconv.device import find

Scheme = NDArray[np.int64]
SIDE = 112


def main(path: str) -> None:
    model = schema.ModelT.InitFromPackedBuf(Path(path).read_bytes(), 0)
    pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    sums, scale, zero_point = convolved(model, pixels)
    shift = int(np.ceil(-np.log2(scale))) - 1
    early = (sums + (1 << shift >> 1) >> shift) * float(1 << shift)
    guesses = {"rounding once": sums * scale, f"rounding to 2^{shift} first": early * scale}
    for device in ("host", "arm64:cortex-a76", "arm64:cortex-a55", "arm64:cortex-a53"):
        said = run_first(model, pixels, device)
        for name, real in guesses.items():
            same = np.clip(np.floor(real + 0.5) + zero_point, 0, 255) == said
            print(f"{device}: {name} gives {100 * same.mean():.2f} % of {same.size} outputs")


def convolved(model: Any, pixels: NDArray[np.uint8]) -> tuple[Scheme, float, int]:
    """Sums of the first convolution (3x3, stride 2, padded), and what scales them to outputs."""
    graph = model.subgraphs[0]
    first = graph.operators[0]
    given, weights, bias = (graph.tensors[index] for index in first.inputs)
    result = graph.tensors[first.outputs[0]]
    image = np.pad(pixels.astype(np.int64) - zero(given), ((0, 1), (0, 1), (0, 0)))
    kernel = content(model, weights, np.uint8).reshape(weights.shape) - zero(weights)
    sums = np.zeros((SIDE, SIDE, len(kernel)), np.int64) + content(model, bias, np.int32)
    for row, column in np.ndindex(3, 3):
        part = image[row : row + 2 * SIDE : 2, column : column + 2 * SIDE : 2]
        sums += part @ kernel[:, row, column].T
    return sums, size(given) * size(weights) / size(result), zero(result)


def run_first(model: Any, pixels: NDArray[np.uint8], device: str) -> NDArray[np.uint8]:
    """What the first convolution alone gives on ``device``."""
    graph = model.subgraphs[0]
    graph.operators, model.signatureDefs = graph.operators[:1], []
    graph.outputs = [graph.operators[0].outputs[0]]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    with tempfile.TemporaryDirectory() as folder:
        file, inputs = Path(folder) / "first.tflite", Path(folder) / "inputs"
        file.write_bytes(builder.Output())
        inputs.write_bytes(pixels.tobytes())
        config = BenchmarkConfig(input_file=str(inputs))
        _, outputs = runner._session(file, find(device), config).outputs()
    return np.frombuffer(outputs, np.uint8).reshape(SIDE, SIDE, -1)


def content(model: Any, tensor: Any, dtype: type) -> Scheme:
    return np.frombuffer(bytes(model.buffers[tensor.buffer].data), dtype).astype(np.int64)


def size(tensor: Any) -> float:
    return float(tensor.quantization.scale[0])


def zero(tensor: Any) -> int:
    return int(tensor.quantization.zeroPoint[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
