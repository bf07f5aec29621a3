"""``tflconv.write_report``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tflconv.core import files, given
from tflconv.core.given import AnyPath
from tflconv.core.parameters import suggests_parameters
from tflconv.results import Results, exchange


@suggests_parameters
def write_report(
    results: Results | AnyPath | Iterable[Results | AnyPath],
    html: AnyPath | None = None,
    *,
    plots: AnyPath | None = None,
    export_csv: AnyPath | None = None,
    export_markdown: AnyPath | None = None,
    export_json: AnyPath | None = None,
) -> Path | None:
    """Write results as one self-contained HTML file, and in other forms.

    Args:
        results: What ``bench`` returned or ``load`` read, or results files; one or several. Of two
            runs of the same model on the same device the later one is kept.
        html: The HTML file to write.
        plots: A folder for plots, as PNG and SVG files.
        export_csv: A CSV file of the figures.
        export_markdown: A Markdown file of the tables.
        export_json: A results file of all results.

    Returns:
        The path of the HTML file, if one was asked for.

    Raises:
        TflconvError: A file is not a results file, or cannot be written.

    Example:
        >>> from tflconv.results import Results
        >>> write_report(Results(), "empty.html").name
        'empty.html'
    """
    from tflconv.report import export
    from tflconv.report.html import to_html

    merged = exchange.gathered(results)
    writers = {
        export_csv: export.to_csv,
        export_markdown: export.to_markdown,
        export_json: export.to_json,
        html: to_html,
    }
    for target, render in writers.items():
        if target is not None:
            files.write_text(Path(target), render(merged))
    if plots is not None:
        from tflconv.report import plots as drawing

        drawing.write(merged, Path(plots))
    return given.path(html)
