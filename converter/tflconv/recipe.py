"""What is done to a float model on its way to ``.tflite``, and the name that says all of it.

A name is read from left to right: ``qat_static_wi8_ai8`` is trained with its rounding (a step),
then quantized with static ranges, 8-bit integer weights and 8-bit integer activations:

    NAME    = ["unfused_"] (STEP "_")* SCHEME
    STEP    = technique [amount]            qat, prune50, channels50
    STEPS   = STEP ("_" STEP)*              what ``tflconv compress`` does, without a scheme
    SCHEME  = a key of SCHEMES              fp32, dynamic_wi8_afp32, static_wi8_ai8

A last word of ``ALIASES`` stands for its full name: ``int8`` is ``static_wi8_ai8``.

Schemes are named as litert-quantizer names its recipes, steps after
tensorflow-model-optimization. Which techniques there are is known to ``tflconv.compression``.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import Literal

from tflconv.errors import UsageError, unknown

Precision = Literal["float32", "float16", "int4", "int8", "int16"]
Granularity = Literal["tensorwise", "channelwise"]
TensorType = Literal["float32", "int8", "uint8"]
"""Type of a converted model's inputs and outputs; float32 keeps them as the reference has them."""

UNFUSED = "unfused_"
_STEP = re.compile(r"(?P<technique>[a-z]+)(?P<amount>[1-9]\d*)?")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One technique that trains a model before it is quantized.

    ``amount`` is the number in its name: of ``prune50`` 50, of ``qat`` None.
    """

    technique: str
    amount: int | None = None

    def __str__(self) -> str:
        return self.technique + ("" if self.amount is None else str(self.amount))


@dataclass(frozen=True, kw_only=True)
class Quantization:
    """How the weights and activations of a model are stored and computed with.

    ``static`` schemes fix the ranges of activations from calibration data; ``dynamic`` ones
    measure them at run time; in ``weight_only`` ones the arithmetic stays in float; ``selective``
    ones are static in FULLY_CONNECTED and convolutions and float elsewhere; ``auto`` stands for the
    cheapest of static, selective and dynamic that is close to the float model. ``mixed`` ones are
    static with 8 bits but in the operators that do most harm, which compute in float, or in half
    precision or with 16-bit activations where ``activations`` say so; layers that do no harm get
    4-bit weights where ``weights`` say so.
    """

    scheme: str
    summary: str
    weights: Precision = "float32"
    activations: Precision = "float32"
    compute: Literal["float", "dynamic", "static", "selective", "mixed", "weight_only", "auto"] = (
        "float"
    )
    granularity: Granularity = "channelwise"
    io: TensorType = "float32"

    def __post_init__(self) -> None:
        if self.compute == "static" and self.activations not in ("int8", "int16"):
            raise UsageError(
                f"recipe '{self.scheme}': static ranges need int8 or int16 activations."
                f" Received: activations={self.activations}."
            )
        if self.io != "float32" and not self.takes_integers:
            raise UsageError(
                f"recipe '{self.scheme}': {self.io} inputs and outputs need ranges and int8"
                f" activations. Received: compute={self.compute}, activations={self.activations}."
            )

    @property
    def needs_ranges(self) -> bool:
        """Whether the ranges of activations must be known, from calibration or training."""
        return self.compute in ("static", "selective", "mixed")

    @property
    def takes_integers(self) -> bool:
        """Whether inputs and outputs can be 8-bit integers."""
        return self.is_integer or self.compute in ("selective", "mixed")

    @property
    def is_integer(self) -> bool:
        """Whether every operator must compute in 8-bit integers."""
        return self.compute == "static" and self.activations == "int8"

    @property
    def is_float(self) -> bool:
        """Whether nothing is quantized."""
        return self.compute == "float" and self.weights == "float32"

    @property
    def is_auto(self) -> bool:
        """Whether it is decided for each model which scheme it stands for."""
        return self.compute == "auto"

    @property
    def is_mixed(self) -> bool:
        """Whether the precision of each operator is decided for each model."""
        return self.compute == "mixed"

    @property
    def finer(self) -> Precision:
        """What operators compute in that do harm in 8 bits, in a mixed recipe."""
        return "float32" if self.activations == "int8" else self.activations

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.scheme})"


@dataclass(frozen=True, kw_only=True)
class Recipe(Quantization):
    """A quantization and the ``steps`` of training before it, in their order.

    ``unfused`` makes a baseline in which nothing is folded or fused; only float has one.
    """

    steps: tuple[Step, ...] = ()
    unfused: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.unfused and (self.steps or not self.is_float):
            raise UsageError(
                f"the unfused graph is the float baseline. Received: recipe {self.name}.",
                hint="Make it with --recipe fp32, and the others without --rewrite=unfused.",
            )

    @property
    def name(self) -> str:
        """What the recipe is called in file names and result tables."""
        prefix = UNFUSED if self.unfused else ""
        return prefix + "_".join([*map(str, self.steps), self.scheme])

    def __repr__(self) -> str:
        return f"Recipe({self.name})"

    def with_io(self, io: TensorType) -> Recipe:
        """Return the same recipe with other input and output types."""
        return replace(self, io=io)


SCHEMES = {
    each.scheme: each
    for each in (
        Quantization(
            scheme="auto",
            summary="the cheapest of static, selective and dynamic that is close to the model",
            weights="int8",
            compute="auto",
        ),
        Quantization(scheme="fp32", summary="float throughout: the reference"),
        Quantization(
            scheme="fp16", summary="weights stored as float16, half the bytes", weights="float16"
        ),
        Quantization(
            scheme="dynamic_wi8_afp32",
            summary="int8 weights; activations quantized at run time",
            weights="int8",
            compute="dynamic",
        ),
        Quantization(
            scheme="weight_only_wi8_afp32",
            summary="int8 weights, float arithmetic: a quarter of the bytes, no speed",
            weights="int8",
            compute="weight_only",
        ),
        Quantization(
            scheme="static_wi8_ai8",
            summary="int8 weights and activations, ranges from calibration data",
            weights="int8",
            activations="int8",
            compute="static",
            io="int8",
        ),
        Quantization(
            scheme="static_wi8_ai16",
            summary="int8 weights, int16 activations: accurate, slow outside of DSPs",
            weights="int8",
            activations="int16",
            compute="static",
        ),
        Quantization(
            scheme="selective_wi8_ai8",
            summary="int8 FULLY_CONNECTED and convolutions, float elsewhere",
            weights="int8",
            activations="int8",
            compute="selective",
        ),
        Quantization(
            scheme="mixed_wi8_ai8",
            summary="int8, but operators stay in float until the file is close to the model",
            weights="int8",
            activations="int8",
            compute="mixed",
        ),
        Quantization(
            scheme="mixed_wi8_afp16",
            summary="mixed_wi8_ai8 with half precision, not float, on cores that have it",
            weights="int8",
            activations="float16",
            compute="mixed",
        ),
        Quantization(
            scheme="mixed_wi8_ai16",
            summary="int8, but operators get int16 activations until it is close: slow on CPUs",
            weights="int8",
            activations="int16",
            compute="mixed",
        ),
        Quantization(
            scheme="mixed_wi4_ai8",
            summary="mixed_wi8_ai8 with int4 weights in FULLY_CONNECTED where it stays close",
            weights="int4",
            activations="int8",
            compute="mixed",
        ),
        Quantization(
            scheme="static_wi4_ai8",
            summary="static_wi8_ai8 with int4 weights in FULLY_CONNECTED: smaller, not faster",
            weights="int4",
            activations="int8",
            compute="static",
            io="int8",
        ),
        Quantization(
            scheme="selective_wi4_ai8",
            summary="selective_wi8_ai8 with int4 weights in FULLY_CONNECTED",
            weights="int4",
            activations="int8",
            compute="selective",
        ),
        Quantization(
            scheme="static_wi8_ai8_tensorwise",
            summary="static_wi8_ai8 with one scale per weight tensor: smaller tables",
            weights="int8",
            activations="int8",
            compute="static",
            granularity="tensorwise",
            io="int8",
        ),
    )
}

ALIASES = {
    "float32": "fp32",
    "float16": "fp16",
    "dynamic": "dynamic_wi8_afp32",
    "int8": "static_wi8_ai8",
    "qat": "qat_static_wi8_ai8",
}
"""What texts of the field call a recipe; files and tables have the full name."""


def get(name: str) -> Recipe:
    """Return the recipe called ``name``.

    Args:
        name: A scheme such as ``static_wi8_ai8``, with steps before it if it is trained for; its
            last word may be one of ``ALIASES``.

    Raises:
        UsageError: No scheme ends the name, or what stands before it is no step.

    Example:
        >>> get("qat_static_wi8_ai8").steps
        (Step(technique='qat', amount=None),)
        >>> get("prune50_int8").name
        'prune50_static_wi8_ai8'
    """
    words = _in_full(name.removeprefix(UNFUSED))
    endings = [s for s in SCHEMES if words == s or words.endswith(f"_{s}")]
    if not endings:
        raise unknown("recipe", name, (*SCHEMES, *ALIASES))
    scheme = max(endings, key=len)
    before = words.removesuffix(scheme)
    return Recipe(
        **asdict(SCHEMES[scheme]),
        steps=tuple(_step(word, name) for word in before[:-1].split("_")) if before else (),
        unfused=name.startswith(UNFUSED),
    )


def get_steps(name: str) -> tuple[Step, ...]:
    """Return the steps that ``name`` consists of.

    Raises:
        UsageError: A scheme is among them, or a word that is no step.

    Example:
        >>> [str(step) for step in get_steps("finetune_channels50")]
        ['finetune', 'channels50']
    """
    for scheme in SCHEMES:
        if f"_{_in_full(name)}".endswith(f"_{scheme}") and not f"_{name}".endswith("_qat"):
            raise UsageError(
                f"'{name}' quantizes by {scheme}, and a Keras model stays in float.",
                hint="Leave the scheme out here, or use tflconv convert, which takes all of it.",
            )
    return tuple(_step(word, name) for word in name.split("_"))


def _in_full(name: str) -> str:
    """``name`` with its last word written out, where that is an alias."""
    *before, last = name.split("_")
    return "_".join([*before, ALIASES.get(last, last)])


def _step(word: str, name: str) -> Step:
    match = _STEP.fullmatch(word)
    if match is None:
        raise UsageError(
            f"'{word}' in recipe '{name}' is not a step.",
            hint="A step is a technique with or without a number: qat, prune50.",
        )
    amount = match["amount"]
    return Step(technique=match["technique"], amount=None if amount is None else int(amount))
