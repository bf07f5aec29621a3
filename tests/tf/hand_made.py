"""Networks written node by node, for tests that know every number in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tflconv.core.progress import Callback, Progress
from tflconv.network.nodes import Network, Node


def node(kind: str, *inputs: str, name: str = "", options: Any = None, **weights: Any) -> Node:
    """A node called ``name``, or as its kind; ``weights`` are anything that becomes an array."""
    made = Node(name=name or kind, kind=kind, inputs=inputs, options=options or {})
    return made.with_weights(**weights)


def network(shape: tuple[int, ...], *nodes: Node) -> Network:
    """The input ``x`` of this shape, without batch, then ``nodes``; the last is the output."""
    first = node("input", name="x", options={"shape": shape})
    made = {each.name: each for each in (first, *nodes)}
    return Network(name="by hand", nodes=made, outputs=(list(made)[-1],))


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    """Normal numbers, the same every time."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def heard(losses: list[float]) -> Callback:
    """A callback that writes down the loss which the message of each epoch ends with."""

    def hear(event: Progress) -> None:
        if event.message:
            losses.append(float(event.message.split()[-1]))

    return hear
