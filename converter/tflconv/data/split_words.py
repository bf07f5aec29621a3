"""Recognizes folders of splits by their names, as public datasets spell them.

A name is taken apart into words, in any case and with any of ``-``, ``_`` and blanks: in
``train2017``, ``images_train`` and ``TestSet`` what is left beside the word of the split says
nothing, so they are splits wherever they are. In ``seg_train`` something is left. It is a split
only beside ``seg_test`` or the like, because ``train_station`` and ``test_tube`` are classes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

UNLABELLED = "unlabelled"
"""The role of folders such as ``predict``, whose pictures nobody sorted."""

WORDS = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "devel"), "validation"),
    **dict.fromkeys(("test", "testing", "tst", "eval", "evaluation", "holdout"), "test"),
    **dict.fromkeys(("pred", "predict", "prediction", "predictions", "inference"), UNLABELLED),
    **dict.fromkeys(("unlabeled", "unlabelled", "submission"), UNLABELLED),
}
_FILLERS = {"data", "dataset", "set", "split", "folder", "dir", "sample", "samples", "subset"} | {
    *("image", "images", "img", "imgs", "picture", "pictures", "pics", "photo", "photos"),
    *("frames", "crops", "jpg", "jpeg", "png"),
}
_PARTS = {"part", "parts", "fold", "folds", "batch", "chunk", "shard", "volume"}
_GLUED = re.compile(f"({'|'.join(sorted(WORDS, key=len, reverse=True))})({'|'.join(_FILLERS)})")


@dataclass(frozen=True)
class _Named:
    role: str
    rest: tuple[str, ...]


def role_of(name: str) -> str | None:
    """Return the split that a folder name says without any doubt, or None.

    Example:
        >>> [role_of(name) for name in ("train2017", "Test Set", "seg_train", "cats")]
        ['train', 'test', None, None]
    """
    named = _named(name)
    return named.role if named is not None and not named.rest else None


def mentions_split(name: str) -> bool:
    """Return whether a word in ``name`` is that of a split, as in ``train_station``."""
    return _named(name) is not None


def says_nothing(name: str) -> bool:
    """Return whether a folder name tells no class: ``images``, ``Test data``.

    Example:
        >>> [says_nothing(name) for name in ("images", "Test data 2", "cats", "7")]
        [True, True, False, False]
    """
    words = [word for word in _words(name) if not word.isdigit()]
    return bool(words) and all(word in WORDS or word in _FILLERS for word in words)


def are_parts(names: Collection[str]) -> bool:
    """Return whether folders are called like parts of one set, which only a number tells apart.

    Example:
        >>> are_parts(["images_part_1", "images_part_2"]), are_parts(["level1", "level2"])
        (True, False)
    """
    word_sets = {tuple(word for word in _words(name) if not word.isdigit()) for name in names}
    return len(names) > 1 and len(word_sets) == 1 and not (_PARTS | _FILLERS).isdisjoint(*word_sets)


def roles(names: Collection[str]) -> Mapping[str, str]:
    """Return the splits among folders that are side by side, by name.

    Example:
        >>> roles(["seg_train", "seg_pred", "train_station"])
        {'seg_train': 'train', 'seg_pred': 'unlabelled'}
    """
    named = {name: found for name in names if (found := _named(name)) is not None}
    siblings: dict[tuple[str, ...], set[str]] = {}
    for found in named.values():
        siblings.setdefault(found.rest, set()).add(found.role)
    return {
        name: found.role
        for name, found in named.items()
        if not found.rest or len(siblings[found.rest]) > 1
    }


def _named(name: str) -> _Named | None:
    words = _words(name)
    known_words = [word for word in words if word in WORDS]
    if len(known_words) != 1:
        return None
    return _Named(
        role=WORDS[known_words[0]],
        rest=tuple(w for w in words if w not in WORDS and w not in _FILLERS and not w.isdigit()),
    )


def _words(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", " ", name)
    words = re.split(r"[\W_]+", spaced.lower())
    return [part for word in words for part in _unglued(word) if part]


def _unglued(word: str) -> tuple[str, ...]:
    match = _GLUED.fullmatch(word)
    return match.groups() if match else (word,)
