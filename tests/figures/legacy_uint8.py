"""What legacy uint8 files become as int8: bytes, instructions, agreement on views of photographs.

``python tests/figures/legacy_uint8.py PHOTOS FILE...`` prints the table of recipes-measured.md. A
file does not even agree with itself always, since XNNPACK's kernels and LiteRT's own round
differently; that agreement stands beside the one of the new file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray
from PIL import Image

import tflconv
from tflconv import benchmark, device
from tflconv.benchmark import BenchmarkConfig

CORES = ("cortex-a76", "cortex-a55", "cortex-a53")
RECIPE = "static_wi8_ai8"
OWN_KERNELS = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


def views(photos: Path, size: tuple[int, int], count: int) -> Iterator[NDArray[np.uint8]]:
    """``count`` square parts of the photographs in a folder, mirrored at random."""
    random, files = np.random.default_rng(0), sorted(photos.glob("*.[jp][pn]g"))
    for place in range(count):
        with Image.open(files[place % len(files)]) as photo:
            side = int(min(photo.size) * random.uniform(0.4, 1))
            left, top = (int(random.integers(0, length - side + 1)) for length in photo.size)
            part = photo.convert("RGB").crop((left, top, left + side, top + side)).resize(size)
            pixels = np.asarray(part)
            yield pixels[:, ::-1] if random.random() < 0.5 else pixels


def answers(
    file: Path, pictures: list[NDArray[np.uint8]], kernels: OpResolverType = OpResolverType.AUTO
) -> NDArray[np.intp]:
    """The class that a file gives to each picture."""
    runtime = Interpreter(model_path=str(file), experimental_op_resolver_type=kernels)
    runtime.allocate_tensors()
    (source,), (sink,) = runtime.get_input_details(), runtime.get_output_details()
    classes = []
    for picture in pictures:
        runtime.set_tensor(source["index"], picture[np.newaxis])
        runtime.invoke()
        classes.append(int(runtime.get_tensor(sink["index"]).argmax()))
    return np.array(classes)


def millions(file: Path, core: str) -> str:
    """Millions of instructions per inference on an emulated core."""
    place, identity = device.find(f"arm64:{core}"), benchmark.identify(file)
    run = benchmark.bench(file, place, BenchmarkConfig(profile_runs=0), identity=identity)
    assert run.instructions is not None, run.warnings
    return f"{run.instructions.total / 1e6:.1f} M"


@click.command()
@click.argument("photos", type=click.Path(exists=True, path_type=Path))
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--views", "count", default=104, show_default=True)
def main(photos: Path, files: tuple[Path, ...], count: int) -> None:
    """Print one row for each of FILES before, and one after."""
    print("| file | bytes | instructions on a76, a55, a53 | same class as the uint8 file |")
    print("|---|---|---|---|")
    for old in files:
        with tempfile.TemporaryDirectory() as folder:
            (new,) = tflconv.convert(old, [RECIPE], Path(folder), io="uint8")
            height, width = Interpreter(model_path=str(old)).get_input_details()[0]["shape"][1:3]
            pictures = list(views(photos, (int(width), int(height)), count))
            before = answers(old, pictures)
            own = same(before, answers(old, pictures, OWN_KERNELS)) + " (LiteRT's own kernels)"
            for file, agrees in ((old, own), (new, same(before, answers(new, pictures)))):
                counts = ", ".join(millions(file, core) for core in CORES)
                print(f"| `{file.stem}` | {file.stat().st_size:,} | {counts} | {agrees} |")


def same(one: NDArray[np.intp], other: NDArray[np.intp]) -> str:
    """How often two files give the same class."""
    return f"{(one == other).mean():.1%}"


if __name__ == "__main__":
    main()
