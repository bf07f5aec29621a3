"""Fewer bits on harder pictures: ``python asl.py MODEL.keras BITS...`` writes asl.json.

The trained ``vit_int8`` of ASL Alphabet is rounded to 8 bits and to weights of fewer BITS after
training, then trained with those bits (``tflconv.compression.qat``, its defaults, one epoch). All
files are int8 files, and all figures are of the test pictures.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from tflconv import data, recipe
from tflconv.compression import QatConfig
from tflconv.compression.examples import Examples
from tflconv.compression.qat import fine_tune
from tflconv.conversion.optimized import OptimizedModel
from tflconv.core.files import write_json
from tflconv.model.card import require_card
from tflconv.model.interpreter import Interpreter
from tflconv.network.keras.fake_quant import round_weights
from tflconv.network.keras.opened import open_once
from tflconv.network.keras.ranges import Ranges, measure
from tflconv.network.nodes import Network

STATIC = recipe.get("static_wi8_ai8")
CALIBRATION = 200


def main(path: Path, bits: list[int]) -> None:
    """Write ``asl.json`` beside this script."""
    card = require_card(path)
    dataset = data.load_for(card)
    network = open_once(path).rewritten[0]
    learned, asked = (
        Examples(images=part.images, labels=part.labels, normalize=card.normalization.apply)
        for part in (dataset.train, dataset.test)
    )
    sample = learned.sample(CALIBRATION, 0)
    correct = {"8 bits": _correct(network, measure(network, sample), asked)}
    for count in bits:
        rounded = round_weights(network, bits=count)
        correct[f"{count} bits"] = _correct(rounded, measure(rounded, sample), asked)
        trained = fine_tune(network, learned, QatConfig(epochs=1, bits=count))
        correct[f"{count} bits, trained"] = _correct(*trained, asked)
    found: dict[str, Any] = {"correct": correct, "total": len(asked)}
    about = {"dataset": dataset.name, "subset": dataset.subset, "training": dict(card.training)}
    write_json(Path(__file__).parent / "asl.json", found | about)


def _correct(network: Network, ranges: Ranges, asked: Examples) -> int:
    """How many pictures of ``asked`` the int8 file of ``network`` gets right."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.tflite"
        file.write_bytes(OptimizedModel(network, trained=ranges).make(STATIC))
        logits = Interpreter(file).predict(asked.normalize(asked.images))
    return int((logits.argmax(1) == asked.labels).sum())


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(text) for text in sys.argv[2:]])
