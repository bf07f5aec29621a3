"""Everything that can go wrong in a way a user can mend, and the exit code it ends a command with.

A message says what happened and to which file or device; the hint says what to do about it.
Anything that is not a ``TflconvError`` is a bug of ours, reported by ``core.unexpected``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any


class TflconvError(Exception):
    """A failure with one clear message; ``exit_code`` is what the command line returns for it."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.parts: tuple[TflconvError, ...] = ()
        """The single faults, where the message tells several."""

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        """Go from one process to another with all attributes, whatever ``__init__`` asks for."""
        return _received, (type(self), self.args, vars(self))


def _received(
    kind: type[TflconvError], args: tuple[Any, ...], attributes: Mapping[str, Any]
) -> TflconvError:
    error = kind.__new__(kind, *args)
    vars(error).update(attributes)
    return error


class UsageError(TflconvError):
    """What was asked for does not exist or does not make sense."""

    exit_code = 2


def require(owner: str, settings: object, **rules: tuple[bool, str]) -> None:
    """Raise ``UsageError`` that names all ``settings`` that break their rules.

    A rule is whether it is kept and how to say it: ``epochs=(settings.epochs >= 1, "at least 1")``.
    """
    broken = list[str]()
    for name, (kept, rule) in rules.items():
        if not kept:
            received = repr(getattr(settings, name))
            shown = received if len(received) <= 80 else f"{received[:79]}…"
            broken.append(f"{name} must be {rule}. Received: {name}={shown}.")
    if broken:
        raise SettingError(owner, rules, " ".join(broken))


def require_seed(owner: str, settings: Any) -> None:
    """Raise ``UsageError`` where the ``seed`` of ``settings`` is none that NumPy takes."""
    kept = 0 <= settings.seed < 2**32
    require(owner, settings, seed=(kept, "at least 0 and below 2**32"))


def refuse_idle(owner: str, settings: Any, **rules: tuple[bool, str]) -> None:
    """Raise ``UsageError`` for the first of ``settings`` that is said and would change nothing.

    A rule is whether something uses it, and else why not: ``ramp=(epochs > 0, "nothing is
    trained")``. What is as by default was not said.
    """
    usual = {each.name: each.default for each in fields(settings)}
    for name, (used, why) in rules.items():
        if not used and getattr(settings, name) != usual[name]:
            said = f"{name} would change nothing: {why}."
            raise SettingError(owner, [name], said, hint=f"Leave {name} out.")


class DeviceError(TflconvError):
    """A device is missing, was lost, or cannot do what was asked of it."""

    exit_code = 3


class TimeUp(DeviceError):  # noqa: N818 - says what happened
    """A program on a device took longer than it was given; the device may be fine."""


class VerificationFailed(TflconvError):  # noqa: N818 - a verdict, not a malfunction
    """A converted model missed an accuracy or agreement threshold."""

    exit_code = 4


class RegressionFound(TflconvError):  # noqa: N818 - a verdict, not a malfunction
    """A contender is worse than its baseline by more than was allowed."""

    exit_code = 5


def gravest(errors: Iterable[TflconvError]) -> TflconvError:
    """Return the error that a command ends with where several things failed.

    A lost device comes first, for what it would have measured is missing; then what could not be
    done, what was asked wrongly, and at last verdicts about what was done. Of equals the last.

    Example:
        >>> lost, bad = DeviceError("lost"), TflconvError("bad")
        >>> gravest([lost, bad]).message, gravest([VerificationFailed("fell"), bad]).message
        ('lost', 'bad')
    """
    order = {DeviceError.exit_code: 0, TflconvError.exit_code: 1, UsageError.exit_code: 2}
    return min(reversed(list(errors)), key=lambda error: order.get(error.exit_code, len(order)))


def check_all(*checks: Callable[[], object]) -> None:
    """Run all ``checks``, and raise what is wrong as one error.

    Raises:
        TflconvError: A check raised one; where several did, their messages are together.

    Example:
        >>> def fail():
        ...     raise UsageError("no recipes.", hint="Name one.")
        >>> check_all(int, fail)
        Traceback (most recent call last):
        tflconv.errors.UsageError: no recipes.
        Name one.
    """
    if found := [fault for check in checks if (fault := _fault(check)) is not None]:
        raise together(found)


def _fault(check: Callable[[], object]) -> TflconvError | None:
    try:
        check()
    except TflconvError as error:
        return error
    return None


_MOST_FAULTS = 20
"""Faults that a message tells one by one."""


def together(errors: Iterable[TflconvError], *, owner: str = "") -> TflconvError:
    """Return several faults as one error: the only one as it is, more of them with a line each.

    Args:
        errors: What is wrong, at least once.
        owner: What they are faults of.
    """
    faults = [part for error in errors for part in error.parts or (error,)]
    distinct = {str(error): error for error in faults}
    if len(distinct) == 1:
        return faults[0]
    worst = gravest(distinct.values())
    kind = next(k for k in (DeviceError, UsageError, TflconvError) if isinstance(worst, k))
    lines = [f"- {text.replace(chr(10), ' ')}" for text in distinct]
    if len(lines) > _MOST_FAULTS:
        lines[_MOST_FAULTS:] = [f"- and {len(lines) - _MOST_FAULTS} more"]
    title = f"{owner} has {len(distinct)} faults" if owner else f"{len(distinct)} faults"
    error: TflconvError = kind("\n".join([f"{title}:", *lines]))
    error.parts = tuple(distinct.values())
    return error


class SettingError(UsageError):
    """A setting that makes no sense; the message has its name, as Python and plans have it.

    Attributes:
        owner: What the settings are of.
        names: Settings that the message may speak of.
    """

    def __init__(
        self, owner: str, names: Iterable[str], message: str, *, hint: str | None = None
    ) -> None:
        super().__init__(f"{owner}: {message}", hint=hint)
        self.owner, self.names = owner, tuple(names)


def unknown(kind: str, name: str, known: Iterable[str], *, more: str = "") -> UsageError:
    """Return the error for a name that is not registered.

    Args:
        kind: What it names, as in ``dataset``.
        name: The name as it was given.
        known: The names that there are; those nearest to it are the hint.
        more: What the hint says besides, where no name is near.

    Returns:
        The error, to be raised.
    """
    names = sorted(known)
    lowered = {each.lower(): each for each in reversed(names)}
    near = difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.5)
    hint = f"Known: {', '.join(names)}. {more}".rstrip()
    if near:
        hint = f"Did you mean {' or '.join(lowered[each] for each in near)}?"
    if "," in name and all(part.strip() in lowered for part in name.lower().split(",")):
        hint = "Name one at a time: an option that takes several is said once for each."
    return UsageError(f"unknown {kind} '{name}'.", hint=hint)
