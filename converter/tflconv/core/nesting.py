"""Flatten nested lists and dictionaries, as which Keras takes and returns several tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from tflconv.core.typing import Nested

Leaf = TypeVar("Leaf")


def leaves(structure: Nested[Leaf]) -> list[Leaf]:
    """Return the values inside of nested lists, tuples and dictionaries, in their order.

    Args:
        structure: One value, or any nesting of values; no value may be a sequence itself.

    Example:
        >>> leaves({"left": 1, "right": [2, (3, 4)]})
        [1, 2, 3, 4]
    """
    if isinstance(structure, Mapping):
        return [leaf for part in structure.values() for leaf in leaves(part)]
    if isinstance(structure, Sequence):
        return [leaf for part in structure for leaf in leaves(part)]
    return [structure]
