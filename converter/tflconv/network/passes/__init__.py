"""Passes that rewrite a network into an equivalent one that runs faster.

Each pass is a function from a network to a network; tests check that outputs stay equal within
1e-5. A pass that does not apply returns the network that it was given, and ``optimize`` says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tflconv.network.nodes import Network, Pass
from tflconv.network.passes import (
    attention,
    centering,
    folding,
    fusing,
    patching,
    pooling,
    removing,
    tokens,
    windows,
)


@dataclass(frozen=True, kw_only=True)
class NamedPass:
    """A pass.

    Attributes:
        name: Name of its function.
        apply: The function.
        needs: Why it did not apply, where it did not.
    """

    name: str
    apply: Pass
    needs: str


@dataclass(frozen=True, kw_only=True)
class PassOutcome:
    """What a pass did to a network.

    Attributes:
        name: The pass.
        before: Number of nodes before it.
        after: Number of nodes after it.
        skipped: Why it did not apply; None if it did.
    """

    name: str
    before: int
    after: int
    skipped: str | None = None

    def __str__(self) -> str:
        if self.skipped:
            return f"{self.name}: does not apply: {self.skipped}"
        if self.before == self.after:
            return f"{self.name}: {self.after} operations, changed"
        return f"{self.name}: {self.before} operations become {self.after}"


def _named(apply: Pass, needs: str) -> NamedPass:
    return NamedPass(name=apply.__name__, apply=apply, needs=needs)


DROPS_SOFTMAX = removing.drop_softmax.__name__
"""Name of the only pass after which the network computes something else."""

PASSES = (
    _named(removing.remove_identities, "no dropout, noise or linear activation"),
    _named(removing.drop_softmax, "the network does not end with softmax"),
    _named(tokens.pad_tokens, "no learned token in front of others"),
    _named(tokens.crop_early, "no crop behind what treats each token by itself"),
    _named(centering.center_residuals, "no LayerNormalization whose input only layers write"),
    _named(folding.split_layer_norm, "no LayerNormalization with scale or shift"),
    _named(pooling.pool_by_depthwise, "no average pooling inside of the picture"),
    _named(folding.merge_affines, "no two scalings in a row"),
    _named(folding.move_affine_past_mean, "no scaling before a mean"),
    _named(folding.fold_affine_into_previous, "no scaling after a convolution or dense layer"),
    _named(folding.fold_affine_into_next, "no scaling before convolutions or dense layers only"),
    _named(folding.split_affines, "no scaling with a shift is left"),
    _named(patching.patches_by_dense, "no convolution of few channels cuts patches"),
    _named(folding.merge_linear, "no two dense layers in a row"),
    _named(folding.fold_attention_scale, "no scaled attention"),
    _named(attention.split_heads, "no attention"),
    _named(windows.split_windows, "no depthwise convolution of more than 25 taps"),
    _named(fusing.fuse_relu, "no ReLU after an operation that can clip"),
    _named(attention.symmetric_operands, "no product of two activations"),
)

KEEPING = tuple(each for each in PASSES if each.name != DROPS_SOFTMAX)
"""Passes after which the outputs mean the same."""

FOLDS = folding.fold_affine_into_next.__name__
"""The pass that takes the scaling of an input into the first product."""

_INNER = _named(folding.fold_inner_affine_into_next, "no scaling before layers but of inputs")


def for_run_time_ranges(passes: Sequence[NamedPass]) -> list[NamedPass]:
    """Return ``passes`` as products need them that quantize their input while they run."""
    return [_INNER if each.name == FOLDS else each for each in passes]


SPELLING = {removing.remove_identities.__name__, fusing.fuse_relu.__name__}
"""Passes that alone only undo how a file is read: in it, nothing is idle and ReLU is fused."""


def optimize(
    network: Network, passes: Sequence[NamedPass] = PASSES
) -> tuple[Network, list[PassOutcome]]:
    """Apply ``passes`` in their order.

    Args:
        network: The network; it is not changed.
        passes: What to apply, by default all.

    Returns:
        The new network, and the outcome of each pass.
    """
    outcomes = []
    for named in passes:
        result = named.apply(network)
        outcomes.append(
            PassOutcome(
                name=named.name,
                before=len(network.nodes),
                after=len(result.nodes),
                skipped=named.needs if result is network else None,
            )
        )
        network = result
    return network, outcomes
