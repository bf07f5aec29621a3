"""Names of models, and the options that each of them takes.

An architecture is a frozen dataclass: its fields are its options, checked when it is built, and
calling it with a namespace of layers and an input describes the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Protocol, TypeVar, get_type_hints

from tflconv.errors import UsageError, require, unknown


class Value(Protocol):
    """What flows between layers: a tensor of Keras, or one that counts what it costs."""

    @property
    def shape(self) -> Sequence[int]:
        """Sides; the first of them is the batch, which nobody may ask for."""


class Layers(Protocol):
    """Layers by the names of Keras: those of Keras itself, or those that count."""

    def __getattr__(self, name: str) -> Callable[..., Callable[..., Value]]:
        """Return what makes a layer from its settings."""


class Architecture(Protocol):
    """A network with its options chosen."""

    def __call__(self, layers: Layers, pixels: Value, classes: int) -> Value:
        """Describe the network from ``pixels`` ``[None, height, width, channels]`` to logits."""


OptionValue = int | float

A = TypeVar("A", bound=type)

_registry: dict[str, type] = {}


def register(name: str) -> Callable[[A], A]:
    """Offer the decorated dataclass under ``name``; a name that is taken is an error."""

    def add(kind: A) -> A:
        if name in _registry:
            raise ValueError(f"a model named '{name}' is registered already")
        _registry[name] = kind
        return kind

    return add


def names() -> tuple[str, ...]:
    """All registered names, sorted."""
    return tuple(sorted(_registry))


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option of a model: what ``--option NAME=VALUE`` may set."""

    name: str
    kind: type[int] | type[float]
    default: OptionValue


def options(name: str) -> tuple[Option, ...]:
    """The options of the model called ``name``, in the order of its definition."""
    kind = _find(name)
    types = get_type_hints(kind)
    return tuple(
        Option(name=f.name, kind=types[f.name], default=getattr(kind, f.name)) for f in fields(kind)
    )


def summary(name: str) -> str:
    """The first line of what the model's definition says about itself."""
    return (_find(name).__doc__ or "").partition("\n")[0]


def architecture(name: str, **chosen: OptionValue) -> Architecture:
    """The model called ``name`` with ``chosen`` options.

    Raises ``UsageError`` for an unknown name, an unknown option or a value that does not fit.
    """
    known = {option.name: option for option in options(name)}
    for key, value in chosen.items():
        if key not in known:
            raise unknown(f"option of {name}", key, known)
        _check_type(name, known[key], value)
    network: Architecture = _find(name)(**chosen)
    return network


def parse_options(name: str, texts: Sequence[str]) -> dict[str, OptionValue]:
    """Read ``["alpha=0.5", ...]`` into values of the types that the model called ``name`` wants."""
    known = {option.name: option for option in options(name)}
    chosen = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"option '{text}' is not of the form NAME=VALUE.")
        if key not in known:
            raise unknown(f"option of {name}", key, known)
        chosen[key] = _read(name, known[key], value)
    return chosen


def require_positive(
    model: str, architecture: Architecture, *, besides: Sequence[str] = ()
) -> None:
    """Raise ``UsageError`` for the first option that is not positive, ``besides`` left out."""
    checked = {name: value for name, value in vars(architecture).items() if name not in besides}
    rules = {name: (value > 0, "positive") for name, value in checked.items()}
    require(model, architecture, **rules)


def _find(name: str) -> type:
    if name not in _registry:
        raise unknown("model", name, _registry)
    return _registry[name]


def _read(model: str, option: Option, text: str) -> OptionValue:
    try:
        return option.kind(text)
    except ValueError:
        raise _mistyped(model, option, text) from None


def _check_type(model: str, option: Option, value: OptionValue) -> None:
    whole_as_float = option.kind is float and isinstance(value, int)
    fits = isinstance(value, option.kind) or whole_as_float
    if not fits or isinstance(value, bool):
        raise _mistyped(model, option, value)


def _mistyped(model: str, option: Option, value: OptionValue | str) -> UsageError:
    what = {int: "a whole number", float: "a number"}[option.kind]
    return UsageError(f"{model}: {option.name} must be {what}. Received: {option.name}={value}.")
