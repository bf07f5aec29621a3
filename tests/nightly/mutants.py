"""Damaged copies of a file, the n-th one always the same."""

from __future__ import annotations

import random
from collections.abc import Callable

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
