"""``tflconv.inspect``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tflconv import pipeline
from tflconv.core import files, given
from tflconv.core.given import AnyPath
from tflconv.core.parameters import suggests_parameters
from tflconv.errors import UsageError

if TYPE_CHECKING:
    from tflconv.compression.redundancy import Redundancy
    from tflconv.inspection.diff import Difference
    from tflconv.inspection.inspect import Inspection
    from tflconv.verification.per_operator import ErrorTrace

KERAS = (".keras", ".h5", ".hdf5")


@suggests_parameters
def inspect(
    model: AnyPath,
    other: AnyPath | None = None,
    *,
    svg: AnyPath | None = None,
    html: AnyPath | None = None,
    model_explorer: AnyPath | None = None,
    calibration: AnyPath | None = None,
    calibration_count: int = 32,
    normalize: str | None = None,
    custom_objects: AnyPath | None = None,
) -> Inspection | Difference | Redundancy:
    """Return what is inside a ``.tflite`` file, or what a Keras model could do without.

    Args:
        model: A ``.tflite`` file of any origin, or a ``.keras`` or ``.h5`` file.
        other: A second ``.tflite`` file: then what differs between both is returned.
        svg: A file for a drawing of the graph, or of both side by side.
        html: A file for a page of the graph, or of both and what differs.
        model_explorer: A folder for overlays of Model Explorer.
        calibration: Samples that both files are run on, for the error of each operator in ``html``
            and ``model_explorer``.
        calibration_count: How many of them.
        normalize: How pixels become inputs, where the files do not say it.
        custom_objects: A Python file with layers that a Keras model uses. It is run.

    Returns:
        Operators, bytes, inputs and outputs and what XNNPACK runs; of two files their difference;
        of a Keras model the cost and the redundancy of its layers.

    Raises:
        UsageError: A Keras model is to be compared or drawn.
        TflconvError: The file cannot be read.

    Example:
        >>> found = inspect("models/mobilenet_v2-mnist-sample-static_wi8_ai8.tflite")
        >>> len(found.delegation.partitions)
        1
    """
    path, second = Path(model), given.path(other)
    if path.suffix in KERAS:
        if any(each is not None for each in (other, svg, html, model_explorer, calibration)):
            raise UsageError(
                f"{path} is a Keras file: it can be neither compared nor drawn here.",
                hint="Convert it first, then inspect its .tflite files.",
            )
        from tflconv.compression.redundancy import redundancy

        return redundancy(path, custom_objects=given.path(custom_objects))
    from tflconv.inspection import diff
    from tflconv.inspection.inspect import inspect as inspected

    found = [inspected(each, packed=True) for each in (path, second) if each is not None]
    difference = None if second is None else diff.compare(*found)
    errors = None
    if calibration is not None:
        if second is None:
            raise UsageError("calibration holds two files against each other, and there is one.")
        source = given.source(calibration)
        errors = pipeline.trace_errors(
            path, second, source, count=calibration_count, normalize=normalize
        )
    _draw(found, difference, errors, (svg, html, model_explorer))
    return found[0] if difference is None else difference


def _draw(
    found: Sequence[Inspection],
    difference: Difference | None,
    errors: ErrorTrace | None,
    targets: tuple[AnyPath | None, AnyPath | None, AnyPath | None],
) -> None:
    """Write the drawing, the page and the overlays that were asked for."""
    from tflconv.inspection import drawing
    from tflconv.report import graph_page
    from tflconv.report import model_explorer as explorer

    svg, html, folder = targets
    if svg is not None:
        files.write_text(Path(svg), drawing.draw([each.model for each in found]))
    if html is not None:
        files.write_text(Path(html), graph_page.to_html(found, difference, errors))
    for place, each in enumerate(found if folder is not None else ()):
        last = errors if each is found[-1] else None
        target = Path(folder or ".")
        explorer.write(each, target, difference=difference, second=place == 1, errors=last)
