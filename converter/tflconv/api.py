"""The stages as five functions, for notebooks and scripts.

Each does what the command of the same name does, takes names and paths as the command takes them,
and returns values. The modules below them (``tflconv.conversion``, ``tflconv.benchmark``, ...)
have every setting.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tflconv import benchmark, conversion, data, device, recipe, training, verification
from tflconv.benchmark import BenchmarkConfig, Laboratory
from tflconv.compression import QatConfig
from tflconv.conversion import description
from tflconv.core.files import write_text
from tflconv.errors import unknown
from tflconv.model.card import ModelCard
from tflconv.pipeline import retraining
from tflconv.results import Results
from tflconv.training import TrainConfig
from tflconv.verification import Verification

REWRITES = ("as-is", "optimized", "unfused")

__all__ = ["bench", "convert", "train", "verify", "write_report"]


def train(
    model: str,
    dataset: str,
    output: str | Path,
    *,
    options: dict[str, Any] | None = None,
    **how: Any,
) -> ModelCard:
    """Train ``model`` of the registry on ``dataset`` and write the ``.keras`` file ``output``.

    ``options`` are the model's, ``how`` the fields of ``TrainConfig`` such as ``epochs=30``.
    """
    config = TrainConfig(**how)
    loaded = data.load(dataset, seed=config.seed)
    loaded.warn()
    card: ModelCard = training.train(loaded, model, config, Path(output), options=options)
    return card


def convert(
    model: Any,
    recipes: Sequence[str] = ("fp32",),
    folder: str | Path = ".",
    *,
    calibration: str | None = None,
    dataset: str | None = None,
    normalize: str | None = None,
    labels: Sequence[str] | None = None,
    rewrite: str = "as-is",
    qat: QatConfig | None = None,
    seed: int = 0,
) -> list[Path]:
    """Write a ``.tflite`` file for each of ``recipes`` into ``folder`` and return their paths.

    ``model`` is a file or a live Keras 2 or Keras 3 model; ``calibration`` a dataset, a folder or
    a ``.npy`` file, by default ``dataset``, by default the one that the model was trained on.
    Recipes that begin with ``qat_`` train on ``dataset`` first, as ``qat`` says. ``rewrite`` may be
    ``optimized`` (rewritten for XNNPACK's integer kernels) or ``unfused`` (an honest baseline).
    """
    if rewrite not in REWRITES:
        raise unknown("rewrite", rewrite, REWRITES)
    chosen = [recipe.get(name) for name in recipes]
    model = Path(model) if isinstance(model, str) else model
    if rewrite == "as-is":
        ready = conversion.prepare(model)
    elif rewrite == "optimized":
        from tflconv.conversion import optimized

        ready = optimized.prepare(model)
    else:
        from tflconv.conversion import unfused

        chosen = [unfused.named(one) for one in chosen]
        ready = unfused.prepare(model)
    card = description.describe(ready, normalize=normalize, labels=labels)
    source = calibration or dataset or (card.dataset if card else None)
    samples = None
    if source is not None and any(one.needs_calibration for one in chosen):
        samples = description.calibration(source, ready, card, seed=seed)
    config = replace(qat or QatConfig(), seed=seed)
    ready = retraining.for_recipes(
        ready, chosen, model, dataset, card, config, optimize=rewrite == "optimized"
    )
    made = conversion.convert(ready, chosen, Path(folder), calibration=samples, card=card)
    return [artifact.path for artifact in made]


def verify(
    reference: str | Path,
    target: str | Path,
    dataset: str | None = None,
    *,
    normalize: str | None = None,
    labels: Sequence[str] | None = None,
) -> Verification:
    """Compare ``target`` with ``reference`` on the test split of ``dataset``, picture by picture.

    By default the dataset is the one that the model was trained on. ``normalize`` and ``labels``
    say what a file that others made does not.
    """
    card = verification.known(Path(target), normalize=normalize, labels=labels)
    pictures = data.load_for(card, dataset)
    pictures.warn()
    return verification.verify(Path(reference), Path(target), pictures, card=card)


def bench(
    files: Iterable[str | Path],
    device_id: str = "host",
    *,
    reference: str | Path | None = None,
    **how: Any,
) -> Results:
    """Measure ``files`` on a device: ``host``, ``arm64:CORE`` or ``adb:SERIAL``.

    The float file of a model is the baseline of its others. With a ``reference`` accuracy and
    agreement on the test split stand beside. ``how`` are the fields of ``BenchmarkConfig``.
    """
    paths = [Path(file) for file in files]
    identities = benchmark.identify_all(paths)
    place, config = device.find(device_id), BenchmarkConfig(**how)
    found, laboratory = Results(context={"title": f"tflconv on {place.id}"}), Laboratory()
    for path in paths:
        run = benchmark.bench(path, place, config, identity=identities[path], laboratory=laboratory)
        if reference is not None:
            run = replace(run, accuracy=verify(reference, path).to_accuracy())
        found = found.with_run(run)
    return found


def write_report(results: Results, html: str | Path) -> Path:
    """Write ``results`` as one self-contained HTML file."""
    from tflconv.report.html import to_html

    return write_text(Path(html), to_html(results))
