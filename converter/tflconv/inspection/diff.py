"""Differences of two graphs of the same model: fused, folded, pruned, reordered, retyped.

Operators are aligned in their order of execution, first by name and output shape, then by name
alone. The rest is explained: an activation that became part of the operator before it was fused; a
multiplication or addition of constants that became part of neighbouring weights was folded; an
operator that is elsewhere was reordered; all others were pruned or added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher

from tflconv.core import markup
from tflconv.core.jsonvalue import JsonValue
from tflconv.inspection.inspect import Inspection
from tflconv.tflite import schema
from tflconv.tflite.contents import Operator, Subgraph

Pair = tuple[Operator, Operator]
_ARITHMETIC = ("ADD", "SUB", "MUL", "DIV")
_LINEAR = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL")
_ACTIVATIONS = tuple(schema.ACTIVATIONS.values())


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of one kind.

    Attributes:
        kind: ``fused``, ``folded``, ``pruned``, ``narrowed``, ``retyped``, ``reordered`` or
            ``added``.
        op: Name of the operator.
        detail: What happened to it.
        count: Number of operators.
    """

    kind: str
    op: str
    detail: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A change of one operator.

    Attributes:
        entry: Kind, name of the operator and what happened to it.
        places: Its position in either graph; None where it is not there.
    """

    entry: tuple[str, str, str]
    places: tuple[int | None, int | None]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """All changes from one file to another.

    Attributes:
        changes: The changes, by kind.
        figures: Figures of both files by name: operators, parameters, MACs, bytes and others.
        unchanged: Number of operators that did not change.
        marks: The changes operator by operator.
        models: What is in either file.
    """

    changes: tuple[Change, ...]
    figures: dict[str, tuple[int, int]]
    unchanged: int
    marks: tuple[Mark, ...] = ()
    models: tuple[Inspection, ...] = ()

    def __repr__(self) -> str:
        kinds = Counter[str]()
        for change in self.changes:
            kinds[change.kind] += change.count
        summary = ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "no changes"
        return f"Difference({summary}, {self.unchanged} unchanged)"

    def _repr_html_(self) -> str:
        return markup.table([asdict(change) for change in self.changes], repr(self))


def compare(first: Inspection, second: Inspection) -> Difference:
    """Explain how the main subgraph of ``second`` differs from that of ``first``."""
    before, after = first.model.main, second.model.main
    pairs = aligned(before, after)
    marks = list(_marks(before, after, pairs))
    changes = [
        Change(kind=kind, op=op, detail=detail, count=count)
        for (kind, op, detail), count in Counter(mark.entry for mark in marks).most_common()
    ]
    return Difference(
        changes=tuple(sorted(changes, key=lambda change: _ORDER.index(change.kind))),
        figures=_figures(first, second),
        unchanged=sum(not _altered(before, after, pair) for pair in pairs),
        marks=tuple(marks),
        models=(first, second),
    )


def _marks(before: Subgraph, after: Subgraph, pairs: list[Pair]) -> Iterator[Mark]:
    left = _without(before.operators, [a for a, _ in pairs])
    right = _without(after.operators, [b for _, b in pairs])
    moved = _moved(before, left, after, right)
    for a, b in moved:
        yield Mark(entry=("reordered", a.name, "elsewhere in the order"), places=(a.index, b.index))
    for operator in _without(left, [a for a, _ in moved]):
        yield Mark(entry=_gone(before, operator, pairs), places=(operator.index, None))
    for operator in _without(right, [b for _, b in moved]):
        entry = ("added", operator.name, "not in the first graph")
        yield Mark(entry=entry, places=(None, operator.index))
    for a, b in pairs:
        for entry in _altered(before, after, (a, b)):
            yield Mark(entry=entry, places=(a.index, b.index))


def to_json(difference: Difference) -> dict[str, JsonValue]:
    """Return the difference as a JSON object; figures are ``[first, second]``."""
    return {
        "changes": [asdict(change) for change in difference.changes],
        "unchanged": difference.unchanged,
        "figures": {name: list(pair) for name, pair in difference.figures.items()},
    }


_ORDER = ("fused", "folded", "pruned", "narrowed", "retyped", "reordered", "added")


def _figures(first: Inspection, second: Inspection) -> dict[str, tuple[int, int]]:
    def both(read: Callable[[Inspection], int]) -> tuple[int, int]:
        return read(first), read(second)

    figures = {
        "operators": both(lambda i: len(i.model.main.operators)),
        "parameters": both(lambda i: i.parameters),
        "macs": both(lambda i: i.macs),
        "bytes": both(lambda i: i.bytes.total),
        "arena_bytes": both(lambda i: i.arena),
        "partitions": both(lambda i: len(i.delegation.partitions)),
        "outside_xnnpack": both(lambda i: len(i.delegation.reasons)),
    }
    if first.download is not None and second.download is not None:
        figures["download_bytes"] = first.download, second.download
    return figures


def aligned(before: Subgraph, after: Subgraph) -> list[Pair]:
    """Return the operators that both graphs have, in the order of execution."""
    pairs: list[Pair] = []
    exact = [[(_kind(g, o), _shape(g, o)) for o in g.operators] for g in (before, after)]
    for (a, a_end), (b, b_end), same in _blocks(*exact):
        left, right = before.operators[a:a_end], after.operators[b:b_end]
        if same:
            pairs += zip(left, right, strict=True)
            continue
        for (i, i_end), (j, j_end), named in _blocks(
            [_kind(before, o) for o in left], [_kind(after, o) for o in right]
        ):
            pairs += zip(left[i:i_end], right[j:j_end], strict=True) if named else ()
    return pairs


def _blocks(
    left: Sequence[Hashable], right: Sequence[Hashable]
) -> list[tuple[tuple[int, int], tuple[int, int], bool]]:
    codes = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    return [((a, a_end), (b, b_end), tag == "equal") for tag, a, a_end, b, b_end in codes]


def _moved(
    before: Subgraph, left: list[Operator], after: Subgraph, right: list[Operator]
) -> list[Pair]:
    """Pair the remaining operators of both sides that have the same kind and output shape."""
    pairs: list[Pair] = []
    free = list(right)
    for operator in left:
        key = (_kind(before, operator), _shape(before, operator))
        twin = next((o for o in free if (_kind(after, o), _shape(after, o)) == key), None)
        if twin is not None:
            pairs.append((operator, twin))
            free.remove(twin)
    return pairs


def _gone(graph: Subgraph, operator: Operator, pairs: list[Pair]) -> tuple[str, str, str]:
    """Return what became of an operator that the second graph does not have."""
    partner = {a.index: b for a, b in pairs}
    source = _producer(graph, operator)
    while source is not None and source.index not in partner and _by_constants(graph, source):
        source = _producer(graph, source)
    if operator.name in _ACTIVATIONS and source is not None:
        twin = partner.get(source.index)
        if twin is not None and twin.activation == operator.name:
            return "fused", operator.name, f"into {twin.name}"
    if _by_constants(graph, operator):
        return "folded", operator.name, f"into the constants of {_neighbour(graph, operator)}"
    if operator.name == "PAD":
        return "fused", "PAD", f"into {_neighbour(graph, operator)}"
    return "pruned", operator.name, "not in the second graph"


def _kind(graph: Subgraph, operator: Operator) -> tuple[str, bool]:
    """Return a key that tells addition of constants from the sum of two branches."""
    return operator.name, _by_constants(graph, operator)


def _by_constants(graph: Subgraph, operator: Operator) -> bool:
    constant = any(tensor.constant for tensor in graph.input_tensors(operator))
    return operator.name in _ARITHMETIC and constant


def _neighbour(graph: Subgraph, operator: Operator) -> str:
    """Return the name of the nearest linear operator before ``operator``, else after it."""
    source: Operator | None = operator
    while source is not None:
        if source.name in _LINEAR:
            return source.name
        source = _producer(graph, source)
    queue, seen = [operator], {operator.index}
    while queue:
        current = queue.pop(0)
        if current.name in _LINEAR:
            return current.name
        for consumer in (c for t in current.outputs for c in graph.consumers.get(t, [])):
            if consumer.index not in seen:
                seen.add(consumer.index)
                queue.append(consumer)
    return "its neighbour"


def _producer(graph: Subgraph, operator: Operator) -> Operator | None:
    """Return the operator that computes the first input that is not constant."""
    return next((graph.producers[t] for t in operator.inputs if t in graph.producers), None)


def _altered(before: Subgraph, after: Subgraph, pair: Pair) -> list[tuple[str, str, str]]:
    first, second = pair
    changes = []
    old, new = _types(before, first), _types(after, second)
    if old != new:
        changes.append(("retyped", first.name, f"{old} → {new}"))
    kernels = [_kernel(before, first), _kernel(after, second)]
    if first.name in _LINEAR and kernels[0] != kernels[1] and _fewer(*kernels):
        shapes = [" × ".join(map(str, kernel)) for kernel in kernels]
        changes.append(("narrowed", first.name, f"weights {shapes[0]} → {shapes[1]}"))
    return changes


def _fewer(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    return len(old) == len(new) and all(n <= o for o, n in zip(old, new, strict=True))


def _kernel(graph: Subgraph, operator: Operator) -> tuple[int, ...]:
    tensors = graph.input_tensors(operator)
    return tensors[1].shape if len(tensors) > 1 else ()


def _types(graph: Subgraph, operator: Operator) -> str:
    tensors = graph.input_tensors(operator)[:2]
    return " × ".join(dict.fromkeys(t.dtype for t in tensors if t.dtype not in ("int32", "int64")))


def _shape(graph: Subgraph, operator: Operator) -> tuple[int, ...]:
    outputs = graph.output_tensors(operator)
    return outputs[0].shape if outputs else ()


def _without(operators: Sequence[Operator], others: Sequence[Operator]) -> list[Operator]:
    indices = {other.index for other in others}
    return [operator for operator in operators if operator.index not in indices]
