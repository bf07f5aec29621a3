"""``tflconv.inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tflconv.core import files, given
from tflconv.core.given import AnyPath
from tflconv.core.parameters import suggests_parameters
from tflconv.errors import UsageError

if TYPE_CHECKING:
    from tflconv.compression.redundancy import Redundancy
    from tflconv.inspection.diff import Difference
    from tflconv.inspection.inspect import Inspection

KERAS = (".keras", ".h5", ".hdf5")


@suggests_parameters
def inspect(
    model: AnyPath,
    other: AnyPath | None = None,
    *,
    svg: AnyPath | None = None,
    custom_objects: AnyPath | None = None,
) -> Inspection | Difference | Redundancy:
    """Return what is inside a ``.tflite`` file, or what a Keras model could do without.

    Args:
        model: A ``.tflite`` file of any origin, or a ``.keras`` or ``.h5`` file.
        other: A second ``.tflite`` file: then what differs between both is returned.
        svg: A file for a drawing of the graph, or of both side by side.
        custom_objects: A Python file with layers that a Keras model uses. It is run.

    Returns:
        Operators, bytes, inputs and outputs and what XNNPACK runs; of two files their difference;
        of a Keras model the cost and the redundancy of its layers.

    Raises:
        UsageError: A Keras model is to be compared or drawn.
        TflconvError: The file cannot be read.

    Example:
        >>> inspect("models/mobilenet_v2-mnist-sample-static_wi8_ai8.tflite").delegation.partitions
        1
    """
    path, second = Path(model), given.path(other)
    if path.suffix in KERAS:
        if second is not None or svg is not None:
            raise UsageError(
                f"{path} is a Keras file: it can be neither compared nor drawn here.",
                hint="Convert it first, then inspect its .tflite files.",
            )
        from tflconv.compression.redundancy import redundancy

        return redundancy(path, custom_objects=given.path(custom_objects))
    from tflconv.inspection import diff, drawing
    from tflconv.inspection.inspect import inspect as inspected

    found = [inspected(each, packed=True) for each in (path, second) if each is not None]
    if svg is not None:
        files.write_text(Path(svg), drawing.draw([each.model for each in found]))
    return found[0] if second is None else diff.compare(*found)
