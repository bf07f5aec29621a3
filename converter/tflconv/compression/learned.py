"""Save and load what a step has learned, as one ``.npz`` file in its entry of the store.

The structure of a network or a model is not stored: it is made again from the same source, and the
stored weights are put into it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tflconv.network.keras.ranges import Range, Ranges
from tflconv.network.nodes import Array, Network

FILE = "learned.npz"
_RANGE, _WEIGHT = "range", "weight"
_BETWEEN = "|"


def save_network(folder: Path, network: Network, ranges: Ranges) -> None:
    """Write the weights of ``network`` and its ``ranges`` into ``folder``."""
    arrays: dict[str, NDArray[np.floating]] = {
        _key(_WEIGHT, node.name, name): value
        for node in network
        for name, value in node.weights.items()
    }
    for name, ends in ranges.items():
        arrays[_key(_RANGE, name)] = np.array([ends.low, ends.high])
    _save(folder, arrays)


def load_network(folder: Path, network: Network) -> tuple[Network, Ranges]:
    """Return ``network`` with the weights in ``folder``, and the ranges.

    Args:
        folder: What ``save_network`` wrote into.
        network: A network with the same nodes as the one that was saved.
    """
    with np.load(folder / FILE) as stored:
        for node in list(network):
            weights = {name: stored[_key(_WEIGHT, node.name, name)] for name in node.weights}
            network = network.updating(node.with_weights(**weights))
        named = {key: stored[key] for key in stored.files if key.startswith(_RANGE + _BETWEEN)}
    ranges = {
        key.partition(_BETWEEN)[2]: Range(low=float(low), high=float(high))
        for key, (low, high) in named.items()
    }
    return network, ranges


def save_weights(folder: Path, weights: Sequence[Array]) -> None:
    """Write the weights of a Keras model, in the order of Keras, into ``folder``."""
    _save(folder, {str(index): value for index, value in enumerate(weights)})


def load_weights(folder: Path) -> list[Array]:
    """Return the weights that ``save_weights`` wrote into ``folder``."""
    with np.load(folder / FILE) as stored:
        return [stored[str(index)] for index in range(len(stored.files))]


def _save(folder: Path, arrays: Mapping[str, NDArray[np.floating]]) -> None:
    np.savez(folder / FILE, allow_pickle=False, **arrays)


def _key(*parts: str) -> str:
    return _BETWEEN.join(parts)
