"""Types of what ``json.loads`` returns and ``json.dumps`` takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    JsonValue: TypeAlias = (
        bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"] | None
    )
    """A value that JSON can hold: number, string, list, object or null."""
else:
    JsonValue = Any  # cattrs takes it as it is, and cannot follow a recursive alias

JsonObject: TypeAlias = Mapping[str, JsonValue]
"""A JSON object: names and their values."""
