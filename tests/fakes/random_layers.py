"""Every layer of Keras 3 that computes, with drawn settings: what random networks are made of.

A row says which ranks of values a layer takes (1 for rows of numbers, 2 for sequences, 3 for
pictures, 4 for volumes, 5 for films of pictures, without batch) and how it is made. What works on
text is left out: conversion takes numbers.
"""

# ruff: noqa: ARG005 - all rows are called alike
from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Draw = random.Random
Make = Callable[[Any, Draw, tuple[int, ...]], Any]
"""Makes a layer for values of a shape, without batch, from ``keras.layers`` and a draw."""

ACTIVATIONS = (
    "linear", "relu", "relu6", "elu", "selu", "celu", "gelu", "silu", "tanh", "sigmoid", "softplus",
    "softsign", "exponential", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu", "mish",
    "softmax", "log_softmax", "log_sigmoid", "glu", "soft_shrink", "hard_shrink", "tanh_shrink",
    "squareplus", "sparse_plus", "sparsemax", "sparse_sigmoid",
)  # fmt: skip
ANY = (1, 2, 3, 4)
LAYERS: dict[str, tuple[tuple[int, ...], Make]] = {}


def _row(name: str, ranks: tuple[int, ...], make: Make) -> None:
    LAYERS[name] = (ranks, make)


def _plain(name: str, ranks: tuple[int, ...], *values: Any, **settings: Any) -> None:
    _row(name, ranks, lambda layers, draw, shape: getattr(layers, name)(*values, **settings))


def _adaptive(name: str, rank: int) -> None:
    """To two places each way; Keras divides by 0 and dies where there is only one."""

    def make(layers: Any, _: Draw, shape: tuple[int, ...]) -> Any:
        return getattr(layers, name)(2) if min(shape[:-1]) > 1 else layers.Identity()

    _row(name, (rank,), make)


def _activation(draw: Draw) -> str | None:
    return draw.choice((None, None, "relu", draw.choice(ACTIVATIONS[:20])))


def _format(draw: Draw) -> str:
    return "channels_first" if draw.random() < 0.08 else "channels_last"


def _padding(draw: Draw) -> str:
    return draw.choice(("same", "valid"))


def _conv(name: str, rank: int) -> None:
    def make(layers: Any, draw: Draw, shape: tuple[int, ...]) -> Any:
        settings: dict[str, Any] = {
            "kernel_size": draw.choice((1, 2, 3)), "padding": _padding(draw),
            "data_format": _format(draw), "activation": _activation(draw),
            "use_bias": draw.random() < 0.7,
        }  # fmt: skip
        if draw.random() < 0.3:
            settings["dilation_rate" if draw.random() < 0.4 else "strides"] = 2
        if name.startswith("Depthwise"):
            return getattr(layers, name)(depth_multiplier=draw.choice((1, 2)), **settings)
        if name == "Conv1D" and draw.random() < 0.2:
            settings |= {"padding": "causal", "data_format": "channels_last"}
        if name in ("Conv1D", "Conv2D") and draw.random() < 0.15 and shape[-1] % 2 == 0:
            return getattr(layers, name)(4, **settings | {"groups": 2})
        return getattr(layers, name)(draw.choice((2, 4)), **settings)

    _row(name, (rank,), make)


def _pool(name: str, rank: int) -> None:
    def make(layers: Any, draw: Draw, shape: tuple[int, ...]) -> Any:
        return getattr(layers, name)(
            2, strides=draw.choice((None, 1)), padding=_padding(draw), data_format=_format(draw)
        )

    _row(name, (rank,), make)


def _globally(name: str, rank: int) -> None:
    _row(
        name,
        (rank,),
        lambda layers, draw, shape: getattr(layers, name)(
            keepdims=draw.random() < 0.3, data_format=_format(draw)
        ),
    )


def _recurrent(layers: Any, draw: Draw, name: str, *cells: Any) -> Any:
    several = draw.random() < 0.4
    settings = {"return_sequences": several, "go_backwards": draw.random() < 0.2}
    return getattr(layers, name)(*(cells or (3,)), **settings)


