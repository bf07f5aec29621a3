"""Writes a plan that results carry as the TOML file that it came of, with every default said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from tflconv.core.jsonvalue import JsonObject, JsonValue

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(value: JsonObject) -> str:
    """Return a JSON object as TOML; null has no place in it and is left out.

    Example:
        >>> print(to_toml({"name": "demo", "bench": {"blocks": 2}, "models": [{"model": "vit"}]}))
        name = "demo"
        <BLANKLINE>
        [bench]
        blocks = 2
        <BLANKLINE>
        [[models]]
        model = "vit"
    """
    return "\n".join(_lines(value, ())).strip("\n")


def _lines(table: JsonObject, path: tuple[str, ...]) -> Iterator[str]:
    inner = {key: item for key, item in table.items() if _is_table(item) or _is_tables(item)}
    for key, item in table.items():
        if item is not None and key not in inner:
            yield f"{_key(key)} = {_value(item)}"
    for key, item in inner.items():
        place = (*path, key)
        name = ".".join(map(_key, place))
        if isinstance(item, Mapping):
            lines = list(_lines(dict(item), place))
            yield from ("", f"[{name}]", *lines) if lines else ()
        elif isinstance(item, list | tuple):
            for each in item:
                yield from ("", f"[[{name}]]", *_lines(dict(each), place))


def _is_table(value: JsonValue) -> bool:
    return isinstance(value, Mapping)


def _is_tables(value: JsonValue) -> bool:
    several = isinstance(value, list | tuple) and len(value) > 0
    return several and all(isinstance(item, Mapping) for item in value)  # type: ignore[union-attr]


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _value(value: JsonValue) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value if item is not None)}]"
    if isinstance(value, Mapping):
        entries = (f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None)
        return f"{{{', '.join(entries)}}}"
    return repr(value) if isinstance(value, float) else json.dumps(value)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
