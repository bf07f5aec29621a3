"""Hooks for ``cattrs`` by which no value of parsed TOML is taken for another.

``cattrs`` by itself makes 1 of 1.5 for an int, True of "no" for a bool, and a list of letters of a
text. A plan that is read so does something else than it says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args, get_origin

import cattrs

from tflconv.core.text import clean

_TAKEN: Mapping[type, tuple[type, ...]] = {
    bool: (bool,), int: (int,), float: (int, float), str: (str,),
}  # fmt: skip
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


def _exactly(kind: type) -> Callable[[Any, Any], Any]:
    def structured(value: Any, _: Any) -> Any:
        if isinstance(value, bool) != (kind is bool) or not isinstance(value, _TAKEN[kind]):
            raise Mismatch(f"expected {_CALLED[kind]}, not {clean(repr(value), 60)}")
        return kind(value)

    return structured


def _listed(made: cattrs.Converter, kind: Any) -> Callable[[Any, Any], tuple[Any, ...]]:
    items: Any = list[get_args(kind)[0]]  # type: ignore[misc]

    def structured(value: Any, _: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Mismatch(f"expected a list, not {clean(repr(value), 60)}")
        return tuple(made.structure(value, items))

    return structured


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple
