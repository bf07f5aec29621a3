"""Passes that rewrite a network into an equal one that runs faster.

Each pass is a function from a network to a network; tests hold its output equal within 1e-5. A pass
that does not apply returns the very network it was given, and ``optimize`` says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tflconv.network.nodes import Network, Pass
from tflconv.network.passes import attention, centering, folding, fusing, pooling, removing


@dataclass(frozen=True, kw_only=True)
class NamedPass:
    """A pass with what it does, and what it looks for (said where it does not find it)."""

    name: str
    apply: Pass
    needs: str


@dataclass(frozen=True, kw_only=True)
class PassOutcome:
    """What a pass did to a network: nodes before and after, or the reason why nothing."""

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


PASSES = (
    _named(removing.remove_identities, "no dropout, noise or linear activation"),
    _named(removing.drop_softmax, "the network does not end with softmax"),
    _named(centering.center_residuals, "no LayerNormalization whose input only layers write"),
    _named(folding.split_layer_norm, "no LayerNormalization with scale or shift"),
    _named(pooling.pool_by_depthwise, "no average pooling inside of the picture"),
    _named(folding.merge_affines, "no two scalings in a row"),
    _named(folding.move_affine_past_mean, "no scaling before a mean"),
    _named(folding.fold_affine_into_previous, "no scaling after a convolution or dense layer"),
    _named(folding.fold_affine_into_next, "no scaling before convolutions or dense layers only"),
    _named(folding.split_affines, "no scaling with a shift is left"),
    _named(folding.merge_linear, "no two dense layers in a row"),
    _named(folding.fold_attention_scale, "no scaled attention"),
    _named(attention.split_heads, "no attention"),
    _named(fusing.fuse_relu, "no ReLU after an operation that can clip"),
    _named(attention.symmetric_operands, "no product of two activations"),
)


def optimize(
    network: Network, passes: Sequence[NamedPass] = PASSES
) -> tuple[Network, list[PassOutcome]]:
    """Apply ``passes`` in their order; return the new network and what each of them did."""
    outcomes = []
    for each in passes:
        result = each.apply(network)
        outcomes.append(
            PassOutcome(
                name=each.name,
                before=len(network.nodes),
                after=len(result.nodes),
                skipped=each.needs if result is network else None,
            )
        )
        network = result
    return network, outcomes
