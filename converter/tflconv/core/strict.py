"""Hooks for ``cattrs`` by which no value of parsed JSON or TOML is taken for another.

``cattrs`` by itself makes 1 of 1.5 and of true for an int, True of "no" for a bool, and a list of
letters of a text. What is read so says something else than its file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args, get_origin

import cattrs

from tflconv.core.text import clean

_TAKEN: Mapping[type, frozenset[type]] = {
    bool: frozenset({bool}),
    int: frozenset({int}),
    float: frozenset({int, float}),
    str: frozenset({str}),
}
_CALLED = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


class Mismatch(TypeError):  # noqa: N818 - says what was expected
    """A value has another type than the field it is for."""


def prepare(converter: cattrs.Converter) -> None:
    """Make ``converter`` raise ``Mismatch`` for a value of another type.

    Example:
        >>> made = cattrs.Converter()
        >>> prepare(made)
        >>> made.structure([1, 2], tuple[int, ...]), made.structure(3, float)
        ((1, 2), 3.0)
    """
    for kind in _TAKEN:
        converter.register_structure_hook(kind, _exactly(kind))
    converter.register_structure_hook_factory(_is_tuple, lambda kind: _listed(converter, kind))


def in_words(value: object) -> str:
    """Return a value as messages name it, however large it is."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return clean(repr(value[:60] if isinstance(value, str) else value), 60)


def _exactly(kind: type) -> Callable[[Any, Any], Any]:
    def structured(value: Any, _: Any) -> Any:
        if type(value) not in _TAKEN[kind]:
            raise Mismatch(f"expected {_CALLED[kind]}, not {in_words(value)}")
        return kind(value)

    return structured


def _listed(converter: cattrs.Converter, kind: Any) -> Callable[[Any, Any], tuple[Any, ...]]:
    first, *rest = get_args(kind)
    if rest != [...]:
        return _numbered(converter, (first, *rest))
    taken, items = _TAKEN.get(first), list[first]  # type: ignore[valid-type]

    def structured(value: Any, _: Any) -> tuple[Any, ...]:
        _check_list(value)
        if taken is not None and {*map(type, value)} <= taken:
            return tuple(map(first, value))  # at once, as there may be samples by the million
        return tuple(converter.structure(value, items))

    return structured


def _numbered(converter: cattrs.Converter, kinds: tuple[Any, ...]) -> Callable[[Any, Any], Any]:
    """A hook for a tuple with one kind for each place."""

    def structured(value: Any, _: Any) -> tuple[Any, ...]:
        _check_list(value)
        if len(value) != len(kinds):
            raise Mismatch(f"expected {len(kinds)} values, not {len(value)}")
        return tuple(
            converter.structure(part, kind) for part, kind in zip(value, kinds, strict=True)
        )

    return structured


def _check_list(value: object) -> None:
    if not isinstance(value, list | tuple):  # values that never were a file have tuples
        raise Mismatch(f"expected a list, not {in_words(value)}")


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple
