"""Convert an opened model to ``.tflite`` files: trace and lower it once, then quantize.

``prepare`` makes a model ready; the ``FloatModel`` that it returns makes the file of each recipe.
The parts: ``tracing`` (TFLite converter, the only part that always needs TensorFlow),
``calibration`` (ranges of activations), ``quantization`` (litert-quantizer), ``optimized`` and
``unfused`` (rewritten networks), ``equivalence`` (whether a rewritten network is still the same),
``description`` (preprocessing and labels of a user's model), ``writing`` (metadata and card). The
same model, recipe and calibration give the same bytes.
"""

from __future__ import annotations

from tflconv.conversion.calibration import Calibration
from tflconv.conversion.preparation import FloatModel, Rewrite, as_it_is
from tflconv.core import telling
from tflconv.network.keras.opened import Opened
from tflconv.network.nodes import CannotRewrite

__all__ = [
    "REWRITES",
    "Calibration",
    "FloatModel",
    "Rewrite",
    "alternative",
    "prepare",
    "rewritten",
]

REWRITES: tuple[Rewrite, ...] = ("auto", "as-is", "optimized", "unfused")


def prepare(
    model: Opened,
    rewrite: Rewrite = "as-is",
    *,
    resolution: int | None = None,
    logits: bool = False,
) -> FloatModel:
    """Make ``model`` ready for its recipes.

    Args:
        model: What ``open_once`` opened, or what a technique made of it.
        rewrite: How its operators are rewritten first; a model that was trained for int8 is
            converted as it was trained.
        logits: Whether outputs of a last softmax or sigmoid become what it is computed from.
        resolution: Side of the pictures in pixels, for a model that takes any.

    Returns:
        The model, whose ``make`` returns the file of a recipe.

    Raises:
        TflconvError: TFLite has no operators for the model.
    """
    if model.ranges is not None:
        from tflconv.conversion.optimized import OptimizedModel

        return OptimizedModel(model.network, trained=model.ranges)
    if rewrite == "optimized":
        return rewritten(as_it_is(model, resolution=resolution))
    if rewrite == "unfused":
        from tflconv.conversion import unfused

        try:
            return unfused.prepare(model)
        except CannotRewrite as error:
            telling.warn(f"{error.message} It is converted as it came.")
    made = as_it_is(model, resolution=resolution)
    return made.with_logits() if logits else made


def rewritten(lowered: FloatModel) -> FloatModel:
    """Return ``lowered`` with its operators rewritten by all passes.

    Where that cannot be done it stays as it came, with a warning.
    """
    from tflconv.conversion import optimized

    return optimized.rewritten(lowered)


def alternative(lowered: FloatModel) -> FloatModel:
    """Return ``lowered`` with its operators rewritten, its outputs of the same meaning.

    Raises:
        CannotRewrite: It cannot be rewritten, or nothing would change.
    """
    from tflconv.conversion import optimized

    return optimized.alternative(lowered)
