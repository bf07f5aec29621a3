"""No value in a file is taken for one of another type: true is no number, and a text no list.

Each place of each kind of file gets each wrong type. The file is refused then, or nobody reads
that place, so that what was read is as before. A number in the place of a text is one, as labels
such as 0 and 1 are.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes import hostile_files as sound
from tflconv import results
from tflconv.benchmark import protocol
from tflconv.data import locating
from tflconv.errors import TflconvError
from tflconv.model import card, golden
from tflconv.verification import app_log

PARTS = ("hello", "init", "cpu", "memory", "ops", "end")
MEMBERS = {
    name: content
    for name, content in sound.members_of(sound.GOLDEN).items()
    if name != golden.CONTRACT
}


def read_results(value: Any, folder: Path) -> object:
    return results.from_json(value, source="results").runs


def read_card(value: Any, folder: Path) -> object:
    path = folder / "model.tflite"
    own = sound.zipped({card.MEMBER: json.dumps(value).encode()})
    path.write_bytes(sound.MODEL.read_bytes()[: sound.BEFORE_CARD] + own)
    return card.require_card(path)


def read_contract(value: Any, folder: Path) -> object:
    path = folder / "a.golden.zip"
    path.write_bytes(sound.zipped({**MEMBERS, golden.CONTRACT: json.dumps(value).encode()}))
    return golden.read(path).contract


def read_log(value: Any, folder: Path) -> object:
    (folder / "a.golden.zip").write_bytes(sound.GOLDEN)
    (folder / "log.json").write_text(json.dumps(value))
    found = app_log.read(folder / "log.json", golden.read(folder / "a.golden.zip"))
    return [(line.index, line.outputs.tolist(), line.input_sha256) for line in found]


def read_manifest(value: Any, folder: Path) -> object:
    place = folder / "mnist" / locating.MANIFEST
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(value))
    return locating.find("mnist").card


def read_harness(value: Any, folder: Path) -> object:
    text = "\n".join(json.dumps(line, separators=(",", ":")) for line in value)
    output = protocol.parse(text)
    return [getattr(output, part) for part in PARTS], *map(output.samples, ("warmup", "steady"))


KINDS: dict[str, tuple[Any, Callable[[Any, Path], object]]] = {
    "results": (results.from_json(
        json.loads(sound.few_results()), source="results").to_json(), read_results),
    "card": (json.loads(sound.members_of(
        sound.MODEL.read_bytes()[sound.BEFORE_CARD :])[card.MEMBER]), read_card),
    "contract": (json.loads(sound.members_of(sound.GOLDEN)[golden.CONTRACT]), read_contract),
    "log": ([json.loads(line) for line in sound.APP_LOG.splitlines()], read_log),
    "manifest": (sound.MANIFEST, read_manifest),
    "harness": ([json.loads(json.dumps(line)) for line in sound.LINES], read_harness),
}  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """One place for each path that differs by more than its numbers."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    for key in keys:
        yield (*path, key)
        if isinstance(value[key], dict | list):
            yield from places(value[key], (*path, key))


def wrong(value: Any) -> list[Any]:
    """Values of other types, none of which is equal to ``value``."""
    by_type: dict[type, list[Any]] = {
        bool: [int(not value), "true", [], {}],
        int: [not value, "7", [7], {}],
        float: [not value, "7.5", [7.5], {}],
        str: [True, ["7"], {}],
        list: [True, 7, "ab", {"a": 1}],
        dict: [True, 7, "ab", [7]],
        type(None): [],
    }
    return by_type[type(value)]


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def free(kind: str, shape: tuple[Any, ...]) -> bool:
    """Whether any JSON may stand there: settings and context, or a line that is no harness's."""
    if kind == "harness":
        return shape in (("#",), ("#", "type"))
    if shape[0] == "context" or (shape[:3] == ("runs", "#", "config") and len(shape) > 3):
        return True
    return shape[2:4] == ("conditions", "load_average")  # which is none of our own conditions


@pytest.mark.parametrize("kind", KINDS)
def test_no_value_is_taken_for_another(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(locating.VARIABLE, str(tmp_path))
    warnings.simplefilter("ignore")
    value, read = KINDS[kind]
    value = json.loads(json.dumps(value))
    before, taken, refused = read(value, tmp_path), [], 0
    shapes = {tuple("#" if isinstance(key, int) else key for key in p): p for p in places(value)}
    for shape, path in shapes.items():
        for other in wrong(at(value, path)):
            changed = json.loads(json.dumps(value))
            at(changed, path[:-1])[path[-1]] = other
            try:
                same = read(changed, tmp_path) == before
            except TflconvError:
                refused += 1
            else:
                taken += [] if same or free(kind, shape) else [(shape, other)]
    assert not taken
    assert refused > 15


def test_whole_numbers_are_whole() -> None:
    value, _ = KINDS["results"]
    changed = json.loads(json.dumps(value))
    changed["runs"][0]["latency"]["samples_ns"][2] += 0.5
    with pytest.raises(TflconvError, match=r"expected a whole number, not .*samples_ns\[2\]"):
        results.from_json(changed, source="results")
