"""Choose which channels go: the same share of each layer, or where instructions are saved best.

Labels that the same layers make are a family, such as the channels of a whole residual stage.
``uniform`` takes the share from each family. ``by_cost`` takes blocks of one tile from any family,
the block with the least importance per saved instruction first, until the network has come down to
its budget. A width ends at a multiple of the tile where it is wide enough for one, because nothing
is saved between two multiples.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tflconv.compression import pricing
from tflconv.compression.channel_graph import ChannelGraph, LayerLabels
from tflconv.compression.cutting import row_of
from tflconv.compression.importance import Scores
from tflconv.network import costs

_MOST = 0.9
"""Share of a family that may go at most when instructions decide."""


@dataclass(frozen=True, kw_only=True)
class LabelFamily:
    """Labels that the same layers make, the least important first.

    Attributes:
        labels: The labels.
        tile: Number of them that are best removed together; 1 for the heads of an attention.
    """

    labels: tuple[int, ...]
    tile: int


def families(
    graph: ChannelGraph, scores: Scores, *, tile: int = costs.TILE, normed: bool = False
) -> list[LabelFamily]:
    """Return the families of the labels that may be removed, in the order of their layers.

    Args:
        graph: The channels.
        scores: How much each label matters.
        tile: Multiple that widths should have.
        normed: Whether labels may go over which a normalization takes statistics.
    """
    makers: dict[int, list[str]] = {}
    for place in graph.places:
        row = row_of(place)
        for role in dict.fromkeys(row.sizes.values()) if row is not None else ():
            if role in ("outputs", "heads") and row is not None and row.weights:
                for label in dict.fromkeys(place.labels[role].tolist()):
                    makers.setdefault(label, []).append(f"{place.nodes[-1]}.{role}")
    fixed = graph.pinned if normed else graph.pinned | graph.normed
    groups: dict[tuple[str, ...], list[int]] = {}
    for label, sources in makers.items():
        if label not in fixed:
            groups.setdefault(tuple(sources), []).append(label)
    return [
        LabelFamily(
            labels=tuple(sorted(labels, key=lambda label: (scores.get(label, 0.0), label))),
            tile=1 if sources[0].endswith(".heads") else tile,
        )
        for sources, labels in groups.items()
    ]


def uniform(removable: Sequence[LabelFamily], share: float) -> set[int]:
    """Return the labels to remove so that each family loses about ``share`` of its own."""
    removed: set[int] = set()
    for family in removable:
        removed.update(family.labels[: len(family.labels) - _kept_count(family, share)])
    return removed


def by_cost(
    graph: ChannelGraph, removable: Sequence[LabelFamily], scores: Scores, share: float
) -> set[int]:
    """Return the labels to remove so that about ``share`` of the instructions goes.

    Args:
        graph: The channels.
        removable: Its families.
        scores: How much each label matters.
        share: Share of the estimated int8 instructions that shall go, 0 to 1.
    """
    meter = Meter(graph)
    blocks = [_blocks(family) for family in removable]
    goal = meter.total * (1 - share)
    while meter.total > goal:
        best, least = None, math.inf
        for waiting in filter(None, blocks):
            saved = meter.saved(waiting[0])
            lost = sum(scores.get(label, 0.0) ** 2 for label in waiting[0])
            if saved > 0 and lost / saved < least:
                best, least = waiting, lost / saved
        if best is None:
            break
        meter.remove(best.pop(0))
    return meter.removed


def cost(graph: ChannelGraph, removed: Iterable[int] = ()) -> float:
    """Estimate the int8 instructions of one inference without the labels ``removed``."""
    meter = Meter(graph)
    meter.remove(removed)
    return meter.total


class Meter:
    """Estimates the instructions of a network while labels are removed from it.

    Args:
        graph: The channels.

    Attributes:
        removed: The labels that were removed.
    """

    def __init__(self, graph: ChannelGraph) -> None:
        self.graph, self.removed = graph, set[int]()
        self._at: dict[int, list[int]] = {}
        for number, place in enumerate(graph.places):
            for label in {int(label) for part in place.labels.values() for label in part}:
                self._at.setdefault(label, []).append(number)
        self._costs = [self._cost(place, set()) for place in graph.places]

    @property
    def total(self) -> float:
        """Instructions of one inference."""
        return sum(self._costs)

    def saved(self, labels: Iterable[int]) -> float:
        """Return the instructions that would go with ``labels``."""
        gone = {*self.removed, *labels}
        return sum(
            self._costs[n] - self._cost(self.graph.places[n], gone) for n in self._met(labels)
        )

    def remove(self, labels: Iterable[int]) -> None:
        """Remove ``labels``."""
        self.removed.update(labels)
        for number in self._met(labels):
            self._costs[number] = self._cost(self.graph.places[number], self.removed)

    def _met(self, labels: Iterable[int]) -> set[int]:
        return {number for label in labels for number in self._at.get(label, ())}

    def _cost(self, place: LayerLabels, gone: set[int]) -> float:
        """Instructions of the layer at ``place`` without the labels ``gone``."""
        if type(place.layer).__name__ == "InputLayer":
            return 0.0  # of a model within the model: it hands on what another layer computed
        shares = {
            role: sum(label not in gone for label in labels.tolist()) / len(labels)
            for role, labels in place.labels.items()
            if len(labels)
        }
        outputs = shares.get("outputs", 1.0) * shares.get("heads", 1.0)
        nodes = (self.graph.network[name] for name in place.nodes)
        return sum(
            pricing.instructions(
                self.graph.network,
                node,
                self.graph.sides,
                outputs=outputs,
                inputs=shares.get("inputs", 1.0),
            )
            for node in nodes
        )


def _kept_count(family: LabelFamily, share: float) -> int:
    """How many labels of ``family`` stay: a multiple of its tile, unless it is too narrow."""
    count = len(family.labels)
    wanted = max(1, round(count * (1 - share)))
    whole = math.ceil(wanted / family.tile) * family.tile
    return whole if whole < count else wanted


def _blocks(family: LabelFamily) -> list[tuple[int, ...]]:
    """What of ``family`` may go, in order: first down to a multiple of the tile, then tiles."""
    count, tile = len(family.labels), family.tile
    if count <= tile:
        tile = max(1, count // 4)
    most = min(count - 1, int(count * _MOST))
    ends = list(range(count % tile or tile, most + 1, tile))
    return [family.labels[a:b] for a, b in zip([0, *ends], ends, strict=False)]
