"""``tflconv compare``."""

from __future__ import annotations

from pathlib import Path

import click

from tflconv.benchmark.config import ComparisonConfig
from tflconv.cli import commands, completing, options
from tflconv.cli.console import say, say_next, showing
from tflconv.comparison import CONFIDENCE, Comparison, Inconclusive, Limit, Settings
from tflconv.core.amounts import parse_share
from tflconv.model.pictures import Resize

FILE = options.OutputFile()

SETTINGS = {
    "blocks": "Process starts per file; at least 20 are needed for a verdict.",
    "num_runs": "Runs per block at least.",
    "min_secs": "Seconds of runs per block at least; 20000 runs end them sooner.",
    "warmup_min_secs": "Seconds of warmup runs per block at least.",
    "run_delay": "Seconds of rest after each run.",
    "num_threads": "Threads that LiteRT may use.",
    "cpu_mask": "CPU cores: big, all or hex such as 0xf0; empty leaves it to the system.",
    "input_file": "Raw bytes of all inputs, instead of numbers drawn from the seed.",
    "seed": "Seed of the order of blocks and of the numbers that go into the models.",
    "timeout": "Seconds beyond its expected time after which a process is ended.",
}


def _limits(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> tuple[Limit, ...]:
    return tuple(Limit.parse(text) for words in texts for text in words.split())


@commands.command(name="compare")
@click.argument("baseline", shell_complete=completing.files)
@click.argument("contender", shell_complete=completing.files)
@click.option(
    "--fail-on",
    multiple=True,
    metavar="FIGURE:LIMIT",
    callback=_limits,
    help="End with exit code 5 if the contender is surely worse by more: latency:5%, cpu:5%,"
    " memory:10%, instructions:1%, bytes:1%, accuracy:0.5pt. May be repeated.",
)
@click.option(
    "--inconclusive",
    type=click.Choice(["pass", "fail", "extend"]),
    default="pass",
    show_default=True,
    help="What happens if a limit cannot be decided; extend measures more blocks of .tflite files.",
)
@click.option(
    "--max-blocks",
    default=200,
    metavar="BLOCKS",
    show_default=True,
    help="Blocks per file at most, with --inconclusive extend.",
)
@click.option(
    "--confidence",
    default=CONFIDENCE,
    metavar="SHARE",
    show_default=True,
    help="Confidence of verdicts, and of all limits together.",
)
@click.option(
    "--threshold",
    metavar="SHARE",
    callback=options.read_by(parse_share),
    help="Smallest change of times and memory that matters.  [default: 2%]",
)
@click.option("--force", is_flag=True, help="Compare what was not measured alike, or together.")
@click.option(
    "--across-runtimes", is_flag=True, help="Compare although LiteRT or the harness differ."
)
@options.devices("host")
@click.option(
    "--dataset",
    metavar="DATASET",
    shell_complete=completing.datasets,
    help="Compare accuracy on its test split, on the device.",
)
@options.preprocessing
@options.pictures
@options.phone
@options.history
@options.settings(ComparisonConfig, SETTINGS)
@options.json_output
@click.option("--export-markdown", type=FILE, help="Write tables as Markdown; - is stdout.")
@click.option("--export-junit", type=FILE, help="Write limits as JUnit XML; - is stdout.")
def command(
    baseline: str,
    contender: str,
    fail_on: tuple[Limit, ...],
    inconclusive: Inconclusive,
    max_blocks: int,
    confidence: float,
    threshold: float | None,
    force: bool,
    across_runtimes: bool,
    devices: tuple[str, ...],
    dataset: str | None,
    normalize: str | None,
    resize: Resize | None,
    labels: Path | None,
    pictures: int | None,
    adb: str | None,
    adb_servers: tuple[str, ...],
    runtime: Path | None,
    history: Path | None,
    config: ComparisonConfig,
    as_json: bool,
    export_markdown: Path | None,
    export_junit: Path | None,
) -> None:
    """Say whether CONTENDER differs from BASELINE, and whether that breaks a limit.

    Both are .tflite files, which are measured now in turns, or results files of `tflconv bench` and
    `study` (FILE#NAME for one of several models), or runs of a history by their hash. Figures are
    faster, slower and the like only where the interval says so; else they have no practical
    difference, or it cannot be told.

    \b
    Examples:
      tflconv compare old.tflite new.tflite
      tflconv compare old.tflite new.tflite --fail-on latency:5% --fail-on bytes:1%
      tflconv compare main.json branch.json --fail-on instructions:1% --export-junit gate.xml
    """
    from tflconv import data, pipeline

    request = pipeline.ComparisonRequest(
        baseline=baseline,
        contender=contender,
        settings=Settings(
            limits=fail_on,
            inconclusive=inconclusive,
            confidence=confidence,
            threshold=threshold,
            force=force,
            across_runtimes=across_runtimes,
        ),
        config=config,
        max_blocks=max_blocks,
        devices=devices or ("host",),
        dataset=dataset,
        pictures=pictures,
        normalize=normalize,
        resize=resize,
        labels=None if labels is None else data.read_labels(labels),
        adb=adb,
        adb_servers=adb_servers,
        runtime=runtime,
        history=history,
    )
    with options.warnings_on_stderr(), showing() as progress:
        comparison = pipeline.compare(request, progress=progress)
    _write(comparison, as_json, export_markdown, export_junit)
    comparison.check()
    if not fail_on:
        say_next("tflconv", "compare", baseline, contender, "--fail-on", "latency:5%", why="a gate")


def _write(
    comparison: Comparison, as_json: bool, markdown: Path | None, junit: Path | None
) -> None:
    """Write what was asked for; tables go to stdout unless something else does."""
    from tflconv.cli.console import print_json
    from tflconv.comparison import export

    if markdown is not None:
        options.write_or_print(markdown, export.to_markdown(comparison))
    if junit is not None:
        options.write_or_print(junit, export.to_junit(comparison))
    if as_json:
        print_json(export.to_json(comparison))
    elif options.STDOUT not in (markdown, junit):
        _print(comparison)


def _print(comparison: Comparison) -> None:
    from tflconv.comparison.words import of_decision, rows

    for pair in comparison.pairs:
        say(pair.subject)
        for note in pair.notes:
            say(f"not measured alike: {note}")
        options.print_rows(rows(pair.effects), as_json=False)
        say("")
    for decision in comparison.decisions:
        say(of_decision(decision))
