"""``tflconv.inspect``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tflconv import pipeline
from tflconv.core import files, given
from tflconv.core.given import AnyPath
from tflconv.core.parameters import suggests_parameters
from tflconv.errors import UsageError
from tflconv.pipeline.inspecting import SAMPLES, Target, models_of
from tflconv.results import Results, exchange

if TYPE_CHECKING:
    from tflconv.compression.redundancy import Redundancy
    from tflconv.inspection.inspect import Inspection
    from tflconv.pipeline.inspecting import TracedDifference

KERAS = (".keras", ".h5", ".hdf5")


@suggests_parameters
def inspect(
    model: AnyPath,
    other: AnyPath | None = None,
    *,
    svg: AnyPath | None = None,
    html: AnyPath | None = None,
    model_explorer: AnyPath | None = None,
    results: Results | AnyPath | Iterable[Results | AnyPath] | None = None,
    calibration: AnyPath | None = None,
    calibration_count: int = SAMPLES,
    normalize: str | None = None,
    target: Target | None = None,
    custom_objects: AnyPath | None = None,
) -> Inspection | TracedDifference | Redundancy:
    """Return what is inside a ``.tflite`` file, or what a Keras model could do without.

    Args:
        model: A ``.tflite`` file of any origin, or a ``.keras`` or ``.h5`` file.
        other: A second ``.tflite`` file: then what differs between both is returned.
        svg: A file for a drawing of the graph, or of both side by side.
        html: A file for a page of the graph, or of both and what differs.
        model_explorer: A folder for overlays of Model Explorer.
        results: What ``bench`` returned, or results files: what the operators cost is in
            ``measured``.
        calibration: Samples that both files are run on: the error of each operator is in
            ``errors``, ``html`` and ``model_explorer``.
        calibration_count: How many of them.
        normalize: How pixels become inputs, where the files do not say it.
        target: ``gpu``, for the operators that the GPU delegate refuses, in ``gpu_refusals``.
        custom_objects: A Python file with layers that a Keras model uses. It is run.

    Returns:
        Operators, bytes, inputs and outputs and what XNNPACK runs; of two files their difference,
        with both in ``models``; of a Keras model the cost and the redundancy of its layers.

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
        asked = (other, svg, html, model_explorer, results, calibration, target)
        if any(each is not None for each in asked):
            raise UsageError(
                f"{path} is a Keras file: it can be neither compared, drawn nor measured here.",
                hint="Convert it first, then inspect its .tflite files.",
            )
        return pipeline.inspect_keras(path, custom_objects=given.path(custom_objects))
    inspected = pipeline.inspect_files(
        path,
        second,
        runs=None if results is None else exchange.gathered(results).runs,
        calibration=given.source(calibration),
        calibration_count=calibration_count,
        normalize=normalize,
        target=target,
    )
    _draw(inspected, svg, html, model_explorer)
    return inspected


def _draw(
    inspected: Inspection | TracedDifference,
    svg: AnyPath | None,
    html: AnyPath | None,
    folder: AnyPath | None,
) -> None:
    """Write the drawing, the page and the overlays that were asked for."""
    from tflconv.inspection import drawing
    from tflconv.pipeline.inspecting import overlays, page

    if svg is not None:
        files.write_text(Path(svg), drawing.draw([each.model for each in models_of(inspected)]))
    if html is not None:
        files.write_text(Path(html), page(inspected))
    if folder is not None:
        overlays(inspected, Path(folder))
