"""Draws graphs as SVG, side by side: operators, the edges between them, and what XNNPACK runs.

Each operator is below all operators that it reads from. XNNPACK runs filled boxes, built-in kernels
run outlined ones; the reason appears on hover. Edges that skip operators bend to the right.
Operators that only unpack constants are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tflconv.core.shortening import shorten
from tflconv.core.text import to_html as escape
from tflconv.inspection import cost, delegation
from tflconv.inspection.delegation import Delegation
from tflconv.tflite.contents import Operator, Subgraph, TfliteModel

_BOX, _ROW, _GAP, _MARGIN, _HEAD = (206, 38), 56, 16, 28, 76
_STYLE = """
svg { background: #fff; font: 12px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
text { fill: #1b1f24; } .small { font-size: 9.5px; fill: #5c6670; } .title { font-size: 15px;
font-weight: 650; } .edge { fill: none; stroke: #9aa5b0; stroke-width: 1.2; }
rect { stroke-width: 1.4; } .xnnpack { fill: #cfe8f7; stroke: #0072b2; }
.builtin { fill: #fff; stroke: #d55e00; stroke-dasharray: 4 2.5; } .end { fill: #f0f2f4;
stroke: #9aa5b0; }
@media (prefers-color-scheme: dark) {
svg { background: #14171b; } text { fill: #e8eaed; } .small { fill: #9aa5b0; }
.edge { stroke: #66707a; } .xnnpack { fill: #10344a; stroke: #56b4e9; }
.builtin { fill: #14171b; stroke: #e69f00; } .end { fill: #22282f; } }
"""


@dataclass(frozen=True, kw_only=True)
class DrawnNode:
    """A box of the drawing.

    Attributes:
        label: First line of its text.
        detail: Second line.
        hint: Text on hover.
        style: CSS class.
        layer: Row, from the top.
        column: Column, from the left.
        sources: Positions of the boxes that it reads from.
    """

    label: str
    detail: str
    hint: str
    style: str
    layer: int
    column: int
    sources: tuple[int, ...]


def draw(models: Sequence[TfliteModel]) -> str:
    """Return an SVG file with the main subgraph of each model, from left to right."""
    panels = [_nodes(model.main, delegation.predict(model)) for model in models]
    widths = [_width(panel) for panel in panels]
    height = (
        max(_HEAD + _ROW * (1 + max((n.layer for n in panel), default=0)) for panel in panels)
        + _MARGIN
    )
    body, left = [], 0.0
    for model, panel, width in zip(models, panels, widths, strict=True):
        body += [f'<g transform="translate({left:g} 0)">', *_panel(model, panel), "</g>"]
        left += width
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left:g} {height:g}"'
            f' width="{left:g}" height="{height:g}">',
            f"<style>{_STYLE}</style>",
            *body,
            "</svg>",
            "",
        )
    )


def _nodes(graph: Subgraph, predicted: Delegation) -> list[DrawnNode]:
    """Return boxes of inputs, operators and outputs, in this order."""
    nodes: list[DrawnNode] = []
    producers: dict[int, int] = {}
    taken: dict[int, int] = {}

    def add(label: str, detail: str, hint: str, style: str, tensors: Sequence[int]) -> int:
        sources = tuple(dict.fromkeys(producers[t] for t in tensors if t in producers))
        layer = 1 + max((nodes[s].layer for s in sources), default=-1)
        column = taken[layer] = taken.get(layer, -1) + 1
        nodes.append(
            DrawnNode(
                label=label, detail=detail, hint=hint, style=style,
                layer=layer, column=column, sources=sources,
            )
        )  # fmt: skip
        return len(nodes) - 1

    for index in graph.inputs:
        producers[index] = add("input", _tensor(graph, index), "", "end", ())
    for operator in graph.operators:
        if all(graph.tensors[t].constant for t in operator.inputs if t >= 0):
            continue
        style = "xnnpack" if operator.index in predicted.delegated else "builtin"
        place = add(*_texts(graph, operator, predicted), style, operator.inputs)
        producers.update(dict.fromkeys(operator.outputs, place))
    for index in graph.outputs:
        add("output", _tensor(graph, index), "", "end", (index,))
    return nodes


def _texts(graph: Subgraph, operator: Operator, predicted: Delegation) -> tuple[str, str, str]:
    label = operator.name + (f" + {operator.activation}" if operator.activation else "")
    work = cost.macs(graph, operator)
    outputs = [index for index in operator.outputs if index >= 0]
    detail = _tensor(graph, outputs[0]) if outputs else ""
    reason = predicted.reasons.get(operator.index)
    hint = f"#{operator.index}" + (f", {work:,} MACs" if work else "")
    return label, detail, hint + (f". Not in XNNPACK: {reason}" if reason else "")


def _tensor(graph: Subgraph, index: int) -> str:
    tensor = graph.tensors[index]
    return f"{tensor.dtype} {'×'.join('?' if s < 0 else str(s) for s in tensor.signature)}"


def _width(nodes: Sequence[DrawnNode]) -> float:
    columns = 1 + max((node.column for node in nodes), default=0)
    return 2 * _MARGIN + columns * _BOX[0] + (columns - 1) * _GAP + 70


def _panel(model: TfliteModel, nodes: list[DrawnNode]) -> Iterator[str]:
    graph = model.main
    run = delegation.predict(model)
    yield f'<text class="title" x="{_MARGIN}" y="30">{escape(model.path.name)}</text>'
    yield (
        f'<text class="small" x="{_MARGIN}" y="48">{len(graph.operators)} operators, '
        f"{len(run.delegated)} in XNNPACK (filled), partitions: {len(run.partitions)}</text>"
    )
    for node in nodes:
        for source in node.sources:
            yield _edge(nodes[source], node)
    for node in nodes:
        yield from _box(node)


def _place(node: DrawnNode) -> tuple[float, float]:
    return _MARGIN + node.column * (_BOX[0] + _GAP), _HEAD + node.layer * _ROW


def _box(node: DrawnNode) -> Iterator[str]:
    x, y = _place(node)
    yield f'<g><rect class="{node.style}" x="{x:g}" y="{y:g}" rx="5"'
    yield f' width="{_BOX[0]}" height="{_BOX[1]}"/>'
    yield f'<text x="{x + 9:g}" y="{y + 16:g}">{escape(shorten(node.label, 27))}</text>'
    yield f'<text class="small" x="{x + 9:g}" y="{y + 29:g}">{escape(node.detail)}</text>'
    yield f"<title>{escape(node.hint)}</title></g>" if node.hint else "</g>"


def _edge(source: DrawnNode, target: DrawnNode) -> str:
    (x1, y1), (x2, y2) = _place(source), _place(target)
    start, end = (x1 + _BOX[0] / 2, y1 + _BOX[1]), (x2 + _BOX[0] / 2, y2)
    span = target.layer - source.layer
    if span <= 1 or source.column != target.column:
        middle = (start[1] + end[1]) / 2
        bend = f"C {start[0]:g} {middle:g}, {end[0]:g} {middle:g}, {end[0]:g} {end[1]:g}"
        return f'<path class="edge" d="M {start[0]:g} {start[1]:g} {bend}"/>'
    side = max(x1, x2) + _BOX[0]
    out = side + min(20 + 6 * span, 60)
    start, end = (x1 + _BOX[0], y1 + _BOX[1] / 2), (x2 + _BOX[0], y2 + _BOX[1] / 2)
    bend = f"C {out:g} {start[1]:g}, {out:g} {end[1]:g}, {end[0]:g} {end[1]:g}"
    return f'<path class="edge" d="M {start[0]:g} {start[1]:g} {bend}"/>'
