"""Classes and splits of pictures, from the names of their files.

The class of a picture is the folder that it is in. Above the classes there may be folders of splits
(``train``, ``seg_test``, ``validation_set``; see ``split_words``), above those any number of
folders that all pictures share, and inside of each split some more of them, as in many archives.
A folder of a split never becomes a class: where it is not clear which folders are splits, an error
names them and says how to tell.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NoReturn

from tflconv.data import boxes
from tflconv.data.dataset_card import DatasetCard
from tflconv.data.split_words import (
    UNLABELLED,
    are_parts,
    mentions_split,
    role_of,
    roles,
    says_nothing,
)
from tflconv.data.splits import FrameBlocks
from tflconv.errors import TflconvError

_DOCUMENTS = {
    *(".txt", ".md", ".rst", ".html", ".htm", ".pdf", ".doc", ".docx", ".rtf", ".odt", ".bib"),
    *(".csv", ".tsv", ".xls", ".xlsx", ".json", ".xml", ".yaml", ".yml", ".log", ".sha256"),
    *(".zip", ".tar", ".gz", ".tgz", ".rar", ".7z", ".py", ".ipynb", ".m"),
    *(".mat", ".npy", ".npz", ".pkl", ".h5"),
}
_LISTED = 3
_FEW = 0.05
"""Share of pictures that may lie beside a folder that all others are in."""
_LONE = ("val", "valid", "validation", "test", "testing")
_ORDER = ("train", "validation", "test")
SPELLING = (
    "Say which is which instead of the folder's name: train=DIR,test=DIR[,validation=DIR], each DIR"
    " with one folder per class (train=DIR alone: all folders in DIR are classes)."
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Class and split of a picture; a split of None is drawn later."""

    label: str
    split: str | None


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Places of pictures by name, and what a user should know of those that have none.

    ``by_number`` says that labels which are numbers are those of classes.
    """

    places: Mapping[str, Place]
    notes: tuple[str, ...] = ()
    by_number: bool = False

    def order(self, classes: Collection[str]) -> tuple[str, ...]:
        """Return ``classes`` as outputs have them: sorted, or by their numbers if all are some.

        Class folders are sorted by name, as Keras does; numbers in a table are what a network was
        trained on, and 10 comes after 2.
        """
        numbers = self.by_number and all(map(str.isdecimal, classes))
        return tuple(sorted(classes, key=lambda name: (int(name) if numbers else 0, name)))


def arranged(names: Sequence[str], card: DatasetCard) -> Layout:
    """Return class and split of pictures by the rule of a card."""
    return by_folders(names) if card.blocks is None else by_blocks(names, card.blocks)


def by_folders(names: Sequence[str]) -> Layout:
    """Return class and split of pictures from their folders; those in no class folder have none.

    Raises ``TflconvError`` where it is not clear whether folders are splits or classes.

    Example:
        >>> names = ["digits/train/one/1.png", "digits/val/two/7.png"]
        >>> by_folders(names).places["digits/val/two/7.png"]
        Place(label='two', split='validation')
    """
    names, annotations = _without_annotations(names)
    root = _Level.of(names)
    level = root.without_wrappers()
    splits = roles(level.folders)
    if any(level.folders[name].folders for name in splits if splits[name] != UNLABELLED):
        layout = _with_nested(_in_splits(level, splits))
    elif _is_class_first(level):
        layout = _class_first(level)
    else:
        _check_flat(level, splits)
        _check_classes(level)
        layout = _with_nested(Layout(places=level.places(None)))
    layout = _noted(layout, level.loose, "in no class folder")
    return _annotated(_without_pictures(layout, names, root), annotations)


def by_parts(names: Sequence[str]) -> Layout:
    """Return the places of ``SPLIT/...`` where a user said what each split is.

    Example:
        >>> by_parts(["train/x/cats/1.png", "train/x/dogs/1.png"]).places["train/x/cats/1.png"]
        Place(label='cats', split='train')
    """
    names, annotations = _without_annotations(names)
    root = _Level.of(names)
    given = root.folders
    classes = given["train"].without_wrappers("train").folders if "train" in given else ()
    places: dict[str, Place] = {}
    for split, level in given.items():
        places |= level.without_wrappers(split, keep=classes).places(split)
    loose = [name for name in names if name not in places]
    layout = _noted(Layout(places=places), loose, "in no class folder")
    return _annotated(_without_pictures(layout, names, root), annotations)


def by_blocks(names: Sequence[str], blocks: FrameBlocks) -> Layout:
    """Return class and split of film frames; those between two splits are left out."""
    pattern = re.compile(blocks.frame)
    matches: Mapping[str, re.Match[str]] = {
        name: match for name in names if (match := pattern.search(name))
    }
    places = {
        name: Place(label=match["label"], split=split)
        for name, match in matches.items()
        if (split := blocks.split(int(match["index"])))
    }
    return Layout(places=places)


def is_document(name: str) -> bool:
    """Return whether a file is text, a table, an archive or code, by the end of its name."""
    return PurePosixPath(name).suffix.lower() in _DOCUMENTS


@dataclass(kw_only=True)
class _Level:
    """What lies side by side in one folder, by whole names: files, and folders with pictures."""

    loose: list[str] = field(default_factory=list)
    folders: dict[str, _Level] = field(default_factory=dict)

    @staticmethod
    def of(names: Sequence[str]) -> _Level:
        """Return the tree of ``names``; folders that hold documents only are left out."""
        pictures = [name for name in names if not is_document(name)] or names
        folders = {str(parent) for name in pictures for parent in PurePosixPath(name).parents}
        root = _Level()
        for name in names:
            path = PurePosixPath(name)
            if str(path.parent) in folders:
                level = root
                for part in path.parts[:-1]:
                    level = level.folders.setdefault(part, _Level())
                level.loose.append(name)
        return root

    @property
    def single(self) -> bool:
        """Whether there is one folder and no other."""
        return len(self.folders) == 1

    def all(self) -> list[str]:
        """Return all names at this level and below."""
        return [*self.loose, *(name for level in self.folders.values() for name in level.all())]

    def places(self, split: str | None) -> dict[str, Place]:
        """Return the places of all pictures in folders, each a class."""
        return {
            name: Place(label=label, split=split)
            for label, level in self.folders.items()
            for name in level.all()
        }

    def without_wrappers(self, own: str = "", keep: Collection[str] = ()) -> _Level:
        """Go down while there is one folder that is neither a class to ``keep`` nor a split.

        Inside of the split ``own`` a folder of that name, or called ``images`` or the like, is a
        wrapper, too.
        """
        level = self
        while level.single:
            name, inner = next(iter(level.folders.items()))
            is_class = name in keep and not inner.folders.keys() & set(keep)
            if is_class or (not own and _is_lone_split(name)):
                break
            if not inner.folders and not (own and (name == own or says_nothing(name))):
                break
            if _pictures(level.loose) > max(1, _FEW * _pictures(inner.all())):
                break
            level = _Level(loose=[*level.loose, *inner.loose], folders=inner.folders)
        return level


def _pictures(names: Sequence[str]) -> int:
    return sum(not is_document(name) for name in names)


def _is_lone_split(name: str) -> bool:
    return role_of(name) == "train" or name.lower() in _LONE


def _in_splits(level: _Level, splits: Mapping[str, str]) -> Layout:
    """Return the layout of a level with folders of splits, some of which hold class folders."""
    others = {name: inner for name, inner in level.folders.items() if name not in splits}
    labelled = {name: role for name, role in splits.items() if role != UNLABELLED}
    nested = any(inner.folders for inner in others.values())
    if nested or (others and len({*labelled.values()}) < 2):
        _refuse_mixed(splits, others)
    first = min(labelled, key=lambda name: _ORDER.index(labelled[name]))
    classes = level.folders[first].without_wrappers(first).folders
    if classes and len(roles(classes)) == len(classes):
        _refuse_mixed({*splits, *classes}, others)
    layout = Layout(places={})
    for name, inner in level.folders.items():
        within = inner.without_wrappers(name, keep=classes)
        if name in labelled and within.folders:
            _check_classes(within)
            places = {**layout.places, **within.places(labelled[name])}
            layout = Layout(places=places, notes=layout.notes)
            layout = _noted(layout, within.loose, f"in '{name}', but in no class folder")
        else:
            layout = _noted(layout, inner.all(), f"in '{name}', which has no class folders")
    return layout


def _is_class_first(level: _Level) -> bool:
    """Return whether splits stand inside of classes, as in ``cats/train`` and ``cats/test``."""
    inner = [roles(folder.without_wrappers().folders) for folder in level.folders.values()]
    return any(len({*found.values()}) > 1 for found in inner)


def _class_first(level: _Level) -> Layout:
    places: dict[str, Place] = {}
    loose: list[str] = []
    folders = {label: folder.without_wrappers() for label, folder in level.folders.items()}
    _refuse_shared(level, [each for folder in folders.values() for each in folder.folders.values()])
    for label, folder in folders.items():
        splits = roles(folder.folders)
        if set(splits) != set(folder.folders) or not splits:
            raise TflconvError(
                f"some classes have folders of splits in them, but '{label}' has"
                f" {_quoted(sorted(folder.folders)) or 'none'}.",
                hint=SPELLING,
            )
        loose += folder.loose
        for name, split in splits.items():
            if split == UNLABELLED:
                loose += folder.folders[name].all()
            else:
                names = folder.folders[name].all()
                places |= {each: Place(label=label, split=split) for each in names}
    return _noted(Layout(places=places), loose, "in a class, but in none of its splits")


def _check_flat(level: _Level, splits: Mapping[str, str]) -> None:
    """Refuse splits without class folders in them; ``train`` alone beside classes is a class."""
    others = {name: inner for name, inner in level.folders.items() if name not in splits}
    if splits and not others and not level.single:
        raise TflconvError(
            f"the folders {_quoted(sorted(splits))} are named like splits, but there are no class"
            " folders in them.",
            hint="Put each picture into a folder of its class, train/CLASS/x.jpg, or name the table"
            f" of their labels, DIR/labels.csv. {SPELLING}",
        )
    vague = [name for name in others if mentions_split(name) and others[name].folders]
    if vague:
        _refuse_mixed(vague, others.keys() - vague)
    if others and [*splits.values()] not in ([], ["train"]):
        _refuse_mixed(splits, others)


def _check_classes(level: _Level) -> None:
    """Refuse folders that look like parts of the set, or like more than the set, not like classes.

    So do ``fold1`` and ``fold2`` with the same folders in each, ``images_part_1`` and
    ``images_part_2``, and ``figures`` beside the folder that has the classes in it.
    """
    if found := boxes.masks({name: folder.all() for name, folder in level.folders.items()}):
        raise TflconvError(
            "the folders '{}' and '{}' are pictures and their masks, not classes.".format(*found),
            hint=boxes.HINT,
        )
    inner = {name: folder.without_wrappers() for name, folder in level.folders.items()}
    _refuse_shared(level, list(inner.values()))
    above = [name for name, each in inner.items() if len(each.folders) > 1 and not each.loose]
    plain = [name for name, each in inner.items() if not each.folders]
    if above and plain:
        raise TflconvError(
            f"it is not clear which folders are classes: {_quoted(above)} hold folders of pictures,"
            f" and {_quoted(plain)} pictures.",
            hint=SPELLING,
        )
    if are_parts(inner):
        raise TflconvError(
            f"it is not clear where classes are: {_quoted(sorted(inner))} are named like parts.",
            hint=f"Name the table of their labels, DIR/labels.csv. {SPELLING}",
        )


def _refuse_shared(level: _Level, inner: Sequence[_Level]) -> None:
    """Refuse ``inner`` folders, all of which have the same folders in them."""
    shared = set.intersection(*(set(each.folders) for each in inner)) if len(inner) > 1 else set()
    if len(shared) > 1:
        raise TflconvError(
            f"it is not clear which folders are classes: {_quoted(sorted(level.folders))} all have"
            f" {_quoted(sorted(shared))} in them.",
            hint=SPELLING,
        )


def _refuse_mixed(splits: Collection[str], others: Collection[str]) -> NoReturn:
    beside = f"; beside them are {_quoted(sorted(others))}" if others else ""
    raise TflconvError(
        f"it is not clear whether folders are splits or classes: {_quoted(sorted(splits))}"
        f" are named like splits{beside}.",
        hint=SPELLING,
    )


def _noted(layout: Layout, names: Sequence[str], where: str) -> Layout:
    left_out = [name for name in names if not is_document(name) and not name.endswith("/.empty")]
    if not left_out:
        return layout
    some = ", ".join(sorted(left_out)[:_LISTED])
    note = f"pictures left out: {len(left_out)} {where} (such as {some})."
    return Layout(places=layout.places, notes=(*layout.notes, note))


def _with_nested(layout: Layout) -> Layout:
    """Return ``layout`` with a note if all classes hold folders, which may be the classes meant."""
    inner: dict[str, set[str]] = {}
    for name, place in layout.places.items():
        *above, _ = PurePosixPath(name).parts
        depth = above.index(place.label) + 1
        inner.setdefault(place.label, set()).add("/".join(above[depth : depth + 1]))
    label = max(inner, key=lambda name: len(inner[name]), default="")
    if not inner or any("" in found for found in inner.values()) or len(inner[label]) < 2:
        return layout
    note = f"folders in a class belong to it, such as {_quoted(sorted(inner[label]))} to '{label}'."
    return Layout(places=layout.places, notes=(*layout.notes, note))


def _without_pictures(layout: Layout, names: Sequence[str], root: _Level) -> Layout:
    """Return ``layout`` with a note on folders that hold documents only."""
    kept = set(root.all())
    dropped = {str(PurePosixPath(name).parent) for name in names if name not in kept} - {"."}
    if not dropped:
        return layout
    note = f"folders without pictures are left out: {_quoted(sorted(dropped))}."
    return Layout(places=layout.places, notes=(*layout.notes, note))


def _without_annotations(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Divide ``names``: those without, and the documents that bear the name of a picture beside.

    So do the boxes of Pascal VOC, ``cats/1.jpg`` and ``cats/1.xml``, and those of YOLO and labelme.
    """
    pictures = {_stem(name) for name in names if not is_document(name)}
    annotations = {name for name in names if is_document(name) and _stem(name) in pictures}
    return [name for name in names if name not in annotations], sorted(annotations)


def _stem(name: str) -> str:
    return name[: len(name) - len(PurePosixPath(name).suffix)]


def _annotated(layout: Layout, annotations: Sequence[str]) -> Layout:
    """Return ``layout`` with a note on annotations."""
    if not annotations:
        return layout
    note = f"annotations of pictures are not read: {len(annotations)} (such as {annotations[0]})."
    return Layout(places=layout.places, notes=(*layout.notes, note))


def _quoted(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:8])
    return shown + (", …" if len(names) > 8 else "")
