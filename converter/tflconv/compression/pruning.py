"""The step ``prune80``: 80 of 100 weights of each kernel become zero, the smallest first.

Zeros make no inference faster: kernels of LiteRT multiply by them like by any other number. They
make a download smaller, for gzip packs them well. Biases, norms and depthwise kernels, which have
few weights, are left alone.

While the model is trained, the sparsity rises along a polynomial (Zhu and Gupta 2017, "To prune, or
not to prune", https://arxiv.org/abs/1710.01878), as in tensorflow-model-optimization:

    sparsity(t) = final (1 - (1 - min(1, t / ramp))^3)

``t`` is the share of the steps that are done. A weight that was pruned stays zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tflconv.compression.examples import Examples
from tflconv.compression.fine_tuning import fine_tune
from tflconv.compression.kernels import Kernel, copied, kernels
from tflconv.compression.technique import Subject
from tflconv.compression.weight_config import PruneConfig
from tflconv.core.progress import Callback
from tflconv.core.typing import KerasModel
from tflconv.errors import TflconvError, UsageError, unknown
from tflconv.network.nodes import Array

_UPDATES = 20
"""How often the masks change while the sparsity rises."""

Masks = Mapping[str, NDArray[np.bool_]]
"""Where weights are kept, by layer."""


def compress(
    subject: Subject[PruneConfig],
    examples: Examples | None,
    unfinished: Path,
    progress: Callback,
) -> KerasModel:
    """Prune a copy of the model of ``subject``, and train what is left.

    Raises:
        UsageError: A layer that the settings name is not there.
        TflconvError: Nothing would be left of a layer.
    """
    model, config = copied(subject.model), subject.config
    pruner = Pruner(model, subject.amount / 100, config)
    pruner.check()
    if examples is not None and config.epochs:
        steps = examples.steps(config)
        fine_tune(
            model,
            examples,
            config,
            name=str(subject.step),
            after_step=lambda done: pruner.after(done / steps),
            unfinished=unfinished,
            progress=progress,
        )
    pruner.after(1.0)
    return model


def sparsity_at(config: PruneConfig, final: float, share: float) -> float:
    """Return the sparsity after a ``share`` of all steps.

    Args:
        config: The schedule and its ramp.
        final: The sparsity at the end, 0 to 1.
        share: Steps done over steps in all, 0 to 1.

    Example:
        >>> [sparsity_at(PruneConfig(), 0.8, share) for share in (0.0, 0.25, 0.5, 1.0)]
        [0.0, 0.7000000000000001, 0.8, 0.8]
    """
    if config.schedule == "constant" or share >= config.ramp:
        return final
    return final * (1 - (1 - share / config.ramp) ** 3)


class Pruner:
    """The masks of a model while it is pruned.

    Args:
        model: The model; its kernels are changed.
        final: The sparsity at the end, 0 to 1.
        config: The schedule, and which layers are treated otherwise.

    Raises:
        UsageError: A layer that the settings name is not there.
    """

    def __init__(self, model: KerasModel, final: float, config: PruneConfig) -> None:
        self.name, self.final, self.config = model.name, final, config
        self.kernels = [kernel for kernel in kernels(model) if not kernel.depthwise]
        self.apart = config.shares
        self._masks: Masks = {}
        self._update = -1
        known = [kernel.layer for kernel in self.kernels]
        for layer in self.apart:
            if layer not in known:
                raise unknown("layer", layer, known)
        if not self.kernels:
            raise UsageError(f"{model.name} has depthwise kernels only, which are not pruned.")

    def check(self) -> None:
        """Check that weights are left of each layer, as they are now.

        Raises:
            TflconvError: Nothing would be left of a layer.
        """
        self._masked(1.0)

    def after(self, share: float) -> None:
        """Set weights to zero after a ``share`` of all steps."""
        ramp = 0 if self.config.schedule == "constant" else self.config.ramp
        update = _UPDATES if share >= ramp else int(share / ramp * _UPDATES)
        if update != self._update:
            self._masks = self._masked(ramp * update / _UPDATES)
            self._update = update
        for kernel in self.kernels:
            kernel.set(kernel.weights * self._masks[kernel.layer])

    def _masked(self, share: float) -> Masks:
        rising = sparsity_at(self.config, 1.0, share)
        alike = [kernel for kernel in self.kernels if kernel.layer not in self.apart]
        masks = {
            kernel.layer: largest(kernel.weights, 1 - rising * self.apart[kernel.layer])
            for kernel in self.kernels
            if kernel.layer in self.apart
        }
        if self.config.scope == "layer":
            masks |= {k.layer: largest(k.weights, 1 - rising * self.final) for k in alike}
        elif alike:
            masks |= _largest_of_all(alike, 1 - rising * self.final)
        for layer, mask in masks.items():
            self._check_left(layer, mask)
        return masks

    def _check_left(self, layer: str, mask: NDArray[np.bool_]) -> None:
        if not mask.any():
            raise TflconvError(
                f"nothing would be left of layer '{layer}' of {self.name}.",
                hint=f"Say how much of it may go, such as prune.layers={layer}=50, or prune each"
                " layer alike: prune.scope=layer.",
            )


def largest(weights: Array, share: float) -> NDArray[np.bool_]:
    """Return where the largest weights are: a ``share`` of them, rounded up.

    Example:
        >>> largest(np.array([[3, -4], [1, 2]], np.float32), 0.5).tolist()
        [[True, True], [False, False]]
    """
    dropped = int(np.floor(weights.size * (1 - share) + 1e-9))
    order = np.argsort(np.abs(weights), axis=None, kind="stable")
    is_kept = np.ones(weights.size, np.bool_)
    is_kept[order[:dropped]] = False
    return is_kept.reshape(weights.shape)


def _largest_of_all(alike: list[Kernel], share: float) -> Masks:
    weights = [kernel.weights for kernel in alike]
    is_kept = largest(np.concatenate([each.ravel() for each in weights]), share)
    parts = np.split(is_kept, np.cumsum([each.size for each in weights])[:-1])
    return {
        kernel.layer: part.reshape(each.shape)
        for kernel, part, each in zip(alike, parts, weights, strict=True)
    }
