"""Which layers learn in which epoch, where a training starts from the weights of another one.

A new head has large gradients, which would spoil weights that are good already. So it may learn
alone at first, and the other layers join it from the head backwards (Howard and Ruder 2018, ULMFiT,
https://arxiv.org/abs/1801.06146). BatchNormalization of a frozen layer uses the statistics that it
has and does not change them, as Keras does where ``trainable`` is False.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Thawing:
    """When layers join those that learn.

    Attributes:
        freeze_epochs: Epochs in which only the head learns.
        unfreeze_epochs: Epochs after those in which the other layers join, from the head
            backwards; 0 for all at once.

    Example:
        >>> thawing = Thawing(freeze_epochs=1, unfreeze_epochs=3)
        >>> [thawing.share(epoch) for epoch in range(5)]
        [0.0, 0.25, 0.5, 0.75, 1.0]
    """

    freeze_epochs: int = 0
    unfreeze_epochs: int = 0

    def share(self, epoch: int) -> float:
        """Return the share of the layers, 0 to 1, that learns besides the head in this ``epoch``.

        Args:
            epoch: Counts from 0.
        """
        since = epoch - self.freeze_epochs + 1
        return 0.0 if since <= 0 else min(1.0, since / (self.unfreeze_epochs + 1))


class TrainableLayers:
    """The layers of a model that can learn, of which some are frozen in the first epochs.

    Args:
        model: A model of Keras 2 or Keras 3; layers that are frozen already stay so.
        thawing: When they join.
        new: Names of layers that learn from the first epoch on, besides the head, which is the
            last layer with weights.
    """

    def __init__(self, model: Any, thawing: Thawing, new: Collection[str] = ()) -> None:
        *before, _ = [layer for layer in weighted(model) if layer.trainable] or [None]
        self._before = [layer for layer in reversed(before) if layer.name not in new]
        self._thawing, self._learning = thawing, len(self._before)

    def enter(self, epoch: int) -> bool:
        """Let the layers learn that do in this ``epoch``; return whether others did before."""
        return self._thaw(ceil(self._thawing.share(epoch) * len(self._before)))

    def leave(self) -> None:
        """Let all layers learn again, as when they came."""
        self._thaw(len(self._before))

    def _thaw(self, count: int) -> bool:
        changed, self._learning = count != self._learning, count
        for number, layer in enumerate(self._before):
            layer.trainable = number < count
        return changed


def weighted(model: Any) -> Iterator[Any]:
    """Yield the layers of ``model`` that have weights, those of inner models too, in their order.

    Args:
        model: A model of Keras 2 or Keras 3.
    """
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from weighted(layer)
        elif layer.weights:
            yield layer
