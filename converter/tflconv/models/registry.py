"""The registry of models and their options.

An architecture is a frozen dataclass. Its fields are its options, checked when it is built; calling
it with a namespace of layers and an input describes the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Protocol, TypeVar, get_type_hints

from tflconv.errors import UsageError, require, unknown


class Value(Protocol):
    """A value between layers: a tensor of Keras, or one that counts costs."""

    @property
    def shape(self) -> Sequence[int]:
        """Sides; the first is the batch, whose size is not known."""


class Layers(Protocol):
    """A namespace of layers by their names in Keras: Keras itself, or layers that count costs."""

    def __getattr__(self, name: str) -> Callable[..., Callable[..., Value]]:
        """Return the constructor of the layer called ``name``."""


class Architecture(Protocol):
    """A network with fixed options."""

    def __call__(self, layers: Layers, pixels: Value, classes: int) -> Value:
        """Describe the network from ``pixels`` ``[None, height, width, channels]`` to logits."""


OptionValue = int | float

A = TypeVar("A", bound=type)

_registry: dict[str, type] = {}


def register(name: str) -> Callable[[A], A]:
    """Register the decorated dataclass as the model called ``name``.

    Raises ``ValueError`` for a name that is registered already.
    """

    def add(kind: A) -> A:
        if name in _registry:
            raise ValueError(f"a model named '{name}' is registered already")
        _registry[name] = kind
        return kind

    return add


def names() -> tuple[str, ...]:
    """Return the names of all registered models, sorted.

    Example:
        >>> "mobilenet_v2" in names()
        True
    """
    return tuple(sorted(_registry))


@dataclass(frozen=True, kw_only=True)
class Option:
    """An option of a model, as ``--option NAME=VALUE`` sets it."""

    name: str
    kind: type[int] | type[float]
    default: OptionValue


def options(name: str) -> tuple[Option, ...]:
    """Return the options of a model, in the order of their definition."""
    kind = _find(name)
    types = get_type_hints(kind)
    return tuple(
        Option(name=f.name, kind=types[f.name], default=getattr(kind, f.name)) for f in fields(kind)
    )


def summary(name: str) -> str:
    """Return the description of a model in one line."""
    return (_find(name).__doc__ or "").partition("\n")[0]


def architecture(name: str, **chosen: OptionValue) -> Architecture:
    """Return the architecture called ``name``.

    Args:
        name: Name of a registered model.
        **chosen: Options that differ from their defaults.

    Raises:
        UsageError: The name or an option is unknown, or a value does not fit.

    Example:
        >>> architecture("vit", depth=2).depth
        2
    """
    allowed = {option.name: option for option in options(name)}
    for key, value in chosen.items():
        if key not in allowed:
            raise unknown(f"option of {name}", key, allowed)
        _check_type(name, allowed[key], value)
    network: Architecture = _find(name)(**chosen)
    return network


def parse_options(name: str, texts: Sequence[str]) -> dict[str, OptionValue]:
    """Read options of a model from texts of the form ``NAME=VALUE``.

    Raises ``UsageError`` for an unknown option, another form, or a value of another type.

    Example:
        >>> parse_options("vit", ["depth=2", "mlp_ratio=4"])
        {'depth': 2, 'mlp_ratio': 4.0}
    """
    allowed = {option.name: option for option in options(name)}
    chosen = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(
                f"option '{text}' is not of the form NAME=VALUE.",
                hint=f"Options of {name}: {', '.join(allowed) or 'none'}.",
            )
        if key not in allowed:
            raise unknown(f"option of {name}", key, allowed)
        chosen[key] = _read(name, allowed[key], value)
    return chosen


def require_positive(
    model: str, architecture: Architecture, *, besides: Sequence[str] = ()
) -> None:
    """Raise ``UsageError`` if an option other than those in ``besides`` is not positive."""
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
