"""Folder trees as people have them, drawn at random: right, or an error that names a folder."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from making_pictures import png, write, write_zip

from tflconv import data
from tflconv.errors import TflconvError

SIDE = 8
PICTURES = [png(seed, height=SIDE, width=SIDE) for seed in range(40)]
SPLITS = ("train", "validation", "test")

CLASSES = ["cats", "dogs", "Häuser", "n02084071", "7", "a b", "hot-dog", "Z_1", "del", "images 2"]
CLASSES += ["contest", "Nothing", "protest march", "trains", "evaluated"]
AWKWARD = ["train", "test", "test_tube", "train station", "dev", "predict", "Validation", "set"]

WORDS = {
    "train": ["train", "training", "Train", "TRAIN"],
    "validation": ["val", "valid", "validation", "dev", "Validation"],
    "test": ["test", "testing", "Test", "evaluation"],
    "predict": ["pred", "predict", "unlabeled"],
}
STYLES: list[Callable[[str], str]] = [
    lambda word: word,
    lambda word: f"{word}_set",
    lambda word: f"{word}-data",
    lambda word: f"{word} images",
    lambda word: f"{word}2017",
    lambda word: f"images_{word}",
    lambda word: f"seg_{word}",
    lambda word: f"my set-{word}",
]
WRAPPERS = ["archive", "data", "My Pictures", "pets-main", "v1.2", "images"]
NOISE = {
    "README.md": b"text",
    "licence.docx": b"text",
    "index.json": b"{}",
    "more.zip": b"PK",
    ".DS_Store": b"x",
    "__MACOSX/cats/x.png": b"x",
    "@eaDir/x.png": b"x",
    ".ipynb_checkpoints/1-checkpoint.png": b"x",
    "docs/manual.pdf": b"x",
    "annotations/all.xml": b"<a/>",
}


@dataclass(repr=False)
class Tree:
    """Files to write, and pictures by split and class; a split of None is drawn later."""

    files: dict[str, bytes] = field(default_factory=dict)
    counts: Counter[tuple[str | None, str]] = field(default_factory=Counter)
    linked: str | None = None

    def __repr__(self) -> str:
        return f"Tree({sorted(self.files)}, {dict(self.counts)}, linked={self.linked})"

    def put(self, folder: str, split: str | None, label: str, count: int) -> None:
        for index in range(count):
            number = (len(self.files) + index) % len(PICTURES)
            self.files[f"{folder}/{len(self.files)}.png"] = PICTURES[number]
        self.counts[split, label] += count


@st.composite
def trees(draw: st.DrawFn, names: list[str]) -> Tree:
    tree = Tree()
    labels = draw(st.lists(st.sampled_from(names), min_size=2, max_size=4, unique=True))
    counts = st.integers(3, 5)
    top = "".join(f"{name}/" for name in draw(st.lists(st.sampled_from(WRAPPERS), max_size=2)))
    kind = draw(st.sampled_from(["flat", "splits", "class first"]))
    style = draw(st.sampled_from(STYLES))
    splits = draw(st.sampled_from([SPLITS, SPLITS[:2], SPLITS[::2]]))
    if kind == "flat":
        for label in labels:
            deeper = draw(st.sampled_from(["", "/more"]))
            tree.put(f"{top}{label}{deeper}", None, label, draw(counts))
        tree.linked = draw(st.sampled_from([None, f"{top}{labels[0]}"]))
    for split in splits if kind != "flat" else ():
        name = style(draw(st.sampled_from(WORDS[split])))
        wrapper = draw(st.sampled_from(["", f"{name}/", "images/"])) if kind == "splits" else ""
        for label in labels:
            inner = f"{name}/{wrapper}{label}" if kind == "splits" else f"{label}/{name}"
            tree.put(f"{top}{inner}", split, label, draw(counts))
    if kind == "splits" and draw(st.booleans()):
        name = style(draw(st.sampled_from(WORDS["predict"])))
        tree.files |= {f"{top}{name}/{index}.png": PICTURES[0] for index in range(3)}
    for noise in draw(st.lists(st.sampled_from(sorted(NOISE)), unique=True, max_size=4)):
        beside = draw(st.sampled_from(["", top]))
        tree.files[f"{beside}{noise}"] = NOISE[noise]
    event(kind)
    return tree


def loaded(tree: Tree, packed: bool) -> data.Dataset:
    """The dataset of ``tree`` on the disk, read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pets"
        if packed:
            path = write_zip(path.with_suffix(".zip"), tree.files)
        else:
            write(path, tree.files)
            if tree.linked is not None:
                (path / tree.linked).rename(Path(folder) / "elsewhere")
                (path / tree.linked).symlink_to(Path(folder) / "elsewhere")
        dataset = data.load(path, resolution=SIDE)
        _ = dataset.reading
        return dataset


def check(tree: Tree, dataset: data.Dataset) -> None:
    assert dataset.classes == tuple(sorted({label for _, label in tree.counts}))
    found: Counter[tuple[str | None, str]] = Counter()
    for name, split in dataset.splits.items():
        told = any(name == split for split, _ in tree.counts)
        drawn_from = None if (None, dataset.classes[0]) in tree.counts else "train"
        for label in split.labels:
            found[name if told else drawn_from, dataset.classes[label]] += 1
    assert found == tree.counts


@pytest.fixture(autouse=True)
def private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path / "cache"))


EXAMPLES = int(os.environ.get("TFLCONV_TREES", "60"))
many = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@many
@given(trees(CLASSES), st.booleans())
def test_every_tree_gives_the_classes_and_splits_it_was_built_with(
    tree: Tree, packed: bool
) -> None:
    check(tree, loaded(tree, packed))


@many
@given(trees(CLASSES[:4] + AWKWARD), st.booleans())
def test_a_tree_with_classes_called_like_splits_is_right_or_names_a_folder(
    tree: Tree, packed: bool
) -> None:
    try:
        dataset = loaded(tree, packed)
    except TflconvError as error:
        refused = error
    else:
        check(tree, dataset)
        return
    folders = {part for name in tree.files for part in Path(name).parts[:-1]}
    assert any(f"'{folder}'" in refused.message for folder in folders)
