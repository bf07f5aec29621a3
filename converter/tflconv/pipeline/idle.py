"""Options that would change nothing beside what else a request says are refused.

A row names options, when nothing uses them, and why. ``idle_options`` has those of finished
requests, ``meaning`` does the same for what recipes use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from tflconv.errors import UsageError

_SPELLED = {"devices": "device", "adb_servers": "adb-server"}
"""Options that are not called as the field of the request."""


@dataclass(frozen=True, kw_only=True)
class IdleOptions:
    """Options that have no use where ``when`` is true.

    Attributes:
        options: Names of fields of the request, or of its ``config``.
        when: Whether nothing uses them.
        why: The same in words.
        hint: What to do.
    """

    options: Sequence[str]
    when: Callable[[Any], bool]
    why: str
    hint: str = field(default="Leave it out.")


def refuse(request: Any, rows: Sequence[IdleOptions]) -> None:
    """Raise ``UsageError`` for an option that was said and that nothing uses.

    Args:
        request: A value of the kinds in ``requests``.
        rows: What may be idle in it.
    """
    set_options = {**_set_options(request), **_set_options(getattr(request, "config", None))}
    for row in rows:
        idle = [name for name in set_options if name in row.options]
        if idle and row.when(request):
            flags = ", ".join(f"--{_SPELLED.get(name, name).replace('_', '-')}" for name in idle)
            raise UsageError(f"{flags} would change nothing: {row.why}.", hint=row.hint)


def _set_options(values: Any) -> Mapping[str, object]:
    """Return what is not as by default."""
    if values is None:
        return {}
    return {
        each.name: value
        for each in fields(values)
        if not _is_usual(value := getattr(values, each.name), each)
    }


def _is_usual(value: object, field: Any) -> bool:
    usual = field.default if field.default is not MISSING else field.default_factory
    return value is usual or (usual is not None and bool(value == usual))  # arrays stand for None
