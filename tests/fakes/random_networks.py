"""Random networks of Keras 3, the one of a number always the same.

Every number has a layer in its focus, so that all come equally often; before and after it stand
layers that rotate, so that over the rounds every pair comes. One to three inputs and outputs,
nested models, shared layers, branches, integer inputs and other float types are drawn.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fakes.random_layers import (
    ALL,
    ATTENTION,
    INTEGERS,
    LAYERS,
    OF_SEVERAL,
    OPERATIONS,
    PICTURES,
    focus_of,
)  # fmt: skip

SHAPES = {1: (6,), 2: (6, 4), 3: (8, 8, 3), 4: (4, 4, 4, 2), 5: (3, 4, 4, 4, 2)}
SAMPLES = 8
_POLICIES = ("float32",) * 8 + ("mixed_float16", "mixed_bfloat16")


@dataclass(kw_only=True)
class RandomNetwork:
    """A model, its samples, and what was drawn for it.

    Attributes:
        model: The Keras model.
        samples: An array ``[8, ...]`` per input, by name.
        chains: Classes of its layers, those of each branch in the order in which they stand.
        policy: Type of its computations.
    """

    model: Any
    samples: dict[str, np.ndarray]
    chains: list[list[str]]
    policy: str


def network(number: int) -> RandomNetwork:
    """Return the network of ``number``."""
    import keras

    draw = random.Random(f"network {number}")
    policy = draw.choice(_POLICIES)
    keras.utils.set_random_seed(number)
    keras.config.set_dtype_policy(policy)
    try:
        grown = _Growing(keras, draw)
        grown.grow(number)
        model = grown.finished()
    finally:
        keras.config.set_dtype_policy("float32")
    _randomize(model, np.random.default_rng(number))
    return RandomNetwork(model=model, samples=grown.samples, chains=grown.chains, policy=policy)


@dataclass
class _Growing:
    keras: Any
    draw: random.Random
    inputs: list[Any] = field(default_factory=list)
    samples: dict[str, np.ndarray] = field(default_factory=dict)
    chains: list[list[str]] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def grow(self, number: int) -> None:
        turn = number // len(ALL)
        self.values.append(self._walk(focus_of(number), turn))
        for _ in range(self.draw.choice((0, 0, 0, 1, 2))):
            self.values.append(self._walk(self.draw.choice(ALL), turn))

    def _walk(self, focus: str, turn: int) -> Any:
        self.chains.append([])
        value = self._start(focus)
        rank = len(value.shape) - 1
        fitting = sorted(name for name in LAYERS if rank in LAYERS[name][0])
        if self.draw.random() < 0.7 and focus not in PICTURES:
            changed = self._try(value, fitting[turn % len(fitting)])
            if _takes(focus, changed):
                value = changed
            else:
                self.chains[-1].clear()
        value = self._try(value, focus)
        for step in range(self.draw.choice((1, 2, 3))):
            rank = len(value.shape) - 1
            fitting = sorted(n for n in (*LAYERS, *OF_SEVERAL) if _takes(n, value))
            place = (turn + ALL.index(focus)) if step == 0 else self.draw.randrange(999)
            if fitting:
                value = self._try(value, fitting[place % len(fitting)])
        return value

    def _start(self, focus: str) -> Any:
        layers, name = self.keras.layers, f"in_{len(self.inputs)}_{self.draw.choice('abc')}"
        numbers = np.random.default_rng(self.draw.randrange(2**31))
        if focus in INTEGERS and focus != "Discretization":
            value = layers.Input((5,), dtype="int32", name=name)
            self.samples[name] = numbers.integers(0, 7, (SAMPLES, 5)).astype(np.int32)
            self.inputs.append(value)
            return value
        ranks = _ranks(focus)
        rank = self.draw.choice(ranks)
        pixels = rank == 3 and self.draw.random() < 0.3
        dtype = self.draw.choice(("uint8", "int32", "float32")) if pixels else "float32"
        value = layers.Input(SHAPES[rank], name=name, dtype=dtype)
        drawn = numbers.uniform(0, 255, (SAMPLES, *SHAPES[rank])) if pixels else numbers.normal(
            size=(SAMPLES, *SHAPES[rank])
        )  # fmt: skip
        self.samples[name] = np.rint(drawn).astype(dtype) if pixels else drawn.astype(np.float32)
        self.inputs.append(value)
        if pixels:
            value = layers.Rescaling(1 / 127.5, offset=-1)(value)
        return value

    def _try(self, value: Any, name: str) -> Any:
        """Return the output of a new layer called ``name``; ``value`` if it cannot be used."""
        try:
            result = self._apply(value, name)
        except (ValueError, TypeError, IndexError, ZeroDivisionError, NotImplementedError):
            return value
        if isinstance(result, (list, tuple, dict)) or 0 in tuple(result.shape)[1:]:
            return value
        if None in tuple(result.shape)[1:] or len(result.shape) < 2:
            return value
        self.chains[-1].append(name)
        return result

    def _apply(self, value: Any, name: str) -> Any:
        layers, shape = self.keras.layers, tuple(value.shape)[1:]
        if name.startswith("ops."):
            return _operation(self.keras.ops, name[4:], value, self.draw)
        if name in INTEGERS:
            return _of_integers(layers, name, value)
        if name in OF_SEVERAL:
            branch = layers.Dense(shape[-1])(value)
            return _of_several(layers, name, value, branch, self.draw)
        layer = LAYERS[name][1](layers, self.draw, shape)
        chance = self.draw.random()
        if chance < 0.08:  # nested in a model of its own
            inner = layers.Input(shape, dtype=value.dtype)
            return self.keras.Model(inner, layer(inner))(value)
        if chance < 0.16 and "Random" not in name:  # shared by two uses
            return layers.Add()([layer(value), layer(layers.Rescaling(0.5)(value))])
        return layer(value)

    def finished(self) -> Any:
        layers = self.keras.layers
        flat = [layers.Flatten()(v) if len(v.shape) > 2 else v for v in self.values]
        whole = layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
        ends = [layers.Dense(3, activation=self.draw.choice((None, "softmax")))(whole)]
        ends += [
            self.draw.choice((self.values[0], layers.Dense(1, "sigmoid")(whole)))
            for _ in range(self.draw.choice((0, 0, 0, 1, 2)))
        ]
        ends = list({id(end): end for end in ends}.values())
        if self.draw.random() < 0.2:
            return self.keras.Model(self.inputs, {f"out_{i}": end for i, end in enumerate(ends)})
        return self.keras.Model(self.inputs, ends if len(ends) > 1 else ends[0])


def _ranks(name: str) -> tuple[int, ...]:
    if name in LAYERS:
        return LAYERS[name][0]
    return OF_SEVERAL.get(name, (1, 2, 3))


def _takes(name: str, value: Any) -> bool:
    if name in PICTURES and tuple(value.shape)[1:] != SHAPES[3]:
        return False
    return len(value.shape) - 1 in _ranks(name)


def _of_integers(layers: Any, name: str, value: Any) -> Any:
    if name == "Discretization":
        cut = layers.Discretization(bin_boundaries=[-1.0, 0.0, 1.0])(value)
        return layers.Rescaling(1.0)(cut)
    if name in ("Embedding", "ReversibleEmbedding"):
        return getattr(layers, name)(7, 4)(value)
    if name in ("Hashing", "IntegerLookup"):
        given = {"num_bins": 7} if name == "Hashing" else {"vocabulary": [1, 3, 5]}
        return layers.Embedding(7, 4)(getattr(layers, name)(**given)(value))
    return layers.CategoryEncoding(num_tokens=7, output_mode="multi_hot")(value)


def _of_several(layers: Any, name: str, value: Any, branch: Any, draw: random.Random) -> Any:
    if name == "MultiHeadAttention":
        return layers.MultiHeadAttention(2, 3, use_bias=draw.random() < 0.5)(value, branch)
    if name == "GroupQueryAttention":
        return layers.GroupQueryAttention(3, 4, 2)(value, branch)
    if name == "Dot":
        return layers.Dot(axes=2, normalize=draw.random() < 0.3)([value, branch])
    if name in ATTENTION:
        return getattr(layers, name)(use_scale=draw.random() < 0.5)([value, branch])
    return getattr(layers, name)()([value, branch])


def _operation(ops: Any, name: str, value: Any, draw: random.Random) -> Any:
    assert name in OPERATIONS
    if name == "clip":
        return ops.clip(value, -0.5, 0.5)
    if name in ("mean", "max"):
        return getattr(ops, name)(value, axis=-1, keepdims=draw.random() < 0.7)
    if name == "transpose":
        return ops.transpose(value, (0, *range(len(value.shape) - 1, 0, -1)))
    if name == "slice":
        return value[..., : max(1, value.shape[-1] // 2)]
    if name == "scale":
        return (value - 0.3) * 2 / 3 + value
    return getattr(ops, name)(value)


def _randomize(model: Any, draw: np.random.Generator) -> None:
    """Statistics and scales of norms far from 0 and 1, which what is lost would not show at."""
    for variable in model.variables:
        kind = variable.path.rsplit("/", 1)[-1]
        if kind in ("gamma", "moving_variance"):
            variable.assign(draw.uniform(0.5, 1.5, variable.shape))
        elif kind in ("beta", "moving_mean", "bias"):
            variable.assign(draw.normal(0, 0.3, variable.shape))
