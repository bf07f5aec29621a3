"""Public functions that answer a misspelt parameter with the nearest one they have.

Messages are written once, for the command line; here errors, warnings and progress speak of
parameters in place of its options.
"""

from __future__ import annotations

import functools
import inspect
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, ParamSpec, TypeVar, get_args, get_origin

from tflconv.core import telling
from tflconv.core.progress import Callback, Progress
from tflconv.core.shortening import shorten
from tflconv.core.spoken import in_python
from tflconv.errors import TflconvError, UsageError, unknown

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_PUBLIC: set[str] = set()
"""Parameters of all functions that were decorated: options that only another one has."""


class UnknownParameterError(UsageError, TypeError):
    """A function was called with a parameter that it does not have."""

    def __init__(self, function: str, name: str, known: Iterable[str]) -> None:
        near = unknown("parameter", name, known)
        hint = _OF_THE_ANSWER.get((function, name), near.hint)
        super().__init__(f"tflconv.{function}: {near.message}", hint=hint)


_CHECK = "Ask the answer: tflconv.verify(...).check({name}=...)."
_OF_THE_ANSWER = {
    ("verify", name): _CHECK.format(name=name) for name in ("max_drop", "min_agreement")
}
"""What a command takes as an option, and a function leaves to the value that it returns."""


def suggests_parameters(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Let ``function`` name the nearest parameter where it is called with one that it lacks.

    Its errors, its warnings and what it tells of its progress speak of parameters, not of options.

    Returns:
        The function; it raises ``UnknownParameterError`` for a parameter that it lacks.

    Example:
        >>> @suggests_parameters
        ... def train(model: str, *, epochs: int = 1) -> None: ...
        >>> train("vit", epoch=3)
        Traceback (most recent call last):
        tflconv.core.parameters.UnknownParameterError: tflconv.train: unknown parameter 'epoch'.
        Did you mean epochs?
    """
    known = inspect.signature(function).parameters
    annotated = {name: str(each.annotation).removesuffix(" | None") for name, each in known.items()}
    kinds = {name: _KINDS[kind] for name, kind in annotated.items() if kind in _KINDS}
    choices = {name: _choices(function, kind) for name, kind in annotated.items()}
    flags = [name for name, kind in annotated.items() if kind == "bool"]
    _PUBLIC.update(known)

    def spelled(text: str) -> str:
        return in_python(text, known, flags, _PUBLIC)

    @functools.wraps(function)
    def checked(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        for name in kwargs:
            if name not in known:
                raise UnknownParameterError(function.__name__, name, known)
            if name in kinds:
                _check(function.__name__, name, kwargs[name], *kinds[name])
            if kwargs[name] is not None and choices[name]:
                _check_choice(function.__name__, name, kwargs[name], choices[name])
        if "progress" in kwargs:
            kwargs["progress"] = _spelling(kwargs["progress"], spelled)
        try:
            with telling.spelling(spelled):
                return function(*args, **kwargs)
        except TflconvError as error:
            error.message = spelled(error.message)
            error.hint = None if error.hint is None else spelled(error.hint)
            raise

    return checked


def _spelling(progress: Any, spelled: Callable[[str], str]) -> Callback:
    """Return ``progress`` that hears every message in the words of Python."""

    def hear(event: Progress) -> object:
        return progress(replace(event, message=spelled(event.message)))

    return hear


_KINDS: Mapping[str, tuple[type, str]] = {
    "int": (numbers.Integral, "a whole number"),
    "float": (numbers.Real, "a number"),
    "bool": (bool, "True or False"),
}
"""What a parameter of that annotation takes, and what that is called."""


def _check(function: str, name: str, value: object, kind: type, called: str) -> None:
    """Raise ``UsageError`` for a value of another kind; None stands for no value."""
    if value is not None and not isinstance(value, kind):
        shown = shorten(repr(value))
        raise UsageError(f"tflconv.{function}: {name} must be {called}. Received: {shown}.")


def _choices(function: Callable[..., object], annotation: str) -> tuple[object, ...]:
    """Return what a parameter of that ``annotation`` may be, if it is one of a few words."""
    kind = function.__globals__.get(annotation)
    return get_args(kind) if get_origin(kind) is Literal else ()


def _check_choice(function: str, name: str, value: object, choices: Sequence[object]) -> None:
    """Raise ``UsageError`` for text that is none of ``choices``; callables are not checked."""
    if isinstance(value, str) and value not in choices:
        allowed = ", ".join(map(str, choices))
        raise UsageError(
            f"tflconv.{function}: {name} must be one of {allowed}. Received: {shorten(value)}."
        )
