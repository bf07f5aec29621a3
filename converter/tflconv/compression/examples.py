"""Pictures to learn from, as the model takes them, in an order that a seed can repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.compression.config import QatConfig
from tflconv.network.nodes import Array

Told = Callable[[int, float], None]
"""Is told the number of each finished epoch, from 0, and the mean of its losses."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """``images`` ``[n, ...]`` with ``labels`` ``[n]``; ``normalize`` makes inputs of images."""

    images: NDArray[Any]
    labels: NDArray[np.int64]
    normalize: Callable[[NDArray[Any]], Array] = np.asarray

    def __len__(self) -> int:
        return len(self.labels)

    def sample(self, count: int, seed: int) -> Array:
        """Up to ``count`` inputs from anywhere among the images."""
        drawn = np.random.default_rng(seed).permutation(len(self))[:count]
        return self.normalize(self.images[np.sort(drawn)])

    def steps(self, config: QatConfig) -> int:
        """How many batches all epochs have together."""
        return config.epochs * -(-len(self) // config.batch_size)

    def batches(self, config: QatConfig, epoch: int) -> Iterator[tuple[Array, NDArray[np.int64]]]:
        """Every example once, in the order of this epoch."""
        order = np.random.default_rng((config.seed, epoch)).permutation(len(self))
        for start in range(0, len(self), config.batch_size):
            chosen = order[start : start + config.batch_size]
            yield self.normalize(self.images[chosen]), self.labels[chosen]
