"""Make values of foreign JSON or TOML: one message says what is wrong with it, and at which place.

A value is never taken for one of another type: true is no number, a text no list (``strict``).
``cattrs`` either stops at the first fault without its place, or collects all faults with theirs,
and a file of 4 MB can have a million, which take gigabytes. So the first way is tried, and only
where it fails the second one, on a copy of the value whose lists are cut short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import cattrs

from tflconv.core import strict
from tflconv.errors import TflconvError

Value = TypeVar("Value")

_MOST_ITEMS = 100
"""Items of a list, and keys of an object, in which faults are looked for."""

_LONGEST = 300


class Structure:
    """Makes values of JSON.

    Args:
        prepare: Adds hooks to a converter.
        strict: Whether keys that nobody knows are refused.
    """

    def __init__(
        self,
        prepare: Callable[[cattrs.Converter], object] = lambda _: None,
        *,
        strict: bool = False,
    ) -> None:
        self._prepare = prepare
        self._strict = strict

    def of(self, value: object, kind: type[Value]) -> Value:
        """Return ``value`` as a ``kind``.

        Raises:
            ValueError: It is none. ``faults`` says what of it is wrong, if that is known.
        """
        try:
            return self._fast.structure(value, kind)
        except Exception as error:  # int() and whatever else is called on a foreign value
            cause = error
        try:
            self._telling.structure(_shortened(value), kind)
        except Exception as error:
            cause = error
        raise ValueError(f"it is not a valid {kind.__name__}") from cause

    def to_json(self, value: object) -> Any:
        """Return ``value`` as JSON; ``of`` is the inverse."""
        return self._fast.unstructure(value)

    @cached_property
    def _fast(self) -> cattrs.Converter:
        return self._converter(telling=False)

    @cached_property
    def _telling(self) -> cattrs.Converter:
        return self._converter(telling=True)

    def _converter(self, *, telling: bool) -> cattrs.Converter:
        """Made when first needed: it takes 20 ms, and most commands read no such file."""
        converter = cattrs.Converter(detailed_validation=telling, forbid_extra_keys=self._strict)
        strict.prepare(converter)
        converter.register_structure_hook(str, lambda value, _: _text(value))
        converter.register_unstructure_hook(float, float)  # 0 is written as it is read: 0.0
        self._prepare(converter)
        return converter


def faults(error: BaseException) -> list[str]:
    """Return what is wrong with a value of which ``Structure`` could make nothing.

    Args:
        error: What ``Structure.of`` raised.

    Returns:
        One sentence per fault, with its place: "expected a whole number, not 'x' @ $.bytes".
    """
    return [f"{fault.told} @ {fault.place}"[:_LONGEST] for fault in located(error)]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong with a value: what raised it, what that says, and where it is."""

    cause: BaseException
    told: str
    place: str


def located(error: BaseException) -> list[Fault]:
    """Return all that is wrong with a value, as ``faults``, with the errors themselves."""
    causes = list[tuple[BaseException, str]]()

    def record(cause: BaseException, kind: type | None) -> str:
        causes.append((cause, _reason(cause, kind)))
        return ""

    lines = cattrs.transform_error(error.__cause__ or error, format_exception=record)
    return [
        Fault(cause=cause, told=text, place=line.removeprefix(" @ "))
        for (cause, text), line in zip(causes, lines, strict=True)
    ]


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the single errors that ``error`` consists of."""
    cause = error.__cause__ if isinstance(error, ValueError) and error.__cause__ else error
    if isinstance(cause, cattrs.BaseValidationError):
        for inner in cause.exceptions:
            yield from leaves(inner)
    else:
        yield cause


def _text(value: object) -> str:
    """A text, or a number that stands where one is expected; no list or object is one."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise strict.Mismatch(f"expected text, not {strict.in_words(value)}")
    return str(value)


def _reason(error: BaseException, kind: type | None) -> str:
    """What our own checks say, or else cattrs."""
    if isinstance(error, TflconvError):
        return error.message
    if isinstance(error, strict.Mismatch):
        return str(error)
    return cattrs.v.format_exception(error, kind)


def _shortened(value: object) -> object:
    if isinstance(value, dict):
        return {key: _shortened(value[key]) for key in list(value)[:_MOST_ITEMS]}
    if isinstance(value, list):
        return [_shortened(item) for item in value[:_MOST_ITEMS]]
    return value
