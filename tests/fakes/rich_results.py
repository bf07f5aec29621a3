"""SYNTHETIC results with everything that a report can show: nothing in them was measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from tflconv import results
from tflconv.core.files import sha256_bytes
from tflconv.core.jsonvalue import JsonObject
from tflconv.model.thumbnails import thumbnail
from tflconv.results import Accuracy, BenchmarkRun, Disagreement, Graph, Op, Results

GOLDEN = Path(__file__).parents[1] / "golden" / "report" / "results.json"
CLASSES = tuple("0123456789")
_KINDS = ("CONV_2D", "FULLY_CONNECTED", "SOFTMAX", "ADD", "MEAN")
_STEPS = {"channels50_fp32": 0.52, "channels50_qat_static_wi8_ai8": 0.24}


def rich() -> Results:
    """Return results of three devices, with mistakes, profiles, a staircase and curves."""
    found = results.load(GOLDEN)
    runs = [_with_all(run, number) for number, run in enumerate(found.runs)]
    runs += [_stair(run, *step) for run in runs[::4] for step in _STEPS.items()]
    return replace(found, runs=tuple(runs), context={**found.context, **_context()})


def _context() -> JsonObject:
    def curve(rate: float) -> list[JsonObject]:
        return [
            {
                "epoch": epoch,
                "loss": 2 * rate**epoch,
                "validation_accuracy": 1 - 0.9 * rate**epoch,
                "validation_loss": 2.1 * rate**epoch,
            }
            for epoch in range(1, 21)
        ]

    return {
        "training": {"fixture_cnn": [*curve(0.7)], "fixture_vit": [*curve(0.85)]},
        "plan": {
            "name": "Fixture results",
            "dataset": "fixture_digits",
            "models": [{"model": "cnn", "name": "fixture_cnn", "training": {"epochs": 20}}],
            "recipes": ["fp32", *_STEPS],
        },
        "command": "tflconv study fixture.toml -o out",
    }


def _with_all(run: BenchmarkRun, number: int) -> BenchmarkRun:
    assert run.accuracy is not None
    assert run.graph is not None
    ops = tuple(
        Op(
            name=f"{kind}_{place}",
            kind=kind,
            delegate=None if kind == "SOFTMAX" and number % 4 == 3 else "XNNPACK",
            mean_ns=1e5 / (1 + place) / (1 + number % 4),
            count=place + 1,
        )
        for place, kind in enumerate(_KINDS)
    )
    return replace(
        run,
        graph=Graph(
            nodes=run.graph.nodes,
            delegated=run.graph.delegated,
            partitions=run.graph.partitions,
            ops=ops if run.device.kind == "host" else (),
        ),
        accuracy=_mistaken(run.accuracy, number),
    )


def _mistaken(accuracy: Accuracy, number: int) -> Accuracy:
    wrong = accuracy.total - accuracy.correct
    per_class = dict.fromkeys(CLASSES, (100, 100))
    confusions: dict[str, dict[str, int]] = {}
    random = np.random.default_rng(number)
    for _ in range(wrong):
        label, answer = random.choice(CLASSES, 2, replace=False)
        row = confusions.setdefault(str(label), {})
        row[str(answer)] = row.get(str(answer), 0) + 1
        correct, total = per_class[str(label)]
        per_class[str(label)] = (correct - 1, total)
    pictures = tuple(
        Disagreement(
            id=f"test/{place}.png",
            label=CLASSES[place],
            reference=CLASSES[place],
            target=CLASSES[place + 1],
            margin=9.0 - place,
            picture=thumbnail(random.integers(0, 255, (12, 12, 1)).astype(np.uint8)),
        )
        for place in range(6)
    )
    return replace(accuracy, per_class=per_class, confusions=confusions, disagreements=pictures)


def _stair(run: BenchmarkRun, recipe: str, share: float) -> BenchmarkRun:
    slug = f"{run.model.name}-fixture_digits-{recipe}"
    model = replace(
        run.model,
        slug=slug,
        recipe=recipe,
        sha256=sha256_bytes(slug.encode()),
        bytes=int(run.model.bytes * share),
    )
    latency, counted = run.latency, run.instructions
    if latency is not None:
        samples = tuple(int(sample * (share + 0.1)) for sample in latency.samples_ns)
        latency = replace(latency, samples_ns=samples)
    if counted is not None:
        counted = replace(counted, total=counted.total * share)
    return replace(run, model=model, latency=latency, instructions=counted)
