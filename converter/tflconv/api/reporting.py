"""``tflconv.write_report``."""

from __future__ import annotations

from pathlib import Path

from tflconv.core import files
from tflconv.core.parameters import suggests_parameters
from tflconv.results import Results


@suggests_parameters
def write_report(results: Results, html: str | Path) -> Path:
    """Write results as one self-contained HTML file.

    Args:
        results: What ``bench`` returned, or ``tflconv.results.load`` read.
        html: The file to write.

    Returns:
        The path of the file.

    Example:
        >>> from tflconv.results import Results
        >>> write_report(Results(), "empty.html").name
        'empty.html'
    """
    from tflconv.report.html import to_html

    return files.write_text(Path(html), to_html(results))
