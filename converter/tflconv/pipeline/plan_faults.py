"""What is wrong with the text of a plan: as much as can be known at once, each fault with its line.

A plan is structured table by table, and what it says as a whole is checked where all of them are
sound. So where some are not, the rest is structured once more without them.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from tflconv.core.structuring import Fault, Structure, located
from tflconv.errors import TflconvError, UsageError, together

_Kind = TypeVar("_Kind")

_MODEL = {"model", "name", "recipes", "rewrite"}
"""What is kept of a model with faults; its other keys mean something beside each other only."""

_NAMING = ("name", "dataset", "resolution", "channels", "devices", "calibration")
"""Keys of a plan that name what is outside of it, beside its models, or say what that is for."""

_ANY_FILE = Path(__file__).as_posix()
"""A file that is there, in place of a model that is not told: no check opens it."""

_STANDING_IN = {"name": "plan", "dataset": "mnist-sample", "recipes": ["static_wi8_ai8"]}
"""What is in place of keys that a plan must have, so that the others are checked."""

_MISSING = "required field missing"
"""What cattrs says of a key that has no default."""


@dataclass(frozen=True)
class PlanText:
    """The text of a plan, and what it is called."""

    content: str
    source: str

    def place(self, key: str) -> str:
        """Return ``FILE, line N`` of the first line that sets ``key``."""
        pattern = re.compile(rf"(^|[\s{{,.\[\"']){re.escape(key)}[\"']?\s*[=\].]")
        for number, line in enumerate(self.content.splitlines(), start=1):
            if pattern.search(line.partition("#")[0]):
                return f"{self.source}, line {number}"
        return self.source


def structured(
    value: Mapping[str, Any],
    kind: type[_Kind],
    text: PlanText,
    structure: Structure,
    check: Callable[[Any], object] | None = None,
) -> _Kind:
    """Return ``value`` as ``kind``.

    Args:
        value: What the text says.
        kind: The dataclass of a plan.
        text: Where the faults are.
        structure: Makes one of the other.
        check: Raises what else is wrong with a plan; asked where faults are told anyway, about what
            is left without them.

    Raises:
        UsageError: Something is wrong with it.
    """
    meant, wrong = dict[str, str](), list[TflconvError]()
    for name, known in _unknown_keys(value, kind):
        near = difflib.get_close_matches(name, known, n=1)
        meant |= dict.fromkeys(near, name)
        hint = f"Did you mean '{near[0]}'?" if near else f"Known here: {', '.join(sorted(known))}."
        wrong.append(UsageError(f"{text.place(name)}: unknown key '{name}'.", hint=hint))
    result, faults = _result_and_faults(value, kind, structure)
    relevant = [each for each in faults if _missing(each) not in meant]
    wrong += [part for each in relevant for part in _explained(each, text)]
    if result is not None and not wrong:
        return result
    places = [re.findall(r"\w+", fault.place.removeprefix("$")) for fault in relevant]
    renamed = {key: value[name] for key, name in meant.items() if name in value}
    rest = _whole(_without({**renamed, **value}, places), kind)
    wrong += _further(rest, kind, text, structure, check)
    raise together(wrong, owner=text.source)


def _without(value: Mapping[str, Any], places: Sequence[Sequence[str]]) -> Mapping[str, Any]:
    """The sound part of a plan."""
    rest = dict(value)
    for place in places:
        if not place:  # a fault of the whole
            continue
        models = list(rest.get("models", ())) if place[0] == "models" and len(place) > 1 else []
        if not models:
            rest.pop(place[0], None)
            continue
        number, faulty = int(place[1]), place[2:3]
        if faulty == ["name"]:  # what others learn from may be meant by it
            models = [_kept(model) for model in models]
        called = {"name": f"models[{number}]"} if faulty == ["name"] else {}
        models[number] = _kept(models[number], *faulty) | called
        rest["models"] = models
    return rest


def _kept(model: object, *faulty: str) -> dict[str, Any]:
    """What of a model has a meaning alone, without faulty keys."""
    told = model if isinstance(model, dict) else {}
    return {key: told[key] for key in told.keys() & _MODEL - set(faulty)}


def _whole(rest: Mapping[str, Any], kind: type[Any]) -> Mapping[str, Any]:
    """``rest`` with something in place of what a plan must have and does not."""
    if not {*_STANDING_IN} <= {f.name for f in fields(kind)}:  # a plan of parts
        return rest
    models = [
        each
        if _is_checkable(each, "dataset" in rest)
        else {"name": f"models[{number}]", **_kept(each), "model": _ANY_FILE}
        for number, each in enumerate(rest.get("models", [{}]))
    ]
    return {**_STANDING_IN, **rest, "models": models}


def _is_checkable(model: Mapping[str, Any], has_dataset: bool) -> bool:
    """Whether a model is told, and the pictures that one of the registry is made for."""
    named = str(model.get("model", ""))
    return named != "" and (has_dataset or "dataset" in model or "/" in named or "." in named)


def _further(
    rest: Mapping[str, Any],
    kind: type[_Kind],
    text: PlanText,
    structure: Structure,
    check: Callable[[Any], object] | None,
) -> list[TflconvError]:
    """What our own checks say about the rest, and of what it names if it makes no sense itself."""
    result, faults = _result_and_faults(rest, kind, structure)
    own_faults = [each for each in faults if isinstance(each.cause, TflconvError)]
    wrong: list[TflconvError] = [part for each in own_faults for part in _explained(each, text)]
    result = result or _result_and_faults(_names(rest), kind, structure)[0]
    try:
        if check is not None and result is not None:
            check(result)
    except TflconvError as error:
        wrong.append(error)
    return wrong


def _result_and_faults(
    value: Mapping[str, Any], kind: type[_Kind], structure: Structure
) -> tuple[_Kind | None, list[Fault]]:
    try:
        return structure.of(value, kind), []
    except ValueError as error:
        return None, located(error)


def _names(rest: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a plan names outside of itself, with a recipe that every model has."""
    named = rest.get("models")
    models = [
        {key: value for key, value in model.items() if key not in ("recipes", "rewrite")}
        for model in (named if isinstance(named, list) else ())
        if isinstance(model, dict)
    ]
    naming = {key: rest[key] for key in _NAMING if key in rest}
    return naming | {"models": models, "recipes": ["static_wi8_ai8"]}


