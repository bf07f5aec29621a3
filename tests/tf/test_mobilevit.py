"""The hybrid of convolutions and attention in INT8: all of it in one partition of XNNPACK."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import tflconv
from tflconv import models
from tflconv.core.tensorflow import keras2
from tflconv.inspection import delegation
from tflconv.tflite import editing, packing, reading

SIDE = 32
SEED = 5


def settled() -> models.building.Keras2Model:
    """A small one whose BatchNormalization knows what comes through, as after a training.

    Three heads of this draw let nothing through on the samples below.
    """
    keras2.utils.set_random_seed(4)
    network = models.build("mobilevit_int8", (SIDE, SIDE, 3), 10, width=0.5, heads=2, head=64)
    draw = np.random.default_rng(SEED)
    for weight in network.weights:
        if "moving" not in weight.name and ("norm" in weight.name or "attention" in weight.name):
            weight.assign(weight + draw.normal(0, 0.1, weight.shape))
    for _ in range(30):
        network(draw.normal(size=(16, SIDE, SIDE, 3)).astype(np.float32), training=True)
    return network


def test_it_is_one_partition_of_integers_and_close_to_float(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).normal(size=(32, SIDE, SIDE, 3)).astype(np.float32)
    made = tflconv.convert(
        settled(), ["fp32", "static_wi8_ai8"], tmp_path, rewrite="optimized", calibration=samples
    )
    whole, integers = (reading.read(path) for path in made)
    found = delegation.predict(integers)
    assert not found.reasons
    assert len(found.partitions) == 1
    assert not editing.float_operators(packing.unpack(made[1].read_bytes()))
    assert (made.fidelity[1].cosine or 0) > 0.99
    assert (made.fidelity[0].cosine or 0) > 0.99999
    prices = [delegation.estimate(path.read_bytes()) for path in made]
    assert prices[1] < 0.6 * prices[0]
    kinds = {operator.name for operator in whole.main.operators}
    assert kinds.isdisjoint({"SOFTMAX", "GELU", "RSQRT", "SQUARED_DIFFERENCE"})
    made_by = {whole.main.tensors[i].name for o in whole.main.operators for i in o.outputs}
    assert {"stage3_block0_attention/key0", "stage3_block0_attention/scores1"} <= made_by
    assert not [name for name in made_by if "Tensordot" in name or name.count("attention") > 1]
