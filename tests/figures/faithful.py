"""How faithful int8 transformers are: ``python tests/figures/faithful.py --help``.

Networks of random weights in DeiT's shape with 50, 197 and 577 tokens. Kernels have the standard
deviation 0.1, the class token and the positions 0.5, and the patches stay between -1 and 1: the
token lies far outside of them. Every weight is drawn by itself. Shown is the cosine of the logits
with those in float.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tflconv import models, recipe
from tflconv.conversion import Calibration, prepare
from tflconv.network.keras.opened import open_once

SHAPES: dict[int, dict[str, int]] = {
    50: {"side": 112, "dim": 192, "depth": 2},
    197: {"side": 224, "dim": 192, "depth": 12},
    577: {"side": 384, "dim": 192, "depth": 2},
}
"""Side of the picture, channels and blocks by the number of tokens; patches have 16 px."""

SMALL = {50: {"depth": 1}, 197: {"dim": 48, "depth": 1}, 577: {"dim": 24, "depth": 1}}
"""What is smaller where time is short."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """The cosine of logits with those in float, and the file."""

    mean: float
    least: float
    agreement: float
    content: bytes


def build(tokens: int, seed: int, *, small: bool = False) -> Any:
    """A network of DeiT's shape whose weights are drawn by ``seed``."""
    shape = SHAPES[tokens] | (SMALL[tokens] if small else {})
    side = shape.pop("side")
    model = models.build("vit", (side, side, 3), 100, patch=16, heads=3, mlp_ratio=4.0, **shape)
    random = np.random.default_rng(seed)
    for layer in model.layers:
        drawn = [_drawn(random, weight.name, tuple(weight.shape)) for weight in layer.weights]
        layer.set_weights(drawn)
    return model


def _drawn(random: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if "gamma" in name:
        return np.ones(shape)
    if "beta" in name or "bias" in name:
        return np.zeros(shape)
    if "token" in name or "positions" in name:
        return random.normal(0, 0.5, shape)
    return random.normal(0, 0.008 if name.startswith("patches") else 0.1, shape)


def measured(
    tokens: int, *, seed: int, pictures: int, samples: int, small: bool = False,
    chosen: str = "selective_wi8_ai8",
) -> Figure:  # fmt: skip
    """The figure of one draw, on pictures that it was not calibrated with."""
    prepared = prepare(open_once(build(tokens, seed, small=small)), "optimized")
    random = np.random.default_rng(1000 + seed)
    side = SHAPES[tokens]["side"]
    values = random.uniform(-1, 1, (samples + pictures, side, side, 3)).astype(np.float32)
    calibration = Calibration.of_values("noise", values[:samples])
    content = prepared.make(recipe.get(chosen), calibration)
    expected, received = (_logits(each, values[samples:]) for each in (prepared.content, content))
    cosines = (expected * received).sum(-1) / (
        np.linalg.norm(expected, axis=-1) * np.linalg.norm(received, axis=-1)
    )
    return Figure(
        mean=float(cosines.mean()),
        least=float(cosines.min()),
        agreement=float((expected.argmax(-1) == received.argmax(-1)).mean()),
        content=content,
    )


def _logits(content: bytes, values: np.ndarray) -> np.ndarray:
    runtime = Interpreter(model_content=content, num_threads=1)
    runtime.allocate_tensors()
    (source,), (target,) = runtime.get_input_details(), runtime.get_output_details()
    results = []
    for value in values:
        runtime.set_tensor(source["index"], value[np.newaxis])
        runtime.invoke()
        results.append(runtime.get_tensor(target["index"])[0])
    return np.array(results)


@click.command()
@click.option("--draws", default=5, show_default=True)
@click.option("--pictures", default=64, show_default=True)
@click.option("--samples", default=100, show_default=True, help="Pictures to calibrate with.")
@click.option("--recipe", "chosen", default="selective_wi8_ai8", show_default=True)
@click.option("-o", "folder", type=click.Path(path_type=Path), help="Keep the files there.")
@click.argument("tokens", nargs=-1, type=int)
def main(
    draws: int, pictures: int, samples: int, chosen: str, folder: Path | None,
    tokens: tuple[int, ...],
) -> None:  # fmt: skip
    """Measure the shapes with so many TOKENS, or all."""
    click.echo(
        "| tokens | draw | mean cosine | least cosine | top-1 agrees |\n|---|---|---|---|---|"
    )
    for count in tokens or SHAPES:
        for seed in range(draws):
            figure = measured(count, seed=seed, pictures=pictures, samples=samples, chosen=chosen)
            shown = f"{figure.mean:.4f} | {figure.least:.4f} | {figure.agreement:.2f}"
            click.echo(f"| {count} | {seed} | {shown} |")
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"deit{count}-{seed}.tflite").write_bytes(figure.content)


if __name__ == "__main__":
    main()