for _rank, _suffix in ((2, "1D"), (3, "2D"), (4, "3D")):
    _conv(f"Conv{_suffix}", _rank)
    _conv(f"Conv{_suffix}Transpose", _rank)
    _pool(f"MaxPooling{_suffix}", _rank)
    _pool(f"AveragePooling{_suffix}", _rank)
    _globally(f"GlobalMaxPooling{_suffix}", _rank)
    _globally(f"GlobalAveragePooling{_suffix}", _rank)
    _adaptive(f"AdaptiveAveragePooling{_suffix}", _rank)
    _adaptive(f"AdaptiveMaxPooling{_suffix}", _rank)
    _plain(f"ZeroPadding{_suffix}", (_rank,), 1)
    _plain(f"Cropping{_suffix}", (_rank,), 1)
    _plain(f"SpatialDropout{_suffix}", (_rank,), 0.3)
    if _suffix != "3D":
        _conv(f"DepthwiseConv{_suffix}", _rank)
        _conv(f"SeparableConv{_suffix}", _rank)
_plain("UpSampling1D", (2,), 2)
_plain("UpSampling3D", (4,), 2)
_row("UpSampling2D", (3,), lambda layers, draw, shape: layers.UpSampling2D(
    2, interpolation=draw.choice(("nearest", "bilinear"))))  # fmt: skip
for _name, _rank in (("ConvLSTM1D", 3), ("ConvLSTM2D", 4), ("ConvLSTM3D", 5)):
    _plain(_name, (_rank,), 2, 2, padding="same")

_row("Activation", ANY, lambda layers, draw, shape: layers.Activation(draw.choice(ACTIVATIONS)))
_row("ReLU", ANY, lambda layers, draw, shape: layers.ReLU(
    max_value=draw.choice((None, 1, 6)), negative_slope=draw.choice((0, 0.1)),
    threshold=draw.choice((0, 0, 0.2))))  # fmt: skip
_row("Dense", ANY, lambda layers, draw, shape: layers.Dense(
    draw.choice((3, 4)), activation=_activation(draw), use_bias=draw.random() < 0.7))  # fmt: skip
_row("BatchNormalization", ANY, lambda layers, draw, shape: layers.BatchNormalization(
    axis=draw.choice((-1, -1, -1, 1)), scale=draw.random() < 0.8))  # fmt: skip
_row("LayerNormalization", ANY, lambda layers, draw, shape: layers.LayerNormalization(
    axis=draw.choice((-1, -1, 1)), center=draw.random() < 0.8))  # fmt: skip
_row("Normalization", ANY, lambda layers, draw, shape: layers.Normalization(
    mean=0.5, variance=2.0, axis=None, invert=draw.random() < 0.2))  # fmt: skip
_row("Rescaling", ANY, lambda layers, draw, shape: layers.Rescaling(
    0.5, offset=draw.choice((0, -1))))  # fmt: skip
_row("Reshape", (2, 3, 4), lambda layers, draw, shape: layers.Reshape(
    draw.choice(((-1,), (*shape[:-2], shape[-1], shape[-2])))))  # fmt: skip
_row("Permute", (2, 3, 4), lambda layers, draw, shape: layers.Permute(
    draw.sample(range(1, len(shape) + 1), len(shape))))  # fmt: skip
_row("PReLU", ANY, lambda layers, draw, shape: layers.PReLU(shared_axes=None if len(shape) < 2
    else draw.choice((None, list(range(1, len(shape)))))))  # fmt: skip
_row("SpectralNormalization", ANY, lambda layers, draw, shape: layers.SpectralNormalization(
    layers.Dense(3)))  # fmt: skip
_row("EinsumDense", (2,), lambda layers, draw, shape: layers.EinsumDense(
    "abc,cd->abd", output_shape=(shape[0], 3), bias_axes=draw.choice((None, "d"))))  # fmt: skip
_row("GroupNormalization", (2, 3, 4), lambda layers, draw, shape: layers.GroupNormalization(
    groups=draw.choice((1, -1))))  # fmt: skip
