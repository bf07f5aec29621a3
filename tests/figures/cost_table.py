"""The cost table of ``tflconv.inspection.cost``: ``python tests/figures/cost_table.py --help``.

``count`` makes the networks of ``networks.py`` in every recipe that ``auto`` chooses from, of the
graph as it came and of the rewritten one, and counts the arm64 instructions of each file and of
typical operators alone. ``fit`` prices the units of ``tflconv.inspection.work`` by these counts;
``fit --new`` keeps the prices that there are, and adds those of operators that the table lacks, by
what each costs alone, so that a few networks do. ``check`` holds the choices against them: those by
the table that is shipped, and those by a table that was fitted without the network that is chosen
for. ``transposed`` holds the estimates of random transposed convolutions against their counts.
"""

from __future__ import annotations

import json
import re
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from operators import layouts, operators_alone, rare_operators, rare_products

from tflconv import benchmark, conversion, device, recipe
from tflconv.benchmark import BenchmarkConfig
from tflconv.conversion import Calibration
from tflconv.errors import TflconvError
from tflconv.inspection import cost, delegation, work
from tflconv.network.nodes import CannotRewrite
from tflconv.pipeline import choosing, limits
from tflconv.tflite import reading

QUICK = BenchmarkConfig(
    profile_runs=0, num_runs=1, min_secs=0, warmup_min_secs=0, memory=False, rate_secs=0.1
)
RECIPES = ("fp32", *choosing.RECIPES)
GRAPHS = ("as-is", "optimized")
FILES = 2.0
"""How much more a file counts than an operator alone."""

Units = Mapping[str, float]


def instructions(path: Path, place: device.Device) -> float:
    """Instructions of an inference."""
    run = benchmark.bench(path, place, QUICK, identity=benchmark.identify(path))
    assert run.instructions is not None, run.warnings
    return run.instructions.total


def make(name: str, folder: Path) -> None:
    """Write the files of a network."""
    from networks import NETWORKS

    from tflconv.network.keras.opened import open_once

    model = NETWORKS[name]()
    came = conversion.prepare(open_once(model))
    graphs = {"as-is": came}
    try:
        graphs["optimized"] = conversion.alternative(came)
    except CannotRewrite as error:
        click.echo(f"{name} stays as it came: {error.message}")
    noise = np.random.default_rng(2).uniform(-1, 1, (20, *model.input_shape[1:]))
    samples = Calibration.of_values("noise", noise.astype(np.float32))
    for each in RECIPES:
        made = recipe.get(each)
        for graph, lowered in graphs.items():
            target = folder / slug(name) / f"{each} {graph}.tflite"
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                wanted = made.with_io("float32") if made.compute == "static" else made
                target.write_bytes(lowered.make(wanted, samples))
            except TflconvError as error:
                click.echo(f"{name}, {each}, {graph}: {error.message}")


def slug(name: str) -> str:
    """A folder's name."""
    return re.sub(r"\W+", "_", name)


def cosine(path: Path) -> float:
    """The least cosine with the float file as it came, over 16 samples of noise."""
    first, second = (answers(each) for each in (path.with_name("fp32 as-is.tflite"), path))
    norms = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    return float(((first * second).sum(-1) / norms).min())


