"""Trained transformers of 197 tokens in INT8 beside float, on all test pictures of their dataset.

``python tests/figures/trained_transformers.py MODEL.keras... -o FILE.json``. Each is converted with
recipe ``auto`` and with ``selective_wi8_ai8``, rewritten where that is cheaper, and calibrated as
``tflconv convert`` does. Shown are what both get right, how often they agree, and the cosine of the
class token (what the last layer reads) and of the logits with those of the float model. They were
trained with this command (the second with ``--option registers=4 --seed 1``, and stopped after 6
epochs)::

    tflconv train vit --dataset asl-alphabet --resolution 112 --epochs 10 --option patch=8
        --option dim=64 --option depth=4 --option heads=4 --option patch_dropout=0.75
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
from ai_edge_litert.interpreter import Interpreter

import tflconv
from tflconv import data
from tflconv.core.files import write_json
from tflconv.model.card import require_card
from tflconv.tflite import editing, packing

RECIPES = ("fp32", "auto", "selective_wi8_ai8")


def outputs(path: Path, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the last FULLY_CONNECTED reads, and the logits, as real numbers."""
    runtime = Interpreter(model_content=with_token(path.read_bytes()), num_threads=1)
    runtime.allocate_tensors()
    (source,), (target, token) = runtime.get_input_details(), runtime.get_output_details()
    scale, zero_point = token["quantization"]
    tokens, logits = [], []
    for image in images:
        runtime.set_tensor(source["index"], image[np.newaxis])
        runtime.invoke()
        tokens.append(runtime.get_tensor(token["index"]).astype(np.float32).ravel())
        logits.append(runtime.get_tensor(target["index"])[0])
    return (np.array(tokens) - zero_point) * (scale or 1.0), np.array(logits)


def with_token(content: bytes) -> bytes:
    """The file with one output more: what its last FULLY_CONNECTED reads."""
    model = packing.unpack(content)
    graph = model.subgraphs[0]
    layers = [o for o in graph.operators if editing.operator_name(model, o) == "FULLY_CONNECTED"]
    graph.outputs = [*map(int, graph.outputs), int(layers[-1].inputs[0])]
    return packing.pack(model)


def cosines(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """The cosine of each row with its counterpart."""
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return np.asarray((ours * theirs).sum(axis=1) / lengths)


def measured(model: Path, count: int) -> dict[str, Any]:
    """The figures of one model."""
    card = require_card(model)
    asked = data.load_for(card).test
    images = card.normalization.apply(asked.images[:count]).astype(np.float32)
    labels = asked.labels[:count]
    with tempfile.TemporaryDirectory() as folder:
        files = tflconv.convert(model, list(RECIPES), folder)
        seen = [outputs(file, images) for file in files]
    (token, logits), *others = seen
    figures: dict[str, Any] = {
        "pictures": len(labels),
        "validation_accuracy": card.metrics["validation_accuracy"],
        "correct": int((logits.argmax(1) == labels).sum()),
        "recipes": {},
    }
    for name, (own_token, own_logits) in zip(RECIPES[1:], others, strict=True):
        figures["recipes"][name] = {
            "correct": int((own_logits.argmax(1) == labels).sum()),
            "agree": int((own_logits.argmax(1) == logits.argmax(1)).sum()),
            "token": spread(cosines(token, own_token)),
            "logits": spread(cosines(logits, own_logits)),
        }
    return figures


def spread(values: np.ndarray) -> dict[str, float]:
    """The mean and the least of ``values``."""
    return {"mean": round(float(values.mean()), 5), "least": round(float(values.min()), 5)}


@click.command()
@click.argument("models", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--pictures", default=1_000_000, help="Only the first so many.")
@click.option("-o", "output", type=click.Path(path_type=Path), required=True)
def main(models: tuple[Path, ...], pictures: int, output: Path) -> None:
    """Measure MODELS."""
    write_json(output, {model.stem: measured(model, pictures) for model in models})
    click.echo(output.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
