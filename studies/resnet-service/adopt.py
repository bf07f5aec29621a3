"""What accelerator.py takes and gives, made and taken up where tflconv is installed.

    python adopt.py pictures cifar-10 pictures.npz
    python adopt.py network resnet-w64-cifar-10.keras teacher.npz
    python adopt.py models OUT KERAS --dataset cifar-10

The last makes a file of each network in a folder, as ``tflconv train`` writes it: weights, card,
labels and normalization. The ``.keras`` file that a network began as, if it did, is looked for
beside the ``.npz`` that its plan names.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tflconv import data, models
from tflconv.core.versions import versions
from tflconv.model.card import ModelCard, require_card
from tflconv.model.normalization import NAMED
from tflconv.model.opening import open_model
from tflconv.training.saving import write_model

NORMALIZATION = "-1..1"
CHECKED = 1000
"""Validation pictures that are classified again, as a check that the weights fit."""


def main() -> None:
    """Read the command line and run one of the three commands."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for command, source in (("pictures", "dataset"), ("network", "model"), ("models", "folder")):
        part = commands.add_parser(command)
        part.add_argument("source", metavar=source.upper())
        part.add_argument("target", type=Path)
        part.add_argument("--dataset", default="cifar-10")
    given = parser.parse_args()
    if given.command == "pictures":
        write_pictures(given.source, given.target)
    elif given.command == "network":
        write_network(Path(given.source), given.target)
    else:
        pictures = data.load(given.dataset, seed=0)
        given.target.mkdir(parents=True, exist_ok=True)
        for source in sorted(Path(given.source).glob("*.npz")):
            adopt(source, given.target / f"{source.stem}.keras", pictures)


def write_pictures(dataset: str, target: Path) -> None:
    """Write the training and validation pictures of a dataset, and none of its test pictures."""
    found = data.load(dataset, seed=0)
    np.savez(
        target,
        x=found.train.images,
        y=found.train.labels,
        x_validation=found.validation.images,
        y_validation=found.validation.labels,
    )


def write_network(source: Path, target: Path) -> None:
    """Write the configuration and the weights of a trained network, by layer."""
    card = require_card(source)
    model: Any = open_model(source).model
    weights = {
        f"{layer.name}/{number}": value.astype(np.float32)
        for layer in model.layers
        for number, value in enumerate(layer.get_weights())
    }
    config = json.dumps(model.get_config())
    options = json.dumps(dict(card.options))
    np.savez(target, model=card.model, options=options, config=config, **weights)


def adopt(source: Path, target: Path, pictures: data.Dataset) -> float:
    """Write a ``.keras`` file of trained weights; return its accuracy on validation pictures."""
    with np.load(source) as found:
        weights = {name: found[name] for name in found.files}
    record = json.loads(source.with_suffix(".json").read_text())
    name, options = str(weights.pop("model")), json.loads(str(weights.pop("options")))
    shape = pictures.validation.images.shape[1:]
    if name.endswith(".npz"):
        began = Path(name).with_suffix(".keras")
        model, card = open_model(began).model, require_card(began)
    else:
        model = models.build(name, shape, len(pictures.classes), **options)
        card = card_of(name, options, pictures)
    for layer in model.layers:
        layer.set_weights([weights[f"{layer.name}/{n}"] for n in range(len(layer.get_weights()))])
    some = slice(CHECKED)
    inputs = pictures.validation.images[some].astype(np.float32) / 127.5 - 1
    answers = model.predict(inputs, batch_size=250, verbose=0).argmax(1)
    accuracy = float((answers == pictures.validation.labels[some]).mean())
    claimed = None
    if record.get("validation_total"):  # else these pictures were learned from, too
        claimed = record["validation_correct"] / record["validation_total"]
    there = "" if claimed is None else f", there {claimed:.2%}"
    print(f"{target.name}: {accuracy:.2%} of {len(inputs)}{there}", flush=True)
    write_model(target, model, _trained(card, record, claimed))
    return accuracy


def _trained(card: ModelCard, record: dict[str, Any], accuracy: float | None) -> ModelCard:
    kept = ("network", "settings", "epochs", "seconds", "averaged", "device", "versions")
    return replace(
        card,
        seed=record["settings"]["seed"],
        training=dict(card.training) | {key: record[key] for key in kept},
        metrics={} if accuracy is None else {"validation_accuracy": accuracy},
        versions=versions("tflconv"),
    )


def card_of(name: str, options: dict[str, int | float], pictures: data.Dataset) -> ModelCard:
    """Return the card of a network that saw pixels from -1 to 1."""
    return ModelCard(
        model=name,
        labels=pictures.classes,
        input_shape=pictures.validation.images.shape[1:],
        normalization=NAMED[NORMALIZATION],
        resize=pictures.view.resize,
        options=options,
        dataset=pictures.name,
        dataset_digest=pictures.digest,
        subset=pictures.subset,
    )


if __name__ == "__main__":
    main()
