"""From the names of picture files to their classes and splits.

A picture's class is the folder it lies in. Above the classes there may be folders for the splits
(``train``, ``val`` or ``validation``, ``test``), and above all of it any number of folders that
everything shares, as archives have them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from tflconv.data.dataset_card import DatasetCard
from tflconv.data.splits import Blocks

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """A picture's class and its split; a split of None is still to be drawn."""

    label: str
    split: str | None


def places(names: Sequence[str], card: DatasetCard) -> dict[str, Place]:
    """Places of the pictures called ``names`` by the rule of ``card``."""
    return by_folders(names) if card.blocks is None else by_blocks(names, card.blocks)


def by_folders(names: Sequence[str]) -> dict[str, Place]:
    """Places of the pictures called ``names``; those outside any class folder have none."""
    parts = {name: PurePosixPath(name).parts for name in names}
    top = _shared_folders(list(parts.values()))
    parts = {name: path[top:] for name, path in parts.items() if len(path) > top + 1}
    with_splits = bool(parts) and all(path[0].lower() in SPLITS for path in parts.values())
    if not with_splits:
        return {name: Place(label=path[0], split=None) for name, path in parts.items()}
    return {
        name: Place(label=path[1], split=SPLITS[path[0].lower()])
        for name, path in parts.items()
        if len(path) > 2
    }


def by_blocks(names: Sequence[str], blocks: Blocks) -> dict[str, Place]:
    """Places of film frames; those between two splits, or no frames of the film, have none."""
    pattern = re.compile(blocks.frame)
    matches: Mapping[str, re.Match[str]] = {
        name: match for name in names if (match := pattern.search(name))
    }
    return {
        name: Place(label=match["label"], split=split)
        for name, match in matches.items()
        if (split := blocks.split(int(match["index"])))
    }


def _shared_folders(paths: Sequence[tuple[str, ...]]) -> int:
    """How many leading folders all ``paths`` share, leaving at least a class and a file."""
    depth = 0
    while any(len(path) > depth + 2 for path in paths):
        names = {path[depth] if len(path) > depth + 1 else None for path in paths}
        if len(names) != 1 or str(next(iter(names))).lower() in SPLITS:
            break
        depth += 1
    return depth
