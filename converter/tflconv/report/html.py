"""Exports results as one self-contained HTML file: no network, no script, plots inline as SVG.

The page follows the light or dark setting of the reader, prints on A4, and shows table rows as
cards on a phone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files

from tflconv.core.plural import plural
from tflconv.core.text import to_html as escape
from tflconv.core.text import to_json
from tflconv.report import columns, findings, method, plots, style, units
from tflconv.report.columns import Cell, Column, Group
from tflconv.results import Results

_PLOTS = ("pareto", "accuracy", "latency", "instructions", "cpu", "size", "samples", "sustained")
_CAPTIONS = {
    "samples": "Left to right as measured. The line is the median; a triangle lies above the strip."
    f" At most {plots.SHOWN_SAMPLES} evenly spaced samples of a run are drawn, and its outliers.",
    "sustained": "A triangle marks from when on latency never comes back to the best ten seconds.",
    "pareto": "The line is the Pareto front: no other file is better in both.",
}


def to_html(results: Results) -> str:
    """Return the page of all results.

    Example:
        >>> to_html(Results()).startswith("<!doctype html>")
        True
    """
    title = str(results.context.get("title", "tflconv results"))
    groups = columns.groups(results)
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(title)}</title>",
            f"<style>\n{_stylesheet()}</style>",
            "</head>",
            "<body>",
            _header(title, results, groups),
            "<main>",
            *(_device(group) for group in groups),
            _provenance(results, groups),
            "</main>",
            "</body>",
            "</html>",
            "",
        )
    )


def _stylesheet() -> str:
    return files("tflconv.report").joinpath("page.css").read_text(encoding="utf-8")


def _header(title: str, results: Results, groups: list[Group]) -> str:
    note = results.context.get("note")
    models = {run.model.slug for run in results.runs}
    counts = f"{plural(len(models), 'model file')} on {plural(len(groups), 'device')}"
    dates = sorted(run.started[:10] for run in results.runs if run.started)
    when = escape(f", {' to '.join(dict.fromkeys((dates[0], dates[-1])))}" if dates else "")
    return "\n".join(
        (
            "<header>",
            f"<h1>{escape(title)}</h1>",
            f'<p class="summary">{counts}{when}</p>',
            f'<p class="note">{escape(str(note))}</p>' if note else "",
            _contents(groups) if len(groups) > 1 else "",
            "</header>",
        )
    )


def _contents(groups: list[Group]) -> str:
    links = (f'<a href="#{_anchor(g)}">{escape(g.device.name)}</a>' for g in groups)
    return f"<nav>{''.join(links)}</nav>"


def _device(group: Group) -> str:
    device = group.device
    detail = escape(columns.detail(group))
    return "\n".join(
        (
            f'<section id="{_anchor(group)}">',
            f"<h2>{escape(device.name)} <small>{escape(device.id)}</small></h2>",
            f'<p class="detail">{detail}</p>',
            _table(group),
            _findings(group),
            _plots(group),
            _method(group),
            "</section>",
        )
    )


def _table(group: Group) -> str:
    shown = columns.shown(group)
    heads = "".join(f"<th>{escape(column.title)}</th>" for column in shown)
    bodies = (_body(name, cells, shown) for name, cells in group.models)
    return (
        f'<table class="results">\n<thead><tr><th class="recipe">recipe</th>{heads}</tr></thead>\n'
        + "\n".join(bodies)
        + "\n</table>"
    )


def _body(name: str, cells: list[Cell], shown: list[Column]) -> str:
    rows = "\n".join(_row(cell, shown) for cell in cells)
    head = f'<tr class="model"><th colspan="{len(shown) + 1}">{escape(name)}</th></tr>'
    return f"<tbody>\n{head}\n{rows}\n</tbody>"


def _row(cell: Cell, shown: list[Column]) -> str:
    recipe, verdict = cell.run.model.recipe, cell.run.verdict
    swatch = f'<i style="background:{style.recipe_color(recipe)}"></i>'
    badge = f"<b>{escape(verdict)}</b>" if verdict not in (None, "clean") else ""
    texts = ((column, column.text(cell)) for column in shown)
    data = "".join(
        f'<td data-label="{escape(column.title)}"{"" if text else " class=missing"}>'
        f"{escape(text or units.MISSING)}</td>"
        for column, text in texts
    )
    return f"<tr><th>{swatch}{escape(recipe)}{badge}</th>{data}</tr>"


def _findings(group: Group) -> str:
    items = "\n".join(
        f"<li{' class=severe' if f.severe else ''}>"
        f"<b>{escape(f.subject)}</b> {_marked(f.text)}</li>"
        for f in findings.of(group)
    )
    return f'<ul class="findings">\n{items}\n</ul>' if items else ""


def _plots(group: Group) -> str:
    figures = "\n".join(_figure(group, name) for name in _PLOTS)
    return f'<div class="plots">\n{figures}\n</div>'


def _figure(group: Group, name: str) -> str:
    plot = plots.PLOTS[name]
    drawn = plot(group)
    if drawn is None:
        return ""
    described = escape(f"{(plot.__doc__ or name).splitlines()[0]} {group.device.name}.")
    caption = _caption(group, name)
    return f"<figure>{style.inline_svg(drawn, described)}{caption}</figure>"


def _caption(group: Group, name: str) -> str:
    texts = [_CAPTIONS[name]] if name in _CAPTIONS else []
    if len(group.cells) > plots.SHOWN_RUNS and name != "pareto":
        texts.append(f"The {plots.SHOWN_RUNS} runs of the lowest cost; the table has all.")
    return f"<figcaption>{' '.join(texts)}</figcaption>" if texts else ""


def _method(group: Group) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in method.sentences(group))
    return (
        f'<div class="method"><h3>How it was measured</h3>\n<ul>{items}</ul>\n'
        f"{_definitions(method.conditions(group))}</div>"
    )


def _provenance(results: Results, groups: list[Group]) -> str:
    files_ = {run.model.slug: run.model for run in results.runs}.values()
    used = {part.sha256: part for group in groups for part in method.software(group)}.values()
    rows = [(model.slug, f"{model.bytes} bytes", model.sha256) for model in files_]
    rows += [(part.name, part.version, part.sha256) for part in used]
    body = "\n".join(
        f'<tr><th>{name}</th><td>{what}</td><td class="hash">{sha256}</td></tr>'
        for name, what, sha256 in (map(escape, row) for row in rows)
    )
    context = {k: v for k, v in results.context.items() if k not in ("title", "note")}
    simple = {k: v for k, v in context.items() if not _is_nested(v)}
    nested = (_details(key, value) for key, value in context.items() if key not in simple)
    return (
        "<section>\n<h2>Versions and hashes</h2>\n"
        f"{_definitions(method.flat(simple))}\n{''.join(nested)}"
        '<table class="hashes">\n<thead><tr><th>file</th><th>size or version</th><th>SHA-256</th>'
        f"</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</section>"
    )


def _is_nested(value: object) -> bool:
    inner = value.values() if isinstance(value, Mapping) else value
    return isinstance(inner, Iterable) and any(isinstance(v, (Mapping, list)) for v in inner)


def _details(name: str, value: object) -> str:
    text = "\n".join(map(escape, to_json(value).split("\n")))
    return f"<details><summary>{escape(name)}</summary><pre>{text}</pre></details>\n"


def _definitions(entries: Mapping[str, str]) -> str:
    items = (f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in entries.items())
    return f"<dl>{''.join(items)}</dl>" if entries else ""


def _marked(text: str) -> str:
    """Return escaped text with code in place of backquotes."""
    parts: Iterable[str] = escape(text).split("`")
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(parts))


def _anchor(group: Group) -> str:
    return "device-" + "".join(c if c.isalnum() else "-" for c in group.device.id)
