"""Drawing pictures so that every class keeps its share and nothing depends on the order of files.

A picture's place in the draw is the hash of the seed and its own name, so the same picture falls
on the same side whatever stands beside it, on every machine and with every NumPy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def ranks(ids: Sequence[str], seed: int) -> NDArray[np.uint64]:
    """A number for each of ``ids`` by which to sort them; random, but tied to seed and name."""
    keys = (hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8] for name in ids)
    return np.frombuffer(b"".join(keys), ">u8").astype(np.uint64)


def quotas(sizes: Sequence[int], total: int) -> list[int]:
    """Share ``total`` among classes of these ``sizes``: proportional, largest remainders first.

    The shares add up to ``total`` and no class is asked for more than it has.
    """
    everything = sum(sizes)
    if not 0 <= total <= everything:
        raise ValueError(f"cannot draw {total} of {everything}")
    if everything == 0:
        return [0] * len(sizes)
    exact = [size * total / everything for size in sizes]
    shares = [int(value) for value in exact]
    by_remainder = sorted(range(len(sizes)), key=lambda i: (shares[i] - exact[i], i))
    for index in by_remainder[: total - sum(shares)]:
        shares[index] += 1
    return shares


def draw(labels: NDArray[np.int64], ids: Sequence[str], total: int, seed: int) -> NDArray[np.intp]:
    """Sorted positions of ``total`` pictures drawn without replacement, stratified by label."""
    order = ranks(ids, seed)
    classes, sizes = np.unique(labels, return_counts=True)
    chosen = [
        members[np.argsort(order[members], kind="stable")[:share]]
        for members, share in zip(
            (np.flatnonzero(labels == label) for label in classes),
            quotas(sizes.tolist(), total),
            strict=True,
        )
    ]
    return np.sort(np.concatenate(chosen)) if chosen else np.empty(0, np.intp)
