"""Classes and splits of pictures, from the names of their files.

The class of a picture is the folder that it is in. Above the classes there may be folders of splits
(``train``, ``val`` or ``validation``, ``test``), and above those any number of folders that all
pictures share, as in many archives.
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
    """Class and split of a picture; a split of None is drawn later."""

    label: str
    split: str | None


def places(names: Sequence[str], card: DatasetCard) -> dict[str, Place]:
    """Return class and split of pictures by the rule of a card, by name."""
    return by_folders(names) if card.blocks is None else by_blocks(names, card.blocks)


def by_folders(names: Sequence[str]) -> dict[str, Place]:
    """Return class and split of pictures from their folders; those in no class folder are left out.

    Example:
        >>> by_folders(["digits/train/one/1.png", "digits/val/two/7.png"])["digits/val/two/7.png"]
        Place(label='two', split='validation')
    """
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
    """Return class and split of film frames; those between two splits are left out."""
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
    """Count the leading folders that all ``paths`` share, without class and file."""
    depth = 0
    while any(len(path) > depth + 2 for path in paths):
        names = {path[depth] if len(path) > depth + 1 else None for path in paths}
        if len(names) != 1 or str(next(iter(names))).lower() in SPLITS:
            break
        depth += 1
    return depth
