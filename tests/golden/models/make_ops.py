"""Makes what is in ``ops/``: ``python tests/golden/models/make_ops.py``.

TensorFlow's own converter makes the files, so they are as people have them; only what no runtime
needs is taken out, since it names the machine's versions. Outputs are those of LiteRT for a fixed
input, accepted only where TensorFlow computes nearly the same. Running it again changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from op_models import MODELS, OpModel

from tflconv.core.tensorflow import tf
from tflconv.inspection.inspect import inspect
from tflconv.model.interpreter import Interpreter
from tflconv.tflite import packing
from tflconv.tflite.stripping import strip

FOLDER = Path(__file__).with_name("ops")
LIMIT = 3_000
"""Bytes that no file may have more of."""
FAR = {"float32": 1e-5, "float16": 5e-3, "dynamic_range": 5e-2, "int8": 5e-2}
"""How far from TensorFlow outputs may be, as a share of the largest."""


def samples(model: OpModel, seed: int) -> list[np.ndarray]:
    """One sample for each input, from -3 to 3 or above 0; the test draws that of seed 0 again."""
    random = np.random.default_rng(seed)
    return [random.uniform(low(model), 3, shape).astype(np.float32) for shape in model.inputs]


def low(model: OpModel) -> float:
    """The smallest number that the model is fed with."""
    return 0.25 if model.positive else -3.0


def convert(model: OpModel) -> bytes:
    """The model as a ``.tflite`` file, without names and metadata."""
    signature = [tf.TensorSpec(shape, tf.float32) for shape in model.inputs]
    function = tf.function(model.function, input_signature=signature, autograph=False)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    if model.kind != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if model.kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if model.kind == "int8":
        converter.representative_dataset = calibration(model)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    unpacked = packing.unpack(converter.convert())
    strip(unpacked)
    return packing.pack(unpacked)


def calibration(model: OpModel) -> Callable[[], Iterator[list[np.ndarray]]]:
    """Twenty samples that reach as far as the one that is tested."""
    return lambda: (samples(model, seed) for seed in range(20))


def known(path: Path, model: OpModel) -> dict[str, Any]:
    """What is pinned of the file; raises ``AssertionError`` where it is not what was meant."""
    found, inputs = inspect(path), samples(model, seed=0)
    interpreter = Interpreter(path)
    outputs = interpreter.run(inputs)
    ops = [operator.name for operator in found.model.main.operators]
    assert (ops, found.macs) == (list(model.ops), model.macs), (path.name, ops, found.macs)
    assert found.bytes.total == path.stat().st_size < LIMIT
    expected = tf.nest.flatten(model.function(*map(tf.constant, inputs)))
    for received, exact in zip(outputs, expected, strict=True):
        limit = FAR[model.kind] * max(1, np.abs(exact).max())
        np.testing.assert_allclose(received, exact, atol=limit, rtol=0)
    rows = [[row.name, row.types, row.count, row.delegated, row.parameters] for row in found.ops]
    return {
        "low": low(model),
        "ops": ops,
        "rows": rows,
        "macs": found.macs,
        "parameters": found.parameters,
        "weight_bytes": found.bytes.weights,
        "partitions": interpreter.partitions,
        "refused": {ops[index]: why for index, why in found.delegation.reasons.items()},
        "outputs": [digits(each) for each in outputs],
    }


def digits(values: np.ndarray) -> list[float]:
    """Six significant digits of each value."""
    return [float(f"{value:.6g}") for value in values.ravel().tolist()]


def write(folder: Path) -> None:
    """Write every model, and ``expected.json`` with a line for each."""
    lines = []
    for name, model in MODELS.items():
        path = folder / f"{name}.tflite"
        path.write_bytes(convert(model))
        lines.append(f"{json.dumps(name)}: {json.dumps(known(path, model))}")
    (folder / "expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    write(FOLDER)
