"""Public functions that answer a misspelt parameter with the nearest one they have."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

from tflconv.errors import UsageError, unknown

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class UnknownParameterError(UsageError, TypeError):
    """A function was called with a parameter that it does not have."""

    def __init__(self, function: str, name: str, known: Iterable[str]) -> None:
        near = unknown("parameter", name, known)
        super().__init__(f"tflconv.{function}: {near.message}", hint=near.hint)


def suggests_parameters(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Let ``function`` name the nearest parameter where it is called with one that it lacks.

    Example:
        >>> @suggests_parameters
        ... def train(model: str, *, epochs: int = 1) -> None: ...
        >>> train("vit", epoch=3)
        Traceback (most recent call last):
        tflconv.core.parameters.UnknownParameterError: tflconv.train: unknown parameter 'epoch'.
        Did you mean epochs?
    """
    known = inspect.signature(function).parameters

    @functools.wraps(function)
    def checked(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        for name in kwargs:
            if name not in known:
                raise UnknownParameterError(function.__name__, name, known)
        return function(*args, **kwargs)

    return checked
