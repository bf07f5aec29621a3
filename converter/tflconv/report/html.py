"""Exports results as one self-contained HTML file: no network, plots inline as SVG.

The page follows the light or dark setting of the reader, prints on A4, and shows table rows as
cards on a phone. Its small script sorts tables and picks columns; without it all is there, too. A
policy in the page forbids the browser any other script and any connection.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files

from tflconv.core.plural import plural
from tflconv.core.text import to_html as escape
from tflconv.report import columns, findings, headline, markup, method, plots, style, units
from tflconv.report.columns import Cell, Column, DeviceRuns
from tflconv.report.headline import Headline
from tflconv.report.sections import devices, mistakes, operators, reproduce, stairs, training
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
    sections = (
        devices.html(groups),
        *(_device(group) for group in groups),
        mistakes.html(groups),
        training.html(results.context),
        reproduce.html(results, groups),
    )
    return page(title, _header(title, results, groups, sections), sections)


def page(
    title: str,
    header: str,
    sections: Sequence[str],
    *,
    styles: Sequence[str] = ("page.css",),
    scripts: Sequence[str] = ("page.js",),
) -> str:
    """Return a page that needs nothing else, and that runs no other script than ours.

    Args:
        title: Its title, not yet escaped.
        header: What comes first, as HTML.
        sections: Its sections, as HTML; empty ones are left out.
        styles: Style sheets of this package.
        scripts: Scripts of this package.
    """
    ours = [_resource(name) for name in scripts]
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(ours)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(title)}</title>",
            f"<style>\n{''.join(map(_resource, styles))}</style>",
            "</head>",
            "<body>",
            header,
            "<main>",
            *filter(None, sections),
            "</main>",
            *(f'<script type="module">{script}</script>' for script in ours),
            "</body>",
            "</html>",
            "",
        )
    )


def _resource(name: str) -> str:
    return files("tflconv.report").joinpath(name).read_text(encoding="utf-8")


def _policy(scripts: Sequence[str]) -> str:
    """Return what a browser may do with the page: show it, and run these scripts."""
    digests = (base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline';"
        " img-src data:; base-uri 'none'; form-action 'none'"
    )


def _header(title: str, results: Results, groups: list[DeviceRuns], sections: Sequence[str]) -> str:
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
            _headlines(headline.of(groups)),
            _contents(groups, sections),
            "</header>",
        )
    )


def _headlines(headlines: Sequence[Headline]) -> str:
    items = "".join(f"<li><b>{escape(h.model)}</b> {markup.prose(h.text)}</li>" for h in headlines)
    return f'<ul class="headline">{items}</ul>' if items else ""


def _contents(groups: list[DeviceRuns], sections: Sequence[str]) -> str:
    links = [(_anchor(group), group.device.name) for group in groups]
    others = {
        "devices": "Side by side",
        "mistakes": "What they get wrong",
        "training": "Training",
        "reproduce": "To reproduce",
    }
    openings = [f'<section id="{name}">' for name in others]
    present = [
        (name, title)
        for (name, title), opening in zip(others.items(), openings, strict=True)
        if any(section.startswith(opening) for section in sections)
    ]
    first = [pair for pair in present if pair[0] == "devices"]
    ordered = [*first, *links, *(pair for pair in present if pair not in first)]
    anchors = (f'<a href="#{name}">{escape(title)}</a>' for name, title in ordered)
    return f'<nav aria-label="Sections">{"".join(anchors)}</nav>' if len(ordered) > 1 else ""


def _device(group: DeviceRuns) -> str:
    device = group.device
    return "\n".join(
        (
            f'<section id="{_anchor(group)}">',
            f"<h2>{escape(device.name)} <small>{escape(device.id)}</small></h2>",
            f'<p class="detail">{escape(columns.detail(group))}</p>',
            _table(group),
            _findings(group),
            stairs.html(group),
            _plots(group),
            operators.html(group),
            _method(group),
            "</section>",
        )
    )


def _table(group: DeviceRuns) -> str:
    shown = columns.shown(group)
    heads = "".join(f'<th scope="col">{escape(column.title)}</th>' for column in shown)
    bodies = (_body(name, cells, shown) for name, cells in group.models)
    caption = escape(f"All files on {group.device.name}")
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{caption}">'
        f'<table class="results sortable">\n<caption class="spoken">{caption}</caption>\n'
        f'<thead><tr><th scope="col" class="recipe">recipe</th>{heads}</tr></thead>\n'
        + "\n".join(bodies)
        + "\n</table></div>"
    )


def _body(name: str, cells: list[Cell], shown: list[Column]) -> str:
    rows = "\n".join(_row(cell, shown) for cell in cells)
    head = f'<th scope="rowgroup" colspan="{len(shown) + 1}">{escape(name)}</th>'
    return f'<tbody>\n<tr class="model">{head}</tr>\n{rows}\n</tbody>'


def _row(cell: Cell, shown: list[Column]) -> str:
    recipe, verdict = cell.run.model.recipe, cell.run.verdict
    swatch = f'<i style="background:{style.recipe_color(recipe)}"></i>'
    badge = f"<b>{escape(verdict)}</b>" if verdict not in (None, "clean") else ""
    numbers = columns.numbers(cell)
    data = "".join(_data(column, column.text(cell), numbers) for column in shown)
    return f'<tr><th scope="row">{swatch}<span>{escape(recipe)}</span>{badge}</th>{data}</tr>'


def _data(column: Column, text: str | None, numbers: dict[str, columns.Number]) -> str:
    value = numbers.get(column.sorts_by)
    sort = f' data-value="{value:.9g}"' if isinstance(value, int | float) else ""
    missing = "" if text else " class=missing"
    shown = escape(text or units.MISSING)
    return f'<td data-label="{escape(column.title)}"{sort}{missing}>{shown}</td>'


def _findings(group: DeviceRuns) -> str:
    items = "\n".join(
        f"<li{' class=severe' if f.severe else ''}>"
        f"<b>{escape(f.subject)}</b> {markup.marked(f.text)}</li>"
        for f in findings.of(group)
    )
    return f'<ul class="findings">\n{items}\n</ul>' if items else ""


def _plots(group: DeviceRuns) -> str:
    figures = "\n".join(_figure(group, name) for name in _PLOTS)
    return f'<div class="plots">\n{figures}\n</div>'


def _figure(group: DeviceRuns, name: str) -> str:
    plot = plots.PLOTS[name]
    drawn = plot(group)
    if drawn is None:
        return ""
    described = escape(f"{(plot.__doc__ or name).splitlines()[0]} {group.device.name}.")
    caption = _caption(group, name)
    return f"<figure>{style.inline_svg(drawn, described)}{caption}</figure>"


def _caption(group: DeviceRuns, name: str) -> str:
    texts = [_CAPTIONS[name]] if name in _CAPTIONS else []
    if len(group.cells) > plots.SHOWN_RUNS and name != "pareto":
        texts.append(f"The {plots.SHOWN_RUNS} runs of the lowest cost; the table has all.")
    return f"<figcaption>{' '.join(texts)}</figcaption>" if texts else ""


def _method(group: DeviceRuns) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in method.sentences(group))
    return (
        f'<div class="method"><h3>How it was measured</h3>\n<ul>{items}</ul>\n'
        f"{markup.definitions(method.conditions(group))}</div>"
    )


def _anchor(group: DeviceRuns) -> str:
    return "device-" + "".join(c if c.isalnum() else "-" for c in group.device.id)
