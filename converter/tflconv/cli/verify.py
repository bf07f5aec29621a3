"""``tflconv verify``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click

from tflconv import data, pipeline, verification
from tflconv.cli import options
from tflconv.core.files import write_text
from tflconv.model.pictures import Resize
from tflconv.verification import Verification


def _read_by(
    parse: Callable[[str], float],
) -> Callable[[click.Context, click.Parameter, str | None], float | None]:
    return lambda _, __, value: None if value is None else parse(value)


@click.command(name="verify")
@click.argument("reference", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--dataset",
    "name",
    metavar="DATASET",
    help="Test pictures.  [default: what the model was trained on]",
)
@click.option(
    "--max-drop",
    metavar="POINTS",
    callback=_read_by(verification.parse_drop),
    help="Largest loss of top-1 accuracy that passes, such as 0.5pt (percentage points).",
)
@click.option(
    "--min-agreement",
    metavar="SHARE",
    callback=_read_by(verification.parse_share),
    help="Smallest share of pictures with the same answer that passes, such as 99%.",
)
@options.preprocessing
@options.custom_objects
@options.signature
@click.option(
    "--json", "json_file", metavar="FILE", help="Write everything as JSON; - is standard output."
)
@options.seed
def command(
    reference: Path,
    target: Path,
    name: str | None,
    max_drop: float | None,
    min_agreement: float | None,
    normalize: str | None,
    resize: Resize | None,
    labels: Path | None,
    custom_objects: Path | None,
    signature: str | None,
    json_file: str | None,
    seed: int,
) -> None:
    """Compare TARGET (.tflite) with its REFERENCE (.keras, .h5, SavedModel or .tflite).

    Both see the test split of the dataset. Ends with exit code 4 if a threshold is missed.

    A file that tflconv did not make may not say how to feed it: give --normalize, and --labels
    where the classes of the dataset are some of its outputs, or in another order.

    \b
    Examples:
      tflconv verify vit.keras vit-mnist-static_wi8_ai8.tflite --max-drop 0.5pt
      tflconv verify mine.keras theirs.tflite --dataset photos/ --normalize=0..1 --labels names.txt
    """
    request = pipeline.VerificationRequest(
        reference=reference,
        target=target,
        dataset=name,
        normalize=normalize,
        resize=resize,
        labels=None if labels is None else data.read_labels(labels),
        custom_objects=custom_objects,
        signature=signature,
        seed=seed,
    )
    with options.warnings_on_stderr():
        found = pipeline.verify(request)
    if json_file is not None:
        _write(found, json_file)
    if json_file != "-":
        _print(found)
    found.check(max_drop=max_drop, min_agreement=min_agreement)


def _write(found: Verification, target: str) -> None:
    text = json.dumps(found.to_json(), indent=1, ensure_ascii=False)
    if target == "-":
        click.echo(text)
    else:
        write_text(Path(target), text + "\n")


def _print(found: Verification) -> None:
    low, high = found.interval
    click.echo(f"{found.target} against {found.reference}")
    click.echo(f"{found.total} test pictures of {found.dataset}{_subset(found)}")
    click.echo(f"accuracy   {found.accuracy:.2%}  [{low:.2%}, {high:.2%}]")
    click.echo(f"reference  {found.reference_accuracy:.2%}, drop {100 * found.drop:.2f} points")
    click.echo(f"agreement  {found.agreement:.2%}")
    losses = [
        {"class": name, "pictures": count.total, "drop": f"{100 * count.drop:.2f}"}
        for name, count in sorted(found.per_class.items(), key=lambda entry: -entry[1].drop)
        if count.drop > 0
    ]
    if losses:
        click.echo("\nclasses that lost most, in points")
        options.print_rows(losses[:5], as_json=False)
    if found.worst:
        click.echo("\nworst disagreements, by the reference's margin")
        rows = [vars(entry) | {"margin": round(entry.margin, 2)} for entry in found.worst[:5]]
        options.print_rows(rows, as_json=False)


def _subset(found: Verification) -> str:
    return " (a subset: not comparable with published figures)" if found.subset else ""
