"""What one or two ``.tflite`` files hold, and what was asked beside: costs, errors, refusals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tflconv.core import telling
from tflconv.core.jsonvalue import JsonValue
from tflconv.errors import UsageError
from tflconv.inspection import diff, gpu, op_costs
from tflconv.inspection.diff import Difference
from tflconv.inspection.inspect import Inspection, inspect, to_json
from tflconv.model import keras_file
from tflconv.results import BenchmarkRun

if TYPE_CHECKING:
    from tflconv.compression.redundancy import Redundancy
    from tflconv.verification.per_operator import ErrorTrace

Target = Literal["gpu"]
SAMPLES = 32
"""Samples that are drawn unless others are asked for."""


@dataclass(frozen=True, kw_only=True, repr=False)
class TracedDifference(Difference):
    """A difference, and the error of each operator that both files have.

    Attributes:
        errors: The errors; None unless samples were named.
    """

    errors: ErrorTrace | None = None


def inspect_keras(model: Path, *, custom_objects: Path | None = None) -> Redundancy:
    """Return what a Keras model could do without.

    Args:
        model: A ``.keras`` or ``.h5`` file.
        custom_objects: A Python file with layers that the model uses.

    Raises:
        TflconvError: The file is missing or no Keras file, which is told before TensorFlow starts;
            or it cannot be opened.
    """
    if model.is_file():
        keras_file.read(model)
    from tflconv.compression.redundancy import redundancy

    return redundancy(model, custom_objects=custom_objects)


def inspect_files(
    model: Path,
    other: Path | None = None,
    *,
    runs: Iterable[BenchmarkRun] | None = None,
    calibration: object = None,
    calibration_count: int = SAMPLES,
    normalize: str | None = None,
    target: Target | None = None,
) -> Inspection | TracedDifference:
    """Return what is in ``model`` or, with ``other``, what differs between both.

    Args:
        model: A ``.tflite`` file of any origin.
        other: A second one.
        runs: Measured runs, of which those of these files are looked up.
        calibration: Samples that both files are run on, for the error of each operator.
        calibration_count: Number of samples.
        normalize: How pixels become inputs, where neither file says it.
        target: Whose refusals are named: ``gpu``.

    Raises:
        UsageError: There are samples and one file only, or they do not fit.
        TflconvError: A file cannot be read.
    """
    errors = None
    if calibration is not None:
        if other is None:
            raise UsageError(
                "--calibration holds two files against each other, and there is one.",
                hint="Name a second file, made of the same model: first the float one, then the"
                " quantized one.",
            )
        from tflconv.pipeline.error_trace import trace_errors

        errors = trace_errors(
            model, other, calibration, count=calibration_count, normalize=normalize
        )
    measured_runs = None if runs is None else tuple(runs)
    first = _inspected(model, measured_runs, target)
    if other is None:
        return first
    difference = diff.compare(first, _inspected(other, measured_runs, target))
    return TracedDifference(**vars(difference), errors=errors)


def models_of(inspected: Inspection | TracedDifference) -> tuple[Inspection, ...]:
    """Return what is in each file."""
    return (inspected,) if isinstance(inspected, Inspection) else inspected.models


def as_json(inspected: Inspection | TracedDifference) -> dict[str, JsonValue]:
    """Return all of it as a JSON object."""
    if isinstance(inspected, Inspection):
        return to_json(inspected)
    errors = {} if inspected.errors is None else {"errors": inspected.errors.to_json()}
    models = [to_json(each) for each in inspected.models]
    return {"difference": diff.to_json(inspected), **errors, "models": models}


def page(inspected: Inspection | TracedDifference) -> str:
    """Return the graph, or both and what differs, as an HTML page."""
    from tflconv.report import graph_page

    if isinstance(inspected, Inspection):
        return graph_page.to_html([inspected], None, None)
    return graph_page.to_html(inspected.models, inspected, inspected.errors)


def overlays(
    inspected: Inspection | TracedDifference, folder: Path
) -> list[tuple[Path, list[Path]]]:
    """Write overlays for Model Explorer; return each model file with the paths of its own."""
    from tflconv.report import model_explorer

    if isinstance(inspected, Inspection):
        return [(inspected.model.path, model_explorer.write(inspected, folder))]
    errors: tuple[ErrorTrace | None, ...] = (None, inspected.errors)
    return [
        (
            each.model.path,
            model_explorer.write(
                each, folder, difference=inspected, second=place == 1, errors=errors[place]
            ),
        )
        for place, each in enumerate(inspected.models)
    ]


def _inspected(
    path: Path, runs: tuple[BenchmarkRun, ...] | None, target: Target | None
) -> Inspection:
    inspection = inspect(path, packed=True)
    measured = tuple(op_costs.of_file(runs or (), inspection.sha256))
    if runs is not None and not measured:
        telling.warn(
            f"the results have no measured graph of {path.name}; `tflconv bench` records one."
        )
    refusals = gpu.refusals(inspection.model) if target == "gpu" else None
    return replace(inspection, measured=measured, gpu_refusals=refusals)
