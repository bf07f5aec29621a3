"""Graphs of one or two files as one HTML page: differences, a picture to work with, every operator.

In the picture repeated blocks are folded, and a figure colours the operators: who runs them, cost,
bytes, scale, what differs, and their error. The tables say the same to those who do not see it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from tflconv.core.jsonvalue import JsonObject, JsonValue
from tflconv.core.plural import plural
from tflconv.core.text import clean_json, to_json
from tflconv.core.text import to_html as escape
from tflconv.inspection import facts
from tflconv.inspection.diff import Difference
from tflconv.inspection.facts import GraphFacts, OperatorFacts
from tflconv.inspection.inspect import Inspection
from tflconv.report import error_text, html, markup, model_explorer, units
from tflconv.verification.per_operator import ErrorTrace, OperatorError

MOST_ROWS = 2000
"""Operators in the table of a file, the first ones; the picture has all."""


def to_html(
    inspections: Sequence[Inspection],
    difference: Difference | None = None,
    errors: ErrorTrace | None = None,
) -> str:
    """Return the page.

    Args:
        inspections: One file, or two.
        difference: What differs between two files.
        errors: The error per operator of the second file.
    """
    graphs = [facts.of(each) for each in inspections]
    marks = [_marks(difference, place) for place in range(len(graphs))]
    title = " and ".join(each.model.path.name for each in inspections)
    return html.page(
        title,
        _header(title, inspections),
        (
            _difference(inspections, difference) if difference else "",
            _errors(errors) if errors else "",
            _picture(inspections, graphs, marks, errors),
            *(_operators(*parts) for parts in zip(inspections, graphs, marks, strict=True)),
        ),
        styles=("page.css", "graph.css"),
        scripts=("page.js", "graph.js"),
    )


def _header(title: str, inspections: Sequence[Inspection]) -> str:
    lines = map(_summary, inspections)
    items = "".join(f'<p class="summary">{escape(line)}</p>' for line in lines)
    return f"<header>\n<h1>{escape(title)}</h1>\n{items}\n</header>"


def _summary(inspection: Inspection) -> str:
    run = inspection.delegation
    return (
        f"{inspection.model.path.name}: {plural(len(inspection.model.main.operators), 'operator')},"
        f" {units.size(inspection.bytes.total)}, {units.amount(inspection.macs)} MACs;"
        f" XNNPACK runs {len(run.delegated)} in {plural(len(run.partitions), 'partition')}"
    )


def _difference(inspections: Sequence[Inspection], difference: Difference) -> str:
    changes = (
        f"<tr>{markup.head(c.kind)}{markup.data(c.op)}{markup.data(str(c.count), c.count)}"
        f'<td class="words">{escape(c.detail)}</td></tr>'
        for c in difference.changes
    )
    figures = (
        f"<tr>{markup.head(name.replace('_', ' '))}{markup.data(f'{old:,}', old)}"
        f"{markup.data(f'{new:,}', new)}{markup.data(_relative(old, new))}</tr>"
        for name, (old, new) in difference.figures.items()
    )
    names = [each.model.path.name for each in inspections]
    return markup.section(
        "Difference",
        markup.table(
            ["change", "operator", "count", "what happened"],
            changes,
            kind="facts texts",
            caption=f"From {names[0]} to {names[-1]}; {difference.unchanged} operators unchanged",
        ),
        markup.table(
            ["figure", *names, "change"], figures, kind="facts", caption="Figures", sortable=False
        ),
    )


def _relative(old: int, new: int) -> str:
    return units.change(new / old - 1) if old else units.MISSING


def _errors(trace: ErrorTrace) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in error_text.lines(trace))
    return markup.section(
        "Error per operator",
        f'<p class="detail">{plural(trace.samples, "sample")} of {escape(trace.source)};'
        f" {escape(trace.target)} held against {escape(trace.reference)}.</p>",
        f'<ul class="findings">{lines}</ul>',
    )


def _picture(
    inspections: Sequence[Inspection],
    graphs: Sequence[GraphFacts],
    marks: Sequence[dict[int, str]],
    errors: ErrorTrace | None,
) -> str:
    operator_errors = [*[dict[int, OperatorError]()] * (len(graphs) - 1), _by_place(errors)]
    content: list[JsonValue] = [
        _graph(*parts) for parts in zip(inspections, graphs, marks, operator_errors, strict=True)
    ]
    text = to_json(clean_json(content), indent=None).replace("<", "\\u003c")
    return (
        '<section id="graph">\n<h2>Graph</h2>\n<div id="picture" hidden>\n'
        '<div class="controls"><label>Colour by <select id="figure"></select></label>'
        '<button type="button" id="larger">larger</button>'
        '<button type="button" id="smaller">smaller</button>'
        '<button type="button" id="whole">whole graph</button>'
        '<button type="button" id="unfold">unfold blocks</button>'
        '<button type="button" id="fold">fold blocks</button></div>\n'
        '<div class="canvas"><svg role="group" aria-label="Graph of operators; the tables below say'
        ' the same"></svg></div>\n'
        '<div id="detail" role="status"><p>Choose an operator to see what is known about it. Drag'
        " to move, turn the wheel or press + and − to zoom.</p></div>\n</div>\n"
        '<noscript><p class="note">The picture needs the small script in this page, which was not'
        " run.</p></noscript>\n"
        f'<script type="application/json" id="graphs">{text}</script>\n</section>'
    )


def _graph(
    inspection: Inspection,
    graph: GraphFacts,
    marks: dict[int, str],
    errors: dict[int, OperatorError],
) -> JsonObject:
    operators = [_operator(each, marks, errors) for each in graph.operators]
    return {
        "name": inspection.model.path.name,
        "operators": operators,
        "blocks": [asdict(block) for block in graph.blocks],
    }


def _operator(
    operator: OperatorFacts, marks: dict[int, str], errors: dict[int, OperatorError]
) -> JsonObject:
    entry = asdict(operator)
    if operator.index in marks:
        entry["change"] = marks[operator.index]
    if (error := errors.get(operator.index)) is not None:
        entry |= {"snr": round(error.worst, 2), "error": error_text.in_words(error)}
    return entry


def _operators(inspection: Inspection, graph: GraphFacts, marks: dict[int, str]) -> str:
    heads = ["#", "operator", "output", "type", "scale", "MACs", "instructions", "bytes", "run by"]
    heads += ["difference"] if marks else []
    rows = (_row(each, marks) for each in graph.operators[:MOST_ROWS])
    caption = f"{inspection.model.path.name}: operators in the order of execution"
    table = markup.table(heads, rows, kind="facts texts", caption=caption)
    name = escape(f"All operators of {inspection.model.path.name}")
    return f"<section><h2>{name}</h2><details><summary>Show</summary>{table}</details></section>"


def _row(operator: OperatorFacts, marks: dict[int, str]) -> str:
    number = markup.head(str(operator.index), operator.index)
    return f"<tr>{number}{''.join(_cells(operator, marks))}</tr>"


def _cells(operator: OperatorFacts, marks: dict[int, str]) -> Iterator[str]:
    yield markup.data(operator.name, label="operator")
    yield markup.data(operator.output, label="output")
    yield markup.data(operator.type, label="type")
    scale = units.MISSING if operator.scale is None else f"{operator.scale:.4g}"
    yield markup.data(scale, operator.scale, label="scale")
    yield markup.data(f"{operator.macs:,}", operator.macs, label="MACs")
    cost = operator.instructions
    yield markup.data(units.amount(cost), f"{cost:.6g}", label="instructions")
    yield markup.data(f"{operator.bytes:,}", operator.bytes, label="bytes")
    run = f"XNNPACK {operator.partition}" if operator.partition else operator.reason or "built-in"
    yield markup.data(run, label="run by")
    if marks:
        yield markup.data(marks.get(operator.index, ""), label="difference")


def _marks(difference: Difference | None, place: int) -> dict[int, str]:
    return {} if difference is None else model_explorer.marks(difference, second=place == 1)


def _by_place(errors: ErrorTrace | None) -> dict[int, OperatorError]:
    return {} if errors is None else {each.index: each for each in errors.operators}
