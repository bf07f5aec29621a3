"""Damaged copies of a file, the n-th one always the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tflconv.tflite import packing

_TELLING = (0, 1, 0x7F, 0x80, 0xFF)
"""Bytes at which lengths, signs and offsets turn over."""


def mutant(original: bytes, number: int) -> bytes:
    """Return copy ``number`` of ``original`` with one to eight pieces of damage."""
    draw = random.Random(number)
    content = bytearray(original)
    for _ in range(draw.choice((1, 1, 2, 4, 8))):
        if content:
            draw.choice(_DAMAGES)(content, draw)
    return bytes(content)


def _flip_a_bit(content: bytearray, draw: random.Random) -> None:
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)


def _set_a_byte(content: bytearray, draw: random.Random) -> None:
    content[draw.randrange(len(content))] = draw.choice(_TELLING)


def _redirect(content: bytearray, draw: random.Random) -> None:
    """Overwrite four bytes that may be an offset, a length or an index."""
    at = 4 * draw.randrange(len(content) // 4 + 1)
    value = draw.choice((draw.randrange(64), draw.randrange(len(content)), 0xFFFFFFFF, 1 << 31))
    content[at : at + 4] = value.to_bytes(4, "little")


def _cut(content: bytearray, draw: random.Random) -> None:
    del content[draw.randrange(len(content)) :]


def _remove(content: bytearray, draw: random.Random) -> None:
    start = draw.randrange(len(content))
    del content[start : start + draw.randrange(1, 64)]


def _copy(content: bytearray, draw: random.Random) -> None:
    start, to = draw.randrange(len(content)), draw.randrange(len(content))
    piece = content[start : start + draw.randrange(1, 64)]
    content[to : to + len(piece)] = piece


_DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip_a_bit, _flip_a_bit, _set_a_byte, _redirect, _redirect, _cut, _remove, _copy,
)  # fmt: skip


def disordered(original: bytes, number: int) -> bytes:
    """Return copy ``number`` of a model: a sound file whose operators and tensors are not."""
    draw = random.Random(number)
    model: Any = packing.unpack(original)
    for _ in range(draw.choice((1, 1, 2, 4))):
        graph = draw.choice(model.subgraphs)
        draw.choice(_DISORDERS)(graph, draw)
    return packing.pack(model)


def _rewire(graph: Any, draw: random.Random) -> None:
    operator = draw.choice(graph.operators)
    side = draw.choice(("inputs", "outputs"))
    indices = [int(index) for index in getattr(operator, side)]
    where = draw.randrange(len(indices) + 1)
    other = draw.choice((-1, draw.randrange(len(graph.tensors))))
    indices[where : where + draw.choice((0, 1))] = draw.choice(([], [other], [other, other]))
    setattr(operator, side, indices)


def _reshape(graph: Any, draw: random.Random) -> None:
    tensor = draw.choice(graph.tensors)
    tensor.shape = [draw.choice((0, 1, 2, 7)) for _ in range(draw.randrange(8))]
    tensor.shapeSignature = None


def _retype(graph: Any, draw: random.Random) -> None:
    draw.choice(graph.tensors).type = draw.randrange(18)


def _rescale(graph: Any, draw: random.Random) -> None:
    tensor = draw.choice(graph.tensors)
    if tensor.quantization is None or tensor.quantization.scale is None or draw.random() < 0.5:
        tensor.quantization = None
        return
    tensor.quantization.scale = draw.choice(([0.0], [float("nan")], [1e-30, 1e30], []))
    tensor.quantization.zeroPoint = draw.choice(([], [1 << 40], [0]))


def _forget(graph: Any, draw: random.Random) -> None:
    operator = draw.choice(graph.operators)
    operator.builtinOptions, operator.builtinOptionsType = None, 0


def _recode(graph: Any, draw: random.Random) -> None:
    """Make the operator another one of the model."""
    draw.choice(graph.operators).opcodeIndex = draw.choice(graph.operators).opcodeIndex


_DISORDERS: tuple[Callable[[Any, random.Random], None], ...] = (
    _rewire, _rewire, _rewire, _reshape, _reshape, _retype, _rescale, _forget, _recode,
)  # fmt: skip