def _unknown_keys(value: Any, kind: Any) -> Iterator[tuple[str, list[str]]]:
    """Walk ``value`` beside the dataclass it becomes; yield keys that the dataclass lacks."""
    if not isinstance(kind, type) or not is_dataclass(kind) or not isinstance(value, dict):
        return
    known = {f.name: f for f in fields(kind)}
    hints = _annotations(kind)
    for name, inner in value.items():
        if name not in known:
            yield name, list(known)
            continue
        for item in inner if isinstance(inner, list) else [inner]:
            yield from _unknown_keys(item, hints[name])


@functools.cache
def _annotations(kind: Any) -> dict[str, Any]:
    """Types of the fields of ``kind``; of a tuple field, the type of its items."""
    hints = get_type_hints(kind)
    return {n: get_args(h)[0] if get_origin(h) is tuple else h for n, h in hints.items()}


def _missing(fault: Fault) -> str | None:
    """The key that a fault says is missing, if it says so."""
    return fault.place.rpartition(".")[2] if _MISSING in fault.told else None


def _explained(fault: Fault, text: PlanText) -> list[UsageError]:
    """One message for each thing that is wrong; our own validation speaks for itself."""
    if isinstance(fault.cause, TflconvError):
        return [
            UsageError(f"{text.source}: {part.message}", hint=part.hint)
            for part in fault.cause.parts or (fault.cause,)
        ]
    message, path = fault.told, fault.place.removeprefix("$")
    if missing := _missing(fault):
        return [UsageError(f"{text.source}: '{missing}' is missing at {fault.place}.")]
    name = next(iter(re.findall(r"\w+", path)[::-1]), "")
    place = text.place(name)
    if choices := re.search(r"\((.*) not in literal .*?\[(.*)\]\)", message):
        allowed = re.findall(r"'([^']*)'", choices[2])
        problem = f"'{name}' must be {' or '.join(allowed)}. Received: {choices[1]}."
        return [UsageError(f"{place}: {problem}")]
    return [UsageError(f"{place}: '{path.lstrip('.')}': {message}.")]
