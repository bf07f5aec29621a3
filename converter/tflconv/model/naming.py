"""Names and order of the inputs and outputs of a Keras model, whatever container holds them.

A model may take and return a tensor, a list or a dictionary, nested at will. Both Kerases flatten
dictionaries by their sorted keys, but call layers and return values by the keys themselves. So
tensors are matched by identity and values by key, never by place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from tflconv.core.nesting import leaves
from tflconv.core.typing import KerasModel, KerasTensor, Nested, Tensor
from tflconv.model.inference import kits


@dataclass(frozen=True, kw_only=True, eq=False)
class PublicNames:
    """What the inputs and outputs of a model are called, in its own order.

    Attributes:
        inputs: The inputs by name.
        outputs: Names of the outputs.
        fill: Nests one value per input as the model takes them.
        empty: Takes what the model returned apart, one value per output.
    """

    inputs: Mapping[str, KerasTensor]
    outputs: tuple[str, ...]
    fill: Callable[[Sequence[Tensor]], Nested[Tensor]]
    empty: Callable[[Nested[Tensor]], list[Tensor]]


def public_names(model: KerasModel) -> PublicNames:
    """Return the names of the inputs and outputs of ``model``: keys, or else names of layers."""
    taken = _structure(model, "input")
    given = _structure(model, "output")
    tensors = [tensor for _, tensor in _walk(taken)]
    names = _unique([key or _layer_name(tensor) for key, tensor in _walk(taken)])
    keys = [key for key, _ in _walk(given)]

    def fill(values: Sequence[Tensor]) -> Nested[Tensor]:
        by_tensor = {id(tensor): value for tensor, value in zip(tensors, values, strict=True)}
        return _filled(taken, by_tensor)

    return PublicNames(
        inputs=dict(zip(names, tensors, strict=True)),
        outputs=_output_names(model, keys),
        fill=fill,
        empty=lambda values: list(_emptied(given, values)),
    )


def has_own_call(model: object) -> bool:
    """Return whether the class of ``model`` computes otherwise than its visible layers say."""
    visible = {getattr(kind, "call") for kit in kits() for kind in _kinds(kit)}  # noqa: B009
    return getattr(type(model), "call", None) not in visible


def _kinds(kit: ModuleType) -> tuple[type, type]:
    """The sequential and the functional model of one Keras."""
    sequential: type = kit.Sequential
    if not hasattr(kit, "ops"):
        return sequential, sequential.__mro__[1]
    from tflconv.core.tensorflow import functional_of_keras3

    return sequential, functional_of_keras3()


def _structure(model: KerasModel, which: str) -> Nested[KerasTensor]:
    inner = getattr(model, "_functional", None) or model
    try:
        structure = getattr(inner, which, None)
    except (AttributeError, ValueError):  # Keras 2: a layer used in several places
        structure = None
    flat = model.inputs if which == "input" else model.outputs
    return flat if structure is None else structure


def _walk(structure: Nested[KerasTensor], key: str = "") -> Iterator[tuple[str, KerasTensor]]:
    """Yield each tensor with the key that it has in a dictionary."""
    if isinstance(structure, Mapping):
        for name, part in structure.items():
            yield from _walk(part, str(name))
    elif isinstance(structure, Sequence):
        several = len(structure) > 1
        for place, part in enumerate(structure):
            yield from _walk(part, f"{key}_{place}" if key and several else key)
    else:
        yield key, structure


def _filled(structure: Nested[KerasTensor], values: Mapping[int, Tensor]) -> Nested[Tensor]:
    if isinstance(structure, Mapping):
        return {name: _filled(part, values) for name, part in structure.items()}
    if isinstance(structure, Sequence):
        parts = [_filled(part, values) for part in structure]
        return parts[0] if len(parts) == 1 else parts
    return values[id(structure)]


def _emptied(structure: Nested[KerasTensor], values: Nested[Tensor]) -> Iterator[Tensor]:
    if isinstance(structure, Mapping) and isinstance(values, Mapping):
        for name, part in structure.items():
            yield from _emptied(part, values[name])
    elif isinstance(structure, Sequence) and isinstance(values, Sequence):
        for part, value in zip(structure, values, strict=True):
            yield from _emptied(part, value)
    else:
        yield from leaves(values)


def _output_names(model: KerasModel, keys: Sequence[str]) -> tuple[str, ...]:
    names = tuple(getattr(model, "output_names", ()))
    if any(keys):
        return _unique([key or f"output_{place}" for place, key in enumerate(keys)])
    if len(names) == len(keys) == len(set(names)):
        return names
    return tuple(f"output_{place}" for place in range(len(keys)))


def _layer_name(tensor: KerasTensor) -> str:
    return tensor.name.split(":")[0]


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """``names``, numbered where one comes again."""
    return tuple(
        name if name not in names[:place] else f"{name}_{place}" for place, name in enumerate(names)
    )