def answers(path: Path) -> NDArray[np.float32]:
    """What the file says to 16 samples of noise."""
    runtime = Interpreter(model_path=str(path), num_threads=1)
    runtime.allocate_tensors()
    (source,), targets = runtime.get_input_details(), runtime.get_output_details()
    random, found = np.random.default_rng(3), []
    for _ in range(16):
        runtime.set_tensor(source["index"], random.uniform(-1, 1, source["shape"]).astype("f4"))
        runtime.invoke()
        found.append([runtime.get_tensor(target["index"])[0] for target in targets])
    return np.array([np.concatenate(outputs) for outputs in found])


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What was counted in a folder.

    Attributes:
        folder: The folder.
        files: Instructions by ``NETWORK/RECIPE GRAPH``.
        operators: Instructions of operators alone by the name of their file.
    """

    folder: Path
    files: dict[str, float]
    operators: dict[str, float]

    @cached_property
    def units(self) -> dict[str, Units]:
        """The units of every file and operator."""
        paths = {key: self.folder / "files" / f"{key}.tflite" for key in self.files}
        paths |= {key: self.folder / "operators" / f"{key}.tflite" for key in self.operators}
        return {key: units(path) for key, path in paths.items()}

    @cached_property
    def networks(self) -> list[str]:
        """Their folders."""
        return sorted({key.partition("/")[0] for key in self.files})

    def fit(self, without: str = "") -> dict[str, float]:
        """Return the price of each unit, by all but one network."""
        from scipy.optimize import nnls

        files = [key for key in self.files if key.partition("/")[0] != without]
        names = sorted({name for found in self.units.values() for name in found})
        counts = self.files | self.operators
        keys = (*files, *self.operators)
        rows = [[self.units[key].get(name, 0) / counts[key] for name in names] for key in keys]
        matrix = np.array(rows)
        matrix[: len(files)] *= FILES
        scale = np.linalg.norm(matrix, axis=0)
        scale[scale == 0] = 1
        ones = np.concatenate([np.full(len(files), FILES), np.ones(len(self.operators))])
        prices, _ = nnls(matrix / scale, ones, maxiter=20_000)
        return dict(zip(names, (prices / scale).tolist(), strict=True))

    def fit_new(self, known: Units) -> dict[str, float]:
        """Return ``known`` and the price of every other unit, by operators that are alone."""
        from scipy.optimize import nnls

        unknown = {key: sorted(set(self.units[key]) - set(known)) for key in self.operators}
        names = sorted({name for found in unknown.values() for name in found})
        keys = [key for key in self.operators if unknown[key]]
        left = [
            self.operators[key] - sum(known.get(n, 0) * c for n, c in self.units[key].items())
            for key in keys
        ]
        scale = np.array([self.operators[key] for key in keys])
        rows = [[self.units[key].get(name, 0) for name in names] for key in keys]
        prices, _ = nnls(np.array(rows) / scale[:, None], np.maximum(left, 0) / scale)
        return dict(sorted((dict(known) | dict(zip(names, prices.tolist(), strict=True))).items()))

    def estimates(self, prices: Units, network: str) -> dict[str, float]:
        """Return what the files of a network cost by ``prices``."""
        return {
            key: sum(prices.get(name, 0) * count for name, count in self.units[key].items())
            for key in self.files
            if key.startswith(f"{network}/")
        }


def units(path: Path) -> Units:
    """The units of a file."""
    model = reading.read(path)
    found = delegation.predict(model)
    total: dict[str, float] = defaultdict(float, file=1)
    total["partition"] = max(len(found.partitions) - 1, 0)
    for name, count in work.units(model.main, found.delegated):
        total[name] += count
    return total


def read(folder: Path) -> Counted:
    """Read what ``count`` wrote."""
    return Counted(folder=folder, **json.loads((folder / "counts.json").read_text()))


def choices(counted: Counted, estimates: Units) -> Iterator[tuple[str, str, str]]:
    """Yield what there was to choose, the choice, and the best one, by their keys."""
    by_recipe: dict[str, list[str]] = defaultdict(list)
    for key in estimates:
        name = key.partition(" ")[0]
        by_recipe[name].append(key)
        if not name.endswith("/fp32"):
            by_recipe[f"{name.partition('/')[0]}/auto"].append(key)
    for title, keys in by_recipe.items():
        if len(keys) > 1:
            yield (
                title,
                min(keys, key=lambda k: price(k, estimates)),
                min(keys, key=counted.files.__getitem__),
            )


def price(key: str, estimates: Units) -> float:
    """The estimate, a little dearer for a graph that did not come so."""
    return estimates[key] * (1 + choosing.SAVES * key.endswith("optimized"))


def summary(counted: Counted, estimates: Mapping[str, Units], title: str) -> None:
    """Print how often the choice was right, and how far the estimates are off."""
    rows = [row for network in counted.networks for row in choices(counted, estimates[network])]
    losses = [counted.files[chosen] / counted.files[best] - 1 for _, chosen, best in rows]
    right = sum(loss <= 0.01 for loss in losses)
    ratios = [
        estimate / counted.files[key]
        for found in estimates.values()
        for key, estimate in found.items()
    ]
    off = np.sqrt(np.mean((np.array(ratios) - 1) ** 2))
    click.echo(
        f"{title}: the cheapest within 1 % in {right} of {len(rows)} choices, the largest loss is"
        f" {max(losses):.1%}; estimates are off by {off:.1%} (root mean square)"
    )


@click.group()
def main() -> None:
    """Make and check the table by which files are chosen."""
    warnings.simplefilter("ignore")


@main.command()
@click.option("--device", "core", default="arm64:cortex-a76", show_default=True)
@click.option(
    "--alone", "alone", is_flag=True, help="No networks, only single operators that they lack."
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1)
def count(core: str, alone: bool, folder: Path, names: Sequence[str]) -> None:
    """Make the files of all networks, or of NAMES, in FOLDER and count them."""
    from networks import NETWORKS

    place = device.find(core)
    folder.mkdir(exist_ok=True)
    for name in () if alone else names or NETWORKS:
        make(name, folder / "files")
    files = [*sorted((folder / "files").rglob("*.tflite")), *rare_products(folder / "rare")]
    files += [] if alone else rare_operators(folder / "rare")
    operators_alone(files, folder / "operators")
    layouts(folder / "operators")
    counted: dict[str, dict[str, float]] = {"files": {}, "operators": {}}
    for kind, found in counted.items():
        for path in sorted((folder / kind).rglob("*.tflite")):
            key = str(path.relative_to(folder / kind).with_suffix(""))
            found[key] = instructions(path, place)
    (folder / "counts.json").write_text(json.dumps(counted, indent=1))


@main.command()
@click.option("--new", "only_new", is_flag=True, help="Keep the prices that there are.")
@click.option("--again", multiple=True, help="But not those of names that begin like this.")
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
def fit(folder: Path, only_new: bool, again: tuple[str, ...]) -> None:
    """Write the table that ships by what was counted in FOLDER."""
    core, version = cost.TABLE.split()
    target, counted = Path(cost.__file__).with_name(f"{core}.json"), read(folder)
    prices = json.loads(target.read_text())["instructions"]
    known = {name: price for name, price in prices.items() if not name.startswith(again)}
    found = counted.fit_new(known) if only_new else counted.fit()
    prices = {name: float(f"{price:.4g}") for name, price in found.items()}
    table = {"core": core, "version": int(version), "instructions": prices}
    target.write_text(json.dumps(table, indent=2) + "\n")


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
def check(folder: Path) -> None:
    """Print a table of what is chosen, and hold the choices against the counts in FOLDER."""
    counted = read(folder)
    shipped = {network: _by_table(counted, network) for network in counted.networks}
    click.echo(
        "| network | float as it came | best recipe as it came | `auto` | made as | cosine |"
    )
    click.echo("|---|---|---|---|---|---|")
    for network in counted.networks:
        quantized = [key for key in shipped[network] if "/fp32" not in key]
        came = [key for key in quantized if key.endswith("as-is")]
        least = min(came, key=counted.files.__getitem__)
        near = {key: cosine(folder / "files" / f"{key}.tflite") for key in quantized}
        close = [key for key in quantized if near[key] >= limits.CLOSE]
        close = close or [max(near, key=near.__getitem__)]
        chosen = min(close, key=lambda key, found=shipped[network]: price(key, found))
        cells = [network.replace("_", " ")]
        cells += [f"{counted.files[f'{network}/fp32 as-is'] / 1e6:.2f} M"]
        cells += [f"{counted.files[key] / 1e6:.2f} M" for key in (least, chosen)]
        cells += [chosen.partition("/")[2], f"{near[chosen]:.4f}"]
        click.echo(f"| {' | '.join(cells)} |")
    summary(counted, shipped, f"by {cost.TABLE}")
    if not counted.operators:
        return
    left_out = {n: counted.estimates(counted.fit(n), n) for n in counted.networks}
    summary(counted, left_out, "fitted without the network")


@main.command()
@click.option("--device", "core", default="arm64:cortex-a76", show_default=True)
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.argument("seeds", nargs=-1, type=int)
def transposed(core: str, folder: Path, seeds: Sequence[int]) -> None:
    """Hold the estimates of random transposed convolutions against what is counted."""
    from product_graphs import Transposed

    place, path = device.find(core), folder / "transposed.tflite"
    click.echo("| transposed convolution | float | estimated | int8 | estimated |")
    click.echo("|---|---|---|---|---|")
    ratios = []
    for each in map(Transposed.drawn, seeds):
        cells = [str(each)]
        for kind in ("float", "int8"):
            path.write_bytes(each.content(kind))
            counts, estimated = instructions(path, place), delegation.estimate(path.read_bytes())
            ratios.append(estimated / counts)
            cells += [f"{counts:,.0f}", f"{ratios[-1] - 1:+.1%}"]
        click.echo(f"| {' | '.join(cells)} |")
    click.echo(f"From {min(ratios) - 1:+.1%} to {max(ratios) - 1:+.1%}.")


def _by_table(counted: Counted, network: str) -> Units:
    paths = {k: counted.folder / "files" / f"{k}.tflite" for k in counted.files}
    return {
        key: delegation.estimate(path.read_bytes())
        for key, path in paths.items()
        if key.startswith(f"{network}/")
    }


if __name__ == "__main__":
    main()
