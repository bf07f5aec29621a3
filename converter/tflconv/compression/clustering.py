"""The step ``cluster16``: the weights of each kernel take 16 values, so that gzip packs them well.

Weights are clustered by k-means in one dimension (Han et al. 2016, "Deep Compression",
https://arxiv.org/abs/1510.00149), from centers that are spread evenly over the range (``linear``,
best in that paper) or over the weights (``density``). Then the model is trained on, and the weights
of a cluster move together. Zeros of a pruned kernel are a cluster of their own and stay zero.

A file with one scale per channel has as many integers per channel as there are clusters at most,
and more in all. So each channel may as well have values of its own (``scope="channel"``), which are
far nearer to its weights. Inference is not faster.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tflconv.compression.examples import Examples
from tflconv.compression.fine_tuning import fine_tune
from tflconv.compression.kernels import copied, kernels
from tflconv.compression.structure import SPARSE
from tflconv.compression.technique import Subject
from tflconv.compression.weight_config import ClusterConfig, ClusterStart
from tflconv.core.progress import Callback
from tflconv.core.typing import KerasModel
from tflconv.network.nodes import Array

_MOST = 100
"""Rounds of k-means, which ends when nothing moves."""


def compress(
    subject: Subject[ClusterConfig],
    examples: Examples | None,
    unfinished: Path,
    progress: Callback,
) -> KerasModel:
    """Cluster the weights of a copy of the model of ``subject``, and train the centers."""
    model, config = copied(subject.model), subject.config
    for kernel in kernels(model):
        channels = kernel.channels if config.scope == "channel" else 1
        kernel.set(clustered(kernel.weights, subject.amount, config.start, channels=channels))
    if examples is not None and config.epochs:
        name = str(subject.step)
        fine_tune(model, examples, config, name=name, unfinished=unfinished, progress=progress)
    return model


def clustered(
    weights: Array, count: int, start: ClusterStart = "density", *, channels: int = 1
) -> Array:
    """Return ``weights`` with at most ``count`` different values, those nearest to them.

    Args:
        weights: A kernel. Where it was pruned, its zeros stay and count as one value.
        count: Number of values, at least 2.
        start: Where the centers are at first.
        channels: Number of output channels, the last of the kernel, that have values of their own.

    Example:
        >>> clustered(np.array([1, 1.1, 3, 3.1, 9], np.float32), 2, "linear").tolist()
        [2.049999952316284, 2.049999952316284, 2.049999952316284, 2.049999952316284, 9.0]
        >>> clustered(np.array([[1, 5], [1, 6], [2, 7]], np.float32), 2, channels=2).tolist()
        [[1.0, 5.0], [1.0, 6.5], [2.0, 6.5]]
    """
    columns = weights.reshape(-1, channels)
    pruned = (columns == 0).mean() >= SPARSE
    result = np.zeros_like(columns)
    for channel, column in enumerate(columns.T):
        free = column != 0 if pruned else np.ones(len(column), np.bool_)
        if free.any():
            centers = k_means(column[free], count - pruned, start)
            result[free, channel] = centers[nearest(column[free], centers)]
    return result.reshape(weights.shape)


def k_means(values: Array, count: int, start: ClusterStart) -> Array:
    """Return the centers of up to ``count`` clusters of ``values``, sorted.

    Args:
        values: float32 ``[n]``.
        count: Number of clusters.
        start: Where the centers are at first.
    """
    ordered = np.sort(values.astype(np.float64))
    if start == "linear":
        centers = np.linspace(ordered[0], ordered[-1], count)
    else:
        centers = np.quantile(ordered, (np.arange(count) + 0.5) / count)
    sums = np.concatenate([[0], np.cumsum(ordered)])
    for _ in range(_MOST):
        ends = np.searchsorted(ordered, (centers[1:] + centers[:-1]) / 2)
        edges = np.concatenate([[0], ends, [len(ordered)]])
        counts = np.diff(edges)
        moved = np.where(counts > 0, np.diff(sums[edges]) / np.maximum(counts, 1), centers)
        if np.array_equal(moved, centers):
            break
        centers = moved
    return np.unique(centers.astype(np.float32))


def nearest(values: Array, centers: Array) -> NDArray[np.intp]:
    """Return the index of the nearest of the sorted ``centers`` for each of ``values``."""
    return np.searchsorted((centers[1:] + centers[:-1]) / 2, values)
