"""The golden contracts of a model's files: which pictures they hold, and where they are kept."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tflconv import data
from tflconv.core.files import sha256_bytes
from tflconv.core.versions import versions
from tflconv.data import Samples
from tflconv.errors import UsageError
from tflconv.model import golden, golden_making
from tflconv.model.card import ModelCard
from tflconv.model.golden_making import GoldenPicture, as_png
from tflconv.recipe import Recipe

if TYPE_CHECKING:
    from tflconv.pipeline.line import Line

_MAKERS = ("tflconv", "ai-edge-litert", "numpy", "pillow")


class Contracts:
    """The golden contracts of the files of one line, where its request asks for them.

    Args:
        line: The way of the model to its files.
    """

    def __init__(self, line: Line) -> None:
        self._line = line

    def of(self, recipe: Recipe) -> Path | None:
        """Return the contract of the file of ``recipe``, made unless the store holds it.

        Raises:
            UsageError: There are no pictures, or the model takes none.
            TflconvError: A picture cannot be read.
        """
        if self._line.request.golden is None:
            return None
        line, name = self._line, self.name(recipe)
        card, chosen = self._card, self._chosen
        inputs = {
            "file": line.entry(recipe).digest,
            "name": name,
            "pictures": [[each.name, each.label, sha256_bytes(each.content)] for each in chosen],
            "normalization": asdict(card.normalization),
            "resize": card.resize,
            "labels": list(card.labels),
            "versions": versions(*_MAKERS),
        }

        def build(folder: Path) -> None:
            line.origin.tell("golden", f"writing {name}")
            golden.write(golden_making.make(line.file(recipe), card, chosen), folder / name)

        return line.store.fetch("golden", inputs, build).path / name

    def name(self, recipe: Recipe) -> str:
        """Return what the contract is called: ``vit-mnist-static_wi8_ai8.golden.zip``."""
        return self._line.file_name(recipe).removesuffix(".tflite") + golden.SUFFIX

    @property
    def names(self) -> list[str]:
        """What all contracts are called; nothing where none is asked for."""
        request = self._line.request
        return [] if request.golden is None else [self.name(each) for each in request.chosen]

    @cached_property
    def _card(self) -> ModelCard:
        card = self._line.card
        if card is None:
            raise UsageError(
                "golden pictures need to know how pixels become the model's input.",
                hint="Say how: --normalize 0..1, -1..1, caffe, in-model or MEAN,STD.",
            )
        return card

    def check(self) -> None:
        """Raise ``UsageError`` where there are no pictures, before a file is made."""
        if self._line.request.golden is not None:
            _ = self._source

    @property
    def _source(self) -> str | Path:
        request = self._line.request
        sources = (request.dataset, request.calibration, self._card.dataset)
        source = next((each for each in sources if isinstance(each, str | Path)), None)
        if source is None:
            raise UsageError(
                "there are no pictures for a golden contract.",
                hint="Name some: --dataset DATASET, or --calibration FOLDER.",
            )
        return source

    @cached_property
    def _chosen(self) -> list[GoldenPicture]:
        request, card, source = self._line.request, self._card, self._source
        count, seed = request.golden or 1, request.seed
        if data.is_own(source):
            samples = data.read_own(source, ranks=[4])
            assert samples is not None  # it is data of one's own
            return _of_samples(samples.drawn(count, seed), card)
        if data.is_unsorted(source):
            files = data.loose(Path(source), count, seed)
            return [GoldenPicture(name=name, content=each) for name, each in files.items()]
        return _of_dataset(str(source), card, count, seed)


def _of_dataset(name: str, card: ModelCard, count: int, seed: int) -> list[GoldenPicture]:
    """Draw pictures of the test split by class; as PNG where the dataset has no picture files."""
    dataset = data.load_for(card, name, seed=seed)
    split = dataset.test.stratified(count, seed)
    files = data.original_files(name, split.ids)
    return [
        GoldenPicture(
            name=split.ids[index],
            content=files.get(split.ids[index]) or as_png(split.images[index]),
            label=dataset.classes[split.labels[index]],
        )
        for index in range(len(split))
    ]


def _of_samples(samples: Samples, card: ModelCard) -> list[GoldenPicture]:
    if samples.pixels is None:
        raise UsageError(
            f"{samples.name} holds no pixels, and a golden contract is made of pictures.",
            hint="Name pictures: --dataset DATASET, or an .npz file of uint8 pixels.",
        )
    numbers = samples.numbered(max(len(card.labels), 2), card.labels) if card.labels else None
    return [
        GoldenPicture(
            name=samples.ids[index],
            content=as_png(pixels),
            label=None if numbers is None else card.labels[numbers[index]],
        )
        for index, pixels in enumerate(samples.pixels)
    ]
