"""Instructions of the registry's networks on a core with int8 matrices, and in half precision.

``python tests/figures/cores_and_precision.py [NETWORK [RECIPE]]`` prints a table: random weights,
pictures of 32 x 32, ``--rewrite auto``, calibrated with noise. ``fp16`` is ``--precision fp16``;
beside it stands how far its outputs are from those of floats on this computer, as a share of their
range.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from networks import of_registry

import tflconv
from tflconv import benchmark, device
from tflconv.benchmark import BenchmarkConfig
from tflconv.benchmark.config import Precision

NETWORKS: dict[str, dict[str, int]] = {
    "mobilenet_v2": {},
    "resnet": {},
    "squeezenet": {},
    "vit": {"patch": 8},
    "vit_int8": {},
}
RECIPES = ("fp32", "dynamic_wi8_afp32", "selective_wi8_ai8", "static_wi8_ai8")
HEAD = "| network | recipe | a76 | a76, fp16 | difference | neoverse-n2 | a76 / neoverse-n2 |"
CONFIG = BenchmarkConfig(profile_runs=0)


def run(file: Path, core: str, precision: Precision = "fp32") -> tflconv.results.BenchmarkRun:
    """Count ``file`` on an emulated core."""
    place = device.find(f"arm64:{core}")
    config = replace(CONFIG, precision=precision)
    return benchmark.bench(file, place, config, identity=benchmark.identify(file))


def count(found: tflconv.results.BenchmarkRun) -> float:
    """Millions of instructions."""
    assert found.instructions is not None, found.warnings
    return found.instructions.total / 1e6


def row(name: str, recipe: str, folder: Path) -> str:
    """One line of the table."""
    samples = np.random.default_rng(0).uniform(-1, 1, (16, 32, 32, 3)).astype(np.float32)
    (file,) = tflconv.convert(
        of_registry(name, **NETWORKS[name])(), [recipe], folder, calibration=(samples,)
    )
    older, newer = (run(file, core) for core in ("cortex-a76", "neoverse-n2"))
    half = run(file, "cortex-a76", "fp16")
    assert half.conditions.outputs_vs_host is not None
    cells = (
        name,
        recipe,
        f"{count(older):.3f} M",
        f"{count(half):.3f} M",
        f"{half.conditions.outputs_vs_host.share_of_range:.2%}",
        f"{count(newer):.3f} M",
        f"{count(older) / count(newer):.2f}",
    )
    return f"| {' | '.join(cells)} |"


@click.command()
@click.argument("network", required=False)
@click.argument("recipe", required=False)
def main(network: str | None, recipe: str | None) -> None:
    """Print the table, line by line."""
    print(HEAD, "|---|---|---:|---:|---:|---:|---:|", sep="\n", flush=True)
    for name in NETWORKS if network is None else (network,):
        for scheme in RECIPES if recipe is None else (recipe,):
            with tempfile.TemporaryDirectory() as folder:
                print(row(name, scheme, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
