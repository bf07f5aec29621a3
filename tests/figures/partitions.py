"""Predicted XNNPACK partitions against LiteRT's own delegate: the record in docs/delegation.md.

    python tests/figures/partitions.py FOLDER... --random 500 --from-seed 10000

Every ``.tflite`` below the folders, and as many random graphs. A file that LiteRT cannot load has
no partitions; each is loaded in a process that may die over it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "unit")]

from random_graphs import RandomGraph  # noqa: E402

from fakes.delegate import Comparison, compare, measured  # noqa: E402


def row(name: str, found: Comparison) -> str:
    """One line of the table."""
    equal = found.loadable - len(found.differing)
    return f"| {name} | {found.files} | {found.loadable} | {equal} |"


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--random", "graphs", default=500, show_default=True, help="Number of random graphs.")
@click.option("--from-seed", default=0, show_default=True, help="Seed of the first of them.")
def main(folders: tuple[Path, ...], graphs: int, from_seed: int) -> None:
    """Compare predicted and real partitions of files and random graphs."""
    groups = [(folder.name, sorted(folder.rglob("*.tflite"))) for folder in folders]
    with tempfile.TemporaryDirectory() as drawn:
        for seed in range(from_seed, from_seed + graphs):
            (Path(drawn) / f"seed{seed}.tflite").write_bytes(RandomGraph(seed).content())
        groups.append((f"{graphs} random graphs", sorted(Path(drawn).iterdir())))
        found = [(name, compare(measured(paths))) for name, paths in groups]
    print("| from | files | loadable | foretold right |\n| --- | --- | --- | --- |")
    for name, comparison in found:
        print(row(name, comparison))
    for _, comparison in found:
        for line in comparison.differing:
            print(f"- {line}")


if __name__ == "__main__":
    main()
