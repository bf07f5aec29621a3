"""What pruning and clustering have left in a kernel, and training must keep: zeros, equal weights.

A pruned kernel is full of exact zeros. In a clustered one many weights are exactly equal. Neither
happens by chance in float32, so a kernel says itself what is to be kept, whoever compressed it:

    kernel = values[groups] * mask

``groups`` numbers the weights that are equal, and only one value per group is trained (its gradient
is the sum of theirs). ``mask`` is 0 where the kernel was (sparsity- and cluster-preserving QAT of
tensorflow-model-optimization, "PCQAT").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.network.nodes import Array

SPARSE = 0.05
"""Least share of zeros in a kernel that was pruned."""
_TIED = 0.9
"""Groups per weight that is not zero, up to which weights count as clustered."""
_FEWEST = 2
"""Different values below which a kernel is constant, as an initializer left it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class KernelStructure:
    """Zeros and equal weights of one kernel.

    Attributes:
        shape: Shape of the kernel.
        mask: 0 where the kernel stays 0, else 1, in its shape; None if it has no such zeros.
        groups: The number of its group for each weight, flat; None if no weights are tied.
        first: A place of each group in the flat kernel.
    """

    shape: tuple[int, ...]
    mask: Array | None = None
    groups: NDArray[np.int32] | None = None
    first: NDArray[np.intp] | None = None

    @classmethod
    def of(cls, kernel: Array, channels: NDArray[np.int64] | None = None) -> KernelStructure | None:
        """Return what is to be kept of ``kernel``; None for an ordinary one.

        Args:
            kernel: The kernel.
            channels: The number of its output channel for each weight, in the shape of the kernel:
                only weights of one channel are tied. By default all weights may be.
        """
        zero = kernel == 0
        mask = np.where(zero, 0, 1).astype(np.float32) if SPARSE <= zero.mean() < 1 else None
        tied = _ties(kernel, channels)
        if mask is None and tied is None:
            return None
        groups, first = tied or (None, None)
        return cls(shape=kernel.shape, mask=mask, groups=groups, first=first)

    def values(self, kernel: Array) -> Array:
        """Return what is trained of ``kernel``: one weight per group."""
        if self.first is None:
            return kernel
        values: Array = kernel.ravel()[self.first]
        return values

    def kernel(self, values: Any, take: Callable[[Any, Any], Any] = np.take) -> Any:
        """Return the kernel that ``values`` stand for.

        Args:
            values: What ``values`` returned, as an array or, with ``take=tf.gather``, a tensor.
            take: Takes the elements of the first by the indices of the second.
        """
        kernel = values if self.groups is None else take(values, self.groups.reshape(self.shape))
        return kernel if self.mask is None else kernel * self.mask

    def projected(self, kernel: Array) -> Array:
        """Return ``kernel`` with its zeros put back and each group at the mean of its weights."""
        if self.groups is not None:
            counts = np.bincount(self.groups)
            means = np.bincount(self.groups, weights=kernel.ravel()) / counts
            kernel = means.astype(np.float32)[self.groups].reshape(self.shape)
        result: Array = kernel if self.mask is None else kernel * self.mask
        return result


def _ties(
    kernel: Array, channels: NDArray[np.int64] | None
) -> tuple[NDArray[np.int32], NDArray[np.intp]] | None:
    weights = kernel.ravel()
    owner = np.zeros(len(weights), np.int64) if channels is None else channels.ravel()
    order = np.lexsort((weights, owner))
    ahead, behind = order[:-1], order[1:]
    starts = (weights[ahead] != weights[behind]) | (owner[ahead] != owner[behind])
    numbers = np.concatenate([[0], np.cumsum(starts)]).astype(np.int32)
    groups = np.empty(len(weights), np.int32)
    groups[order] = numbers
    first = order[np.concatenate([[True], starts])]
    nonzero = weights[first][weights[first] != 0]
    if len(nonzero) > _TIED * np.count_nonzero(weights) or len(np.unique(nonzero)) < _FEWEST:
        return None
    return groups, first


def distinct(values: NDArray[np.generic], axis: int) -> int:
    """Return the largest number of different values of a channel.

    Args:
        values: A kernel, in float or as integers.
        axis: The axis of its channels.

    Example:
        >>> distinct(np.array([[1, 1, 2], [3, 3, 3]]), axis=0)
        2
    """
    rows = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
    return max(len(np.unique(row)) for row in rows)
