"""What a Keras model costs layer by layer, and how much of it looks redundant.

Two signs of redundancy need no data. A channel whose BatchNormalization scale is far below those
beside it hardly passes anything on (Liu et al. 2017). A kernel whose singular values fall fast
computes less than its width: its effective rank, the exponential of their entropy (Roy and Vetterli
2007), over the rank that it could have, tells how much of the width is used.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.compression.cutting import layers_of
from tflconv.core import markup
from tflconv.core.plural import plural
from tflconv.core.shortening import shorten
from tflconv.model.opening import keras_model
from tflconv.network import costs
from tflconv.network.keras.opened import open_once
from tflconv.network.keras.reader import LayerUse, read_with_layers
from tflconv.network.nodes import Network
from tflconv.network.shapes import shapes

_WEAK = 0.1
"""A scale below this share of the median of its layer is weak."""

_BINS = 10


@dataclass(frozen=True, kw_only=True)
class LayerCost:
    """One layer of a model.

    Attributes:
        name: Its name.
        kind: Its class.
        parameters: Its weights, counted as Keras does.
        macs: Multiply-accumulates of one inference.
        share: Share of those of the model, 0 to 1.
        values: Values that it computes, for one sample.
        weak: Share of its BatchNormalization scales below a tenth of their median; None without.
        rank: Effective rank of its kernel over its full rank, 0 to 1; None without a kernel.
    """

    name: str
    kind: str
    parameters: int
    macs: int
    share: float
    values: int
    weak: float | None = None
    rank: float | None = None


@dataclass(frozen=True, kw_only=True)
class Redundancy:
    """A Keras model, layer by layer.

    Attributes:
        name: What it is called.
        layers: Its layers, in the order of execution.
        scales: How many BatchNormalization scales lie in each tenth of the largest of their layer,
            the smallest first.
    """

    name: str
    layers: tuple[LayerCost, ...]
    scales: tuple[int, ...]

    @property
    def parameters(self) -> int:
        """All weights, counted as Keras does."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(layer.macs for layer in self.layers)

    @property
    def flops(self) -> int:
        """Two for each multiply-accumulate and one for each value that is computed otherwise."""
        return 2 * self.macs + sum(layer.values for layer in self.layers if not layer.macs)

    @property
    def values(self) -> int:
        """Values between the layers: their bytes in int8, a quarter of those in float."""
        return sum(layer.values for layer in self.layers)

    def __repr__(self) -> str:
        return (
            f"Redundancy({shorten(self.name)}: {plural(len(self.layers), 'layer')},"
            f" {self.parameters:,} parameters, {self.macs:,} multiply-accumulates)"
        )

    def _repr_html_(self) -> str:
        return markup.table([asdict(layer) for layer in self.layers], repr(self))

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        totals = {name: getattr(self, name) for name in ("parameters", "macs", "flops", "values")}
        return {
            "name": self.name,
            **totals,
            "activation_bytes": {"float32": 4 * self.values, "int8": self.values},
            "batch_norm_scales": list(self.scales),
            "layers": [asdict(layer) for layer in self.layers],
        }


def redundancy(
    model: Path | Any, *, custom_objects: Path | None = None, resolution: int | None = None
) -> Redundancy:
    """Return what ``model`` costs, and how much of it looks redundant.

    Args:
        model: A ``.keras`` or ``.h5`` file, or a live Keras 2 or Keras 3 model.
        custom_objects: A Python file with layers that the model uses. It is run.
        resolution: Side of the pictures in pixels, for a model that takes any.

    Raises:
        TflconvError: The model cannot be opened, or its layers are not visible.
    """
    opened = open_once(model, custom_objects=custom_objects, resolution=resolution)
    source = keras_model(opened.source)
    network, uses = read_with_layers(source, resolution=resolution)
    uses = tuple(use for use in uses if type(use.layer).__name__ != "InputLayer")
    paths = {id(layer): ".".join(path) for path, layer in layers_of(source)}
    return Redundancy(
        name=opened.name, layers=tuple(_layers(network, uses, paths)), scales=_histogram(uses)
    )


def _layers(network: Network, uses: tuple[LayerUse, ...], paths: dict[int, str]) -> list[LayerCost]:
    sides = shapes(network)
    counts = [sum(costs.macs(network[name], sides) for name in use.nodes) for use in uses]
    whole, seen, layers = max(1, sum(counts)), set[int](), []
    for use, macs in zip(uses, counts, strict=True):
        layer = use.layer
        first = id(layer) not in seen
        seen.add(id(layer))
        layers.append(
            LayerCost(
                name=paths.get(id(layer), layer.name),
                kind=str(getattr(layer, "__name__", type(layer).__name__)),
                parameters=_parameters(layer) if first else 0,
                macs=macs,
                share=macs / whole,
                values=sum(costs.values(network[name], sides) for name in use.nodes[-1:]),
                weak=_weak(use),
                rank=_rank(layer),
            )
        )
    return layers


def _parameters(layer: Any) -> int:
    return sum(int(np.prod(weight.shape)) for weight in getattr(layer, "weights", None) or ())


def _gamma(use: LayerUse) -> NDArray[np.float64] | None:
    gamma = getattr(use.layer, "gamma", None)
    if type(use.layer).__name__ != "BatchNormalization" or gamma is None:
        return None
    return np.abs(np.asarray(gamma.numpy(), np.float64))


def _weak(use: LayerUse) -> float | None:
    gamma = _gamma(use)
    return None if gamma is None else float(np.mean(gamma < _WEAK * np.median(gamma)))


def _histogram(uses: tuple[LayerUse, ...]) -> tuple[int, ...]:
    counts = np.zeros(_BINS, np.int64)
    for use in uses:
        gamma = _gamma(use)
        if gamma is not None and gamma.size and gamma.max() > 0:
            counts += np.histogram(gamma / gamma.max(), bins=_BINS, range=(0, 1))[0]
    return tuple(counts.tolist())


def _rank(layer: Any) -> float | None:
    """The effective rank of the kernel of a convolution or dense layer, over its full rank."""
    if type(layer).__name__ not in ("Conv2D", "Dense"):
        return None
    kernel = np.asarray(layer.kernel.numpy(), np.float64)
    kernel = kernel.reshape(-1, kernel.shape[-1])
    values = np.linalg.svd(kernel, compute_uv=False)
    if not values.sum():
        return 0.0
    shares = values[values > 0] / values.sum()
    return float(np.exp(-np.sum(shares * np.log(shares))) / min(kernel.shape))
