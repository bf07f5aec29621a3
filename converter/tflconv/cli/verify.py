"""``tflconv verify``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import get_args

import click

from tflconv import data, pipeline, verification
from tflconv.cli import commands, completing, options
from tflconv.cli.console import print_json, say, say_next, showing
from tflconv.core.text import to_json
from tflconv.model.pictures import Resize
from tflconv.verification import Verification


@commands.command(name="verify")
@click.argument("reference", type=click.Path(path_type=Path))
@click.argument("target", required=False, type=click.Path(path_type=Path))
@click.option(
    "--dataset",
    "name",
    metavar="DATASET",
    shell_complete=completing.datasets,
    help="Test pictures, or an .npz file with x and y (y may be missing)."
    "  [default: what the model was trained on]",
)
@click.option(
    "--metric",
    type=click.Choice(get_args(verification.MetricName)),
    help="What counts as right: top1, top5, map (mean average precision over classes) or mae"
    " (mean absolute error).  [default: top1, where there are classes]",
)
@options.pictures
@click.option(
    "--max-drop",
    metavar="POINTS",
    callback=options.read_by(verification.parse_drop),
    help="Largest loss of top-1 accuracy that passes, such as 0.5pt (percentage points).",
)
@click.option(
    "--min-agreement",
    metavar="SHARE",
    callback=options.read_by(verification.parse_share),
    help="Smallest share of pictures with the same answer that passes, such as 99%.",
)
@click.option(
    "--golden",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Golden contract of `tflconv convert --golden`, whose pictures and expected outputs take"
    " the place of REFERENCE and dataset.",
)
@click.option(
    "--app-log",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What an app logged about the golden pictures (JSON lines): it is compared in place of"
    " TARGET, and the stage at which it differs is named: rotation, crop, resize, colour order,"
    " normalization, quantization, model, outputs.",
)
@options.preprocessing
@options.custom_objects
@options.signature
@options.export_json("Write everything as JSON; - is standard output.")
@options.seed
@options.json_output
def command(
    reference: Path,
    target: Path | None,
    name: str | None,
    metric: verification.MetricName | None,
    pictures: int | None,
    max_drop: float | None,
    min_agreement: float | None,
    normalize: str | None,
    resize: Resize | None,
    labels: Path | None,
    custom_objects: Path | None,
    signature: str | None,
    golden: Path | None,
    app_log: Path | None,
    export_json: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Compare TARGET (.tflite) with its REFERENCE (.keras, .h5, SavedModel or .tflite).

    Both see the test split of the dataset. Ends with exit code 4 if a threshold is missed. With
    --golden only TARGET is named, and the tolerance of the contract is a threshold.

    A file that tflconv did not make may not say how to feed it: give --normalize, and --labels
    where the classes of the dataset are some of its outputs, or in another order.

    \b
    Examples:
      tflconv verify vit.keras vit-mnist-static_wi8_ai8.tflite --max-drop 0.5pt
      tflconv verify vit-int8.tflite --golden vit-int8.golden.zip --app-log phone.jsonl
      tflconv verify mine.keras theirs.tflite --dataset photos/ --normalize=0..1 --labels names.txt
    """
    if metric == "mae" and max_drop is not None:
        raise click.UsageError("--max-drop is in points of accuracy, and mae is an error.")
    request = pipeline.VerificationRequest(
        reference=None if target is None else reference,
        target=target or reference,
        dataset=name,
        metric=metric,
        pictures=pictures,
        normalize=normalize,
        resize=resize,
        labels=None if labels is None else data.read_labels(labels),
        custom_objects=custom_objects,
        signature=signature,
        golden=golden,
        app_log=app_log,
        seed=seed,
    )
    with options.warnings_on_stderr(), showing() as progress:
        outcome = pipeline.verify(request, progress=progress)
    if export_json is not None:
        options.write_or_print(export_json, to_json(outcome.to_json()) + "\n")
    if as_json:
        print_json(outcome.to_json())
    elif export_json != options.STDOUT:
        _print(outcome)
    outcome.check(max_drop=max_drop, min_agreement=min_agreement)
    say_next("tflconv", "bench", target or reference)


def _print(outcome: Verification) -> None:
    say(f"{outcome.target} against {outcome.reference}")
    say(f"{outcome.total} test {_samples(outcome)} of {outcome.dataset}{_subset(outcome)}")
    for title, figure in _figures(outcome):
        say(f"{title:<10} {figure}")
    harmed = [
        {"part": f"{each.kind} {each.name}", "of": each.total, **_points(each.drop, each.interval)}
        for each in outcome.harmed
    ]
    _table("surely lost more than the mean, in points with 95 % intervals", harmed[:5])
    worst = [
        {
            "id": e.id,
            "label": e.label,
            "reference": e.reference,
            "target": e.target,
            "margin": round(e.margin, 2),
        }
        for e in outcome.worst[:5]
    ]
    _table("worst disagreements, by the reference's margin", worst)
    if outcome.distance is not None and not outcome.worst:
        far = [
            {"id": e.id, "sqnr": f"{e.sqnr:.1f} dB", "cosine": f"{e.cosine:.4f}"}
            for e in outcome.distance.farthest[:5]
        ]
        _table("farthest samples", far)


def _figures(outcome: Verification) -> Iterator[tuple[str, str]]:
    """Titles and values of the lines at the top."""
    if outcome.metric is not None:
        yield outcome.metric.name, str(outcome.metric).removeprefix(f"{outcome.metric.name} ")
    if outcome.has_classes:
        low, high = outcome.interval
        yield "accuracy", f"{outcome.accuracy:.2%}  [{low:.2%}, {high:.2%}]"
        lost = f"drop {100 * outcome.top1_drop:.2f} points"
        yield "reference", f"{outcome.reference_accuracy:.2%}, {lost}"
    if outcome.agreeing is not None:
        yield "agreement", f"{outcome.agreement:.2%}"
    if (far := outcome.distance) is not None:
        yield "SQNR", f"{far.sqnr:.1f} dB"
        yield "cosine", f"{far.cosine:.4f}, least {far.least_cosine:.4f}"
    if outcome.tolerance is not None:
        yield "largest", f"difference {outcome.largest_difference:.4g} of {outcome.tolerance:.4g}"
    if outcome.parting is not None:
        yield "parting", str(outcome.parting)


def _table(title: str, rows: Sequence[Mapping[str, object]]) -> None:
    if rows:
        say(f"\n{title}")
        options.print_rows(rows, as_json=False)


def _points(drop: float, interval: tuple[float, float]) -> dict[str, str]:
    low, high = interval
    return {"drop": f"{100 * drop:.2f}", "interval": f"{100 * low:.2f} to {100 * high:.2f}"}


def _samples(outcome: Verification) -> str:
    return "pictures" if outcome.has_classes else "samples"


def _subset(outcome: Verification) -> str:
    return " (a subset: not comparable with published figures)" if outcome.subset else ""