_row("TimeDistributed", (2, 3), lambda layers, draw, shape: layers.TimeDistributed(
    layers.Dense(3)))  # fmt: skip
_row("LSTM", (2,), lambda layers, draw, shape: _recurrent(layers, draw, "LSTM"))
_row("GRU", (2,), lambda layers, draw, shape: _recurrent(layers, draw, "GRU"))
_row("SimpleRNN", (2,), lambda layers, draw, shape: _recurrent(layers, draw, "SimpleRNN"))
_row("RNN", (2,), lambda layers, draw, shape: _recurrent(layers, draw, "RNN", draw.choice(
    (layers.LSTMCell, layers.GRUCell, layers.SimpleRNNCell))(3)))  # fmt: skip
_row("StackedRNNCells", (2,), lambda layers, draw, shape: _recurrent(
    layers, draw, "RNN", [layers.LSTMCell(3), layers.GRUCell(2)]))  # fmt: skip
_row("Bidirectional", (2,), lambda layers, draw, shape: layers.Bidirectional(
    _recurrent(layers, draw, draw.choice(("LSTM", "GRU")))))  # fmt: skip
_row("RandomCrop", (3,), lambda layers, draw, shape: layers.RandomCrop(*shape[:2]))
_row("Resizing", (3,), lambda layers, draw, shape: layers.Resizing(
    6, 6, interpolation=draw.choice(("bilinear", "nearest"))))  # fmt: skip
_plain("CenterCrop", (3,), 4, 4)
_plain("RepeatVector", (1,), 3)
_plain("Masking", (2,))
_row("Pipeline", (3,), lambda layers, draw, shape: layers.Pipeline([layers.Rescaling(0.5)]))
for _name in (
    "Identity", "Flatten", "LeakyReLU", "ELU", "Softmax", "RMSNormalization", "UnitNormalization",
    "ActivityRegularization",
):  # fmt: skip
    _plain(_name, ANY)
for _name in ("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise"):
    _plain(_name, ANY, 0.3)

PICTURES: dict[str, tuple[Any, ...]] = {
    "AugMix": (), "AutoContrast": (), "ContrastLimitedAdaptiveHistogramEqualization": (),
    "CutMix": (), "MixUp": (),
    "RandAugment": (), "RandomBrightness": (0.1,), "RandomColorDegeneration": (0.5,),
    "RandomColorJitter": (), "RandomContrast": (0.1,), "RandomElasticTransform": (),
    "RandomErasing": (), "RandomFlip": (), "RandomGaussianBlur": (), "RandomGrayscale": (0.5,),
    "RandomHue": (0.5,), "RandomInvert": (), "RandomPerspective": (), "RandomPosterization": (4,),
    "RandomRotation": (0.1,), "RandomSaturation": (0.5,), "RandomSharpness": (0.5,),
    "RandomShear": (), "RandomTranslation": (0.1, 0.1), "RandomZoom": (0.1,), "Solarization": (),
}  # fmt: skip
"""Layers of augmentation, which only pictures of 3 channels meet, by what they are given. Keras
itself cannot build a functional model with Equalization.
"""
for _name, _given in PICTURES.items():
    _plain(_name, (3,), *_given)

MERGES = ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")
ATTENTION = ("AdditiveAttention", "Attention", "GroupQueryAttention", "MultiHeadAttention", "Dot")
OPERATIONS = ("abs", "square", "exp", "sin", "clip", "mean", "max", "transpose", "slice", "scale")
INTEGERS = (
    "CategoryEncoding", "Discretization", "Embedding", "Hashing", "IntegerLookup",
    "ReversibleEmbedding",
)  # fmt: skip
OF_SEVERAL = dict.fromkeys(MERGES, ANY) | dict.fromkeys(ATTENTION, (2,))
"""Layers that take a value twice or a value and a branch of it."""

ALL = tuple(sorted([*LAYERS, *OF_SEVERAL, *INTEGERS, *(f"ops.{name}" for name in OPERATIONS)]))


def focus_of(number: int) -> str:
    """Return the layer in the focus of the network of ``number``: all come equally often."""
    return ALL[number % len(ALL)]
