"""Types of what ``json.loads`` returns and ``json.dumps`` takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    JsonValue: TypeAlias = (
        bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"] | None
    )
    """A value that JSON can hold: number, string, list, object or null."""
else:
    JsonValue = object  # get_type_hints cannot follow a recursive alias into another module

JsonObject: TypeAlias = Mapping[str, JsonValue]
"""A JSON object: names and their values."""
