"""A recipe says what is done to a float model; its name says everything a result table needs.

Names follow litert-quantizer: ``static_wi8_ai8`` has static ranges, 8-bit integer weights and
8-bit integer activations. What was done while training comes as a prefix: ``qat_static_wi8_ai8``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from tflconv.errors import UsageError, unknown

Precision = Literal["float32", "float16", "int4", "int8", "int16"]
Granularity = Literal["tensorwise", "channelwise"]
TensorType = Literal["float32", "int8", "uint8"]
"""Type of a converted model's inputs and outputs; float32 keeps them as the reference has them."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is done to a model's numbers on the way to ``.tflite``.

    ``static`` recipes fix the ranges of activations from calibration data; ``dynamic`` ones
    measure them at run time; in ``weight_only`` ones the arithmetic stays in float. With ``qat``
    the model is first trained with its numbers rounded, and the ranges are those of the training.
    """

    name: str
    summary: str
    weights: Precision = "float32"
    activations: Precision = "float32"
    compute: Literal["float", "dynamic", "static", "selective", "weight_only"] = "float"
    granularity: Granularity = "channelwise"
    io: TensorType = "float32"
    qat: bool = False

    def __post_init__(self) -> None:
        if self.compute == "static" and self.activations not in ("int8", "int16"):
            raise UsageError(
                f"recipe '{self.name}': static ranges need int8 or int16 activations."
                f" Received: activations={self.activations}."
            )
        if self.io != "float32" and not self.is_integer:
            raise UsageError(
                f"recipe '{self.name}': {self.io} inputs and outputs need static int8 activations."
                f" Received: compute={self.compute}, activations={self.activations}."
            )

    @property
    def needs_calibration(self) -> bool:
        """Whether conversion must see samples of the data."""
        return self.compute in ("static", "selective") and not self.qat

    @property
    def is_integer(self) -> bool:
        """Whether every operator must compute in 8-bit integers."""
        return self.compute == "static" and self.activations == "int8"

    def with_io(self, io: TensorType) -> Recipe:
        """The same recipe with other input and output types."""
        return replace(self, io=io)


BUILT_IN = {
    recipe.name: recipe
    for recipe in (
        Recipe(name="fp32", summary="float throughout: the reference"),
        Recipe(name="fp16", summary="weights stored as float16, half the bytes", weights="float16"),
        Recipe(
            name="dynamic_wi8_afp32",
            summary="int8 weights; activations quantized as they come",
            weights="int8",
            compute="dynamic",
        ),
        Recipe(
            name="weight_only_wi8_afp32",
            summary="int8 weights, float arithmetic: a quarter of the bytes, no speed",
            weights="int8",
            compute="weight_only",
        ),
        Recipe(
            name="static_wi8_ai8",
            summary="int8 weights and activations, ranges from calibration data",
            weights="int8",
            activations="int8",
            compute="static",
            io="int8",
        ),
        Recipe(
            name="qat_static_wi8_ai8",
            summary="the same, the model trained with its rounding first: needs labelled pictures",
            weights="int8",
            activations="int8",
            compute="static",
            io="int8",
            qat=True,
        ),
        Recipe(
            name="static_wi8_ai16",
            summary="int8 weights, int16 activations: accurate, slow outside of DSPs",
            weights="int8",
            activations="int16",
            compute="static",
        ),
        Recipe(
            name="selective_wi8_ai8",
            summary="int8 FULLY_CONNECTED and convolutions, float elsewhere",
            weights="int8",
            activations="int8",
            compute="selective",
        ),
        Recipe(
            name="static_wi4_ai8",
            summary="static_wi8_ai8 with int4 weights in FULLY_CONNECTED: smaller, not faster",
            weights="int4",
            activations="int8",
            compute="static",
            io="int8",
        ),
        Recipe(
            name="selective_wi4_ai8",
            summary="selective_wi8_ai8 with int4 weights in FULLY_CONNECTED",
            weights="int4",
            activations="int8",
            compute="selective",
        ),
        Recipe(
            name="static_wi8_ai8_tensorwise",
            summary="static_wi8_ai8 with one scale for all channels of a weight: smaller tables",
            weights="int8",
            activations="int8",
            compute="static",
            granularity="tensorwise",
            io="int8",
        ),
    )
}


def get(name: str) -> Recipe:
    """The built-in recipe called ``name``."""
    if name not in BUILT_IN:
        raise unknown("recipe", name, BUILT_IN)
    return BUILT_IN[name]
