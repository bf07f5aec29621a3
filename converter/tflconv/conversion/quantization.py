"""Quantize a float ``.tflite`` file by a recipe with litert-quantizer, without TensorFlow.

``docs/decisions/0004`` has the figures that led to this instead of one run of the TFLite converter
per recipe: a recipe takes 0.1 s instead of 1 s, is delegated at least as well, and a user's own
float ``.tflite`` file can be quantized, too.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as fb

from tflconv.conversion.calibration import TensorRanges
from tflconv.conversion.cancelling import widened
from tflconv.conversion.ordering import begin_well
from tflconv.conversion.selection import FILTERS, UPWARDS
from tflconv.core import quiet, telling
from tflconv.core.jsonvalue import JsonValue
from tflconv.core.plural import plural
from tflconv.core.shortening import first_line
from tflconv.errors import TflconvError
from tflconv.recipe import Precision, Recipe
from tflconv.tflite import (
    biases,
    editing,
    ends,
    half_precision,
    idle,
    int4,
    packing,
    pixels,
    respelling,
    saturating,
    standing_in,
    steps,
    stripping,
    twins,
    unread,
)

Settings = dict[str, JsonValue]
"""One entry of a litert-quantizer recipe, or a part of it."""

_NOT, _INTEGERS, _CASTING = "no_quantize", "min_max_uniform_quantize", "float_casting"

_HALF: Settings = {
    "weight_tensor_config": {"num_bits": 16, "dtype": "FLOAT"},
    "compute_precision": "FLOAT",
    "explicit_dequantize": True,
}
"""Weights that are stored in half precision."""

_CONVERSIONS = {"DEQUANTIZE", "QUANTIZE"}

_CALLED = {UPWARDS: "CONV_2D_TRANSPOSE"}
"""What litert-quantizer calls operators otherwise than LiteRT does."""

MATRIX_OPS = ("FULLY_CONNECTED", "CONV_2D")
SMALLEST_WEIGHT = 1024
"""Weights with fewer elements stay float in dynamic recipes, as in the TFLite converter: they
save nothing, and the first convolution is among them, which suffers most."""


class LeftInFloat(TflconvError):  # noqa: N818 - says which operators
    """Operators compute in float where the recipe promises integers.

    Attributes:
        operators: Their kinds, without those that only convert.
    """

    def __init__(self, message: str, operators: Collection[str], *, instead: str) -> None:
        hint = f"Use {instead}, which keeps them in float, or replace those layers."
        super().__init__(message, hint=hint)
        self.operators = frozenset(operators)


def quantize(
    model: bytes,
    recipe: Recipe,
    ranges: TensorRanges | None = None,
    *,
    also: Mapping[str, Sequence[str]] | None = None,
    precisions: Mapping[Precision, Mapping[str, Sequence[str]]] | None = None,
    run_time: Mapping[str, Sequence[str]] | None = None,
    kept: Collection[str] = (),
) -> bytes:
    """Quantize a float model by ``recipe``.

    Args:
        model: A float ``.tflite`` file.
        recipe: The recipe.
        ranges: Ranges of activations (``calibration.measure``), for static recipes.
        also: What a selective recipe computes in integers besides filters: names of results, by
            the kind of operator (``selection.selected``).
        precisions: What a mixed recipe computes otherwise than in 8 bits, alike, by precision.
        run_time: Layers of a selective recipe whose activations get their ranges at run time, as
            in a dynamic one, alike.
        kept: Names of kernels that keep 8 bits in a recipe of 4.

    Returns:
        The quantized ``.tflite`` file.

    Raises:
        LeftInFloat: Operators compute in float where ``recipe`` promises integers.
        TflconvError: litert-quantizer cannot quantize the model.
    """
    settings = [*_settings(recipe), *_chosen(_static(recipe), also or {})]
    for precision, operators in (precisions or {}).items():
        settings += _otherwise(recipe, precision, operators)
    settings += _chosen(_dynamic(recipe), run_time or {})
    unpacked = packing.unpack(model)
    if not settings:
        return _finished(unpacked, recipe)
    in_float = biases.float_biases(unpacked)
    quantized = _by_outputs(model, unpacked, recipe, settings, ranges)
    biases.make_room(quantized, in_float)
    if "float16" in (precisions or {}):
        half_precision.allow(quantized)
    return _finished(quantized, recipe, kept)


def finish(quantized: bytes, recipe: Recipe, kept: Collection[str] = ()) -> bytes:
    """Give a quantized model the inputs, outputs and int4 weights of ``recipe``, and check it.

    Args:
        quantized: A ``.tflite`` file with 8-bit weights and int8 or float inputs and outputs.
        recipe: The recipe.
        kept: Names of kernels that keep 8 bits in a recipe of 4.

    Raises:
        LeftInFloat: Operators compute in float where ``recipe`` promises integers.
    """
    return _finished(packing.unpack(quantized), recipe, kept)


def _finished(model: fb.ModelT, recipe: Recipe, kept: Collection[str] = ()) -> bytes:
    editing.follow_signature(model)
    idle.remove_idle_relus(model)
    saturating.clip_by_range(model)
    biases.tell_types(model)
    steps.avoid_ones(model)
    _check_steps(model, recipe)
    if recipe.compute == "static":
        _check_is_integer(model, recipe)
    if recipe.weights == "int4":
        int4.use_int4(model, kept)
    if recipe.io == "uint8":
        ends.use_uint8(model)
    stripping.share_equal(model)
    return begin_well(model)


def _settings(recipe: Recipe) -> list[Settings]:
    """The litert-quantizer recipe; an empty one leaves the model as it is."""
    if recipe.compute == "float":
        return [] if recipe.weights == "float32" else _each(("*",), _HALF, algorithm=_CASTING)
    if recipe.compute == "dynamic":
        return _each((*MATRIX_OPS, UPWARDS), _dynamic(recipe))
    if recipe.compute == "weight_only":
        config = _weights(recipe) | {"compute_precision": "FLOAT", "explicit_dequantize": True}
        return _each(("*",), config)
    ops = FILTERS if recipe.compute == "selective" else ("*",)
    return [*_each(ops, _static(recipe)), *_float_ends(recipe)]


def _chosen(
    config: Settings, chosen: Mapping[str, Sequence[str]], algorithm: str = _INTEGERS
) -> list[Settings]:
    """One configuration for the operators with these results, whose names end in semicolons."""
    return [
        entry
        for operation, results in chosen.items()
        for name in results
        for entry in _each((operation,), config, f"^{re.escape(name)};$", algorithm)
    ]


def _static(recipe: Recipe) -> Settings:
    bits = 8 if recipe.is_mixed else _BITS[recipe.activations]
    return _weights(recipe) | {"activation_tensor_config": _activations(bits)}


def _otherwise(
    recipe: Recipe, precision: Precision, operators: Mapping[str, Sequence[str]]
) -> list[Settings]:
    """How a mixed recipe computes in ``precision``; weights become int4 when all is done.

    Whatever makes these results is meant, for it may be spelled otherwise or stood in for.
    """
    whatever = {"*": [name for names in operators.values() for name in names]}
    if precision == "float32":
        return _chosen({}, whatever)
    if precision == "float16":
        filters = {kind: names for kind, names in operators.items() if kind in FILTERS}
        return [*_chosen({}, whatever), *_chosen(_HALF, filters, _CASTING)]
    bits = 16 if precision == "int16" else 8
    config = _weights(recipe) | {"activation_tensor_config": _activations(bits)}
    return _chosen(config, whatever)


def _each(
    operations: Sequence[str], config: Settings, regex: str = ".*", algorithm: str = _INTEGERS
) -> list[Settings]:
    return [
        {
            "regex": regex,
            "operation": _CALLED.get(operation, operation),
            "algorithm_key": algorithm if config else _NOT,
            "op_config": config,
        }
        for operation in operations
    ]


def _weights(recipe: Recipe) -> Settings:
    return {
        "weight_tensor_config": {
            "num_bits": max(8, _BITS[recipe.weights]),
            "symmetric": True,
            "granularity": recipe.granularity.upper(),
            "dtype": "INT",
        },
        "compute_precision": "INTEGER",
        "explicit_dequantize": False,
        "skip_checks": False,
        "min_weight_elements": 0,
    }


def _dynamic(recipe: Recipe) -> Settings:
    return _weights(recipe) | {"min_weight_elements": SMALLEST_WEIGHT}


def _activations(bits: int) -> Settings:
    return {
        "num_bits": bits,
        "symmetric": bits == 16,
        "granularity": "TENSORWISE",
        "dtype": "INT",
    }


def _float_ends(recipe: Recipe) -> list[Settings]:
    whole = recipe.compute in ("static", "mixed")
    return _each(("INPUT", "OUTPUT"), {}) if whole and recipe.io == "float32" else []


def _by_outputs(
    content: bytes,
    model: fb.ModelT,
    recipe: Recipe,
    settings: list[Settings],
    ranges: TensorRanges | None,
) -> fb.ModelT:
    """Quantize a model that may give an output twice, or read one that is to be float.

    litert-quantizer keeps in float what reads a float output, so that its ends become float after
    it. ``model`` is what ``content`` holds, and is used up: to unpack it takes most of the time.
    """
    ranges = None if ranges is None else widened(model, ranges)
    given_twice = twins.part(model)
    later = _float_ends(recipe) if editing.reads_outputs(model) else []
    if given_twice:
        content = packing.pack(model)
    settings = [each for each in settings if each not in later]
    quantized = _as_it_can_be_read(content, model, recipe, settings, ranges)
    if later:
        ends.use_float(quantized)
    if given_twice:
        editing.follow_signature(quantized)
        twins.join(quantized, given_twice)
    return quantized


def _as_it_can_be_read(
    content: bytes,
    model: fb.ModelT,
    recipe: Recipe,
    settings: list[Settings],
    ranges: TensorRanges | None,
) -> fb.ModelT:
    """Run litert-quantizer on a spelling of ``model`` that it quantizes as a whole."""
    if recipe.compute not in ("static", "mixed"):
        return packing.unpack(_run(content, recipe, settings, ranges))
    static = recipe.compute == "static"
    limits = pixels.take_as_floats(model) if static and recipe.io != "float32" else {}
    respelled, count = respelling.respell(model), unread.expose(model)
    codes = standing_in.disguise(model, 16 if static and recipe.activations == "int16" else 8)
    if not (limits or respelled or count or codes):
        return packing.unpack(_run(content, recipe, settings, ranges))
    ranges = _reaching(ranges or {}, limits)
    quantized = packing.unpack(_run(packing.pack(model), recipe, settings, ranges))
    unread.hide(quantized, count)
    standing_in.reveal(quantized, codes)
    return quantized


def _reaching(ranges: TensorRanges, limits: Mapping[str, tuple[int, int]]) -> TensorRanges:
    """Return ``ranges`` in which those of ``limits`` are just these."""
    shapes = {name: ranges[name]["min"].shape for name in limits}
    return ranges | {
        name: {
            "min": np.full(shapes[name], low, np.float32),
            "max": np.full(shapes[name], high, np.float32),
        }
        for name, (low, high) in limits.items()
    }


def _run(
    model: bytes, recipe: Recipe, settings: list[Settings], ranges: TensorRanges | None
) -> bytes:
    from litert_quantizer import quantizer  # imports SciPy, which verification does without

    try:
        with _quiet():
            result = quantizer.Quantizer(model, settings).quantize(
                ranges, enable_progress_bar=False, enable_progress_report=False
            )
    except (ValueError, RuntimeError, KeyError, NotImplementedError) as error:
        raise TflconvError(
            f"litert-quantizer cannot make recipe {recipe.name} of this model: {first_line(error)}"
        ) from error
    assert result.quantized_model is not None
    return bytes(result.quantized_model)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Discard progress bars, and warnings of the interpreter that the quantizer opens."""
    with (
        contextlib.redirect_stderr(io.StringIO()),
        quiet.native_stderr(),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def _check_is_integer(model: fb.ModelT, recipe: Recipe) -> None:
    remaining = editing.float_operators(model)
    if not remaining:
        return
    computing = [each for each in remaining if each.split()[0] not in _CONVERSIONS] or remaining
    named = ", ".join(computing[:8]) + (", ..." if len(computing) > 8 else "")
    counted = plural(len(computing), "operator")
    message = f"recipe {recipe.name} leaves {counted} in float: {named}."
    if recipe.is_integer:
        kinds = {each.split()[0] for each in remaining} - _CONVERSIONS
        raise LeftInFloat(message, kinds, instead=_name_of("selective_wi8_ai8", recipe))
    telling.warn(message)


def _check_steps(model: fb.ModelT, recipe: Recipe) -> None:
    if names := steps.too_large(model):
        raise TflconvError(
            f"recipe {recipe.name} cannot hold the values of {names[0]}: they reach"
            f" {256 * steps.LARGEST:.0e} and more.",
            hint="Use dynamic_wi8_afp32, or calibrate with samples as the model was trained on.",
        )


def _name_of(scheme: str, recipe: Recipe) -> str:
    """The recipe with the steps of ``recipe`` and another scheme."""
    return "_".join([*map(str, recipe.steps), scheme])


_BITS = {"int4": 4, "int8": 8, "int16": 16, "float16": 16, "float32": 32}
