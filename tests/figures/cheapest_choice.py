"""What ``auto`` loses on networks: ``python tests/figures/cheapest_choice.py SEED_OR_NAME...``.

Each is a float ``.tflite``: of a seed, convolutions with operators between them that few networks
have; of a name, ``group norm`` or one of ``product_graphs.DECODERS``. All candidates and the file
of ``auto`` are counted on an emulated Cortex-A76; ``auto`` loses what its file takes beyond the
cheapest candidate that is close to the float model.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

import layout_graphs
import product_graphs
import stand_in_graphs

import tflconv
from tflconv import benchmark, device
from tflconv.benchmark import BenchmarkConfig
from tflconv.conversion import Calibration
from tflconv.errors import TflconvError
from tflconv.pipeline import choosing, limits

QUICK = BenchmarkConfig(
    profile_runs=0, num_runs=1, min_secs=0, warmup_min_secs=0, memory=False, rate_secs=0.1
)
CORE = "arm64:cortex-a76"


@dataclass(frozen=True, kw_only=True)
class Counted:
    """The instructions of an inference of each file of a network.

    Attributes:
        auto: Of the file of ``auto``.
        close: Of the candidates that are close to the float model.
        others: Of the candidates that are not.
    """

    auto: float
    close: dict[str, float]
    others: dict[str, float]

    @property
    def loss(self) -> float:
        """What ``auto`` takes beyond the cheapest that is close, as a share of that."""
        return self.auto / min(self.close.values(), default=self.auto) - 1

    def __str__(self) -> str:
        named = sorted(self.close.items(), key=lambda each: each[1])
        told = ", ".join(f"{name} {count / 1e6:.3f} M" for name, count in named)
        return f"{self.loss:+.1%}: auto {self.auto / 1e6:.3f} M; {told}"


def counted(seed: int | str, folder: Path) -> Counted:
    """Make and count all files of the network of ``seed``, or of that name, in ``folder``."""
    if isinstance(seed, str):
        norm = seed == "group norm"
        content, shape = layout_graphs.group_norm() if norm else product_graphs.decoder(seed)
        random = 0
    else:
        content, shape = stand_in_graphs.network(seed)
        random = seed
    model = folder / f"network{random}.tflite"
    model.write_bytes(content)
    noise = np.random.default_rng([random, 1]).normal(size=(24, *shape[1:])).astype(np.float32)
    samples = Calibration.of_values("noise", noise)
    place = device.find(CORE)
    close: dict[str, float] = {}
    others: dict[str, float] = {}
    for rewrite in ("as-is", "optimized"):
        for recipe in choosing.RECIPES:
            try:
                made = tflconv.convert(
                    model, recipe, folder / rewrite,
                    calibration=samples, io=_io(recipe), rewrite=rewrite,
                )  # fmt: skip
            except TflconvError:
                continue
            cosine = made.fidelity[0].cosine
            group = close if cosine is not None and cosine >= limits.CLOSE else others
            group[f"{recipe} {rewrite}"] = _count(made[0], place)
    auto = tflconv.convert(model, "auto", folder / "auto", calibration=samples)
    return Counted(auto=_count(auto[0], place), close=close, others=others)


def _io(recipe: str) -> str | None:
    return None if recipe.startswith("dynamic") else "float32"


def _count(path: Path, place: device.Device) -> float:
    run = benchmark.bench(path, place, QUICK, identity=benchmark.identify(path))
    assert run.instructions is not None, run.warnings
    return run.instructions.total


def main() -> None:
    """Print a line for each seed or name."""
    warnings.simplefilter("ignore")
    for said in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            found = counted(int(said) if said.isdigit() else said, Path(folder))
            print(said, found, flush=True)


if __name__ == "__main__":
    main()
