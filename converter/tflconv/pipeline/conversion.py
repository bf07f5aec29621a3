"""From a model to its ``.tflite`` files in a folder."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tflconv.core import markup, outputs, telling
from tflconv.core.files import replacing_file, write_bytes
from tflconv.core.plural import plural
from tflconv.core.private import scratch_folder
from tflconv.core.progress import Callback, Progress, announce, silent
from tflconv.core.shortening import shorten
from tflconv.core.store import Store
from tflconv.errors import UsageError
from tflconv.model.artifact import ModelArtifact
from tflconv.pipeline import checking, promises
from tflconv.pipeline.choosing import Choice
from tflconv.pipeline.fidelity import Fidelity
from tflconv.pipeline.golden import Contracts
from tflconv.pipeline.line import Line
from tflconv.pipeline.plan_parts import MODEL_SUFFIXES
from tflconv.pipeline.requests import ConversionRequest
from tflconv.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class ConvertedFile:
    """The file of one recipe.

    Attributes:
        recipe: What was made.
        choice: What it was made by.
        artifact: The file and its origin.
        fidelity: How close it is to the float model.
        golden: Its golden contract, if one was asked for.
    """

    recipe: Recipe
    choice: Choice
    artifact: ModelArtifact
    fidelity: Fidelity
    golden: Path | None = None


class ConvertedFiles(list[Path]):
    """The paths of converted files.

    Attributes:
        fidelity: How close each is to the float model, in the same order.
        choices: What each was made by.
        golden: Its golden contract, if one was asked for.
    """

    def __init__(self, files: Sequence[ConvertedFile]) -> None:
        super().__init__(file.artifact.path for file in files)
        self.choices: tuple[Choice, ...] = tuple(file.choice for file in files)
        self.fidelity: tuple[Fidelity, ...] = tuple(file.fidelity for file in files)
        self.golden: tuple[Path | None, ...] = tuple(file.golden for file in files)
        self._bytes = tuple(file.artifact.bytes for file in files)

    def __repr__(self) -> str:
        names = shorten(", ".join(path.name for path in self[:8]), 120)
        return f"ConvertedFiles({plural(len(self), 'file')}: {names})"

    def _repr_html_(self) -> str:
        rows = [
            {
                "file": str(path),
                "bytes": size,
                "made as": str(choice),
                "cosine": fidelity.cosine,
                "agreement": fidelity.agreement,
            }
            for path, size, choice, fidelity in zip(
                self, self._bytes, self.choices, self.fidelity, strict=True
            )
        ]
        return markup.table(rows, repr(self))


def convert(
    request: ConversionRequest,
    folder: Path,
    *,
    store: Store | None = None,
    progress: Callback = silent,
) -> list[ConvertedFile]:
    """Write ``<name>-<recipe>.tflite`` into ``folder`` for each recipe of ``request``, in order.

    Beside each stands its golden contract, ``<name>-<recipe>.golden.zip``, if that is asked for.

    Files appear whole or not at all, and only when all of them could be made and are as close to
    the model as ``request`` asks. Warns of those that are not close, and where a phone will run a
    file slower than float.

    Args:
        request: What to make of which model.
        folder: Where the files go; it is made if it is not there.
        store: Where what was made is kept; by default nowhere.
        progress: Is told what is being done.

    Returns:
        The files, in the order of the recipes.

    Raises:
        TflconvError: The model cannot be read, a recipe cannot be made of it, or a file cannot be
            written, which is known before the model is opened.
        VerificationFailed: A file is not as close to the model as ``request`` asks.
    """
    checking.conversion(request, folder)
    _check_folder(folder)
    with _store_or_scratch(store) as entries:
        line = Line(request, entries, progress)
        contracts = Contracts(line)
        names = [*map(line.file_name, request.chosen), *contracts.names]
        outputs.try_folder(folder, *names)
        contracts.check()
        announce(progress, convert=len(request.chosen))
        checked = {recipe: _checked(line, recipe) for recipe in line.order}
        golden = {recipe: contracts.of(recipe) for recipe in request.chosen}
        return [
            _written(line, recipe, folder, checked[recipe], golden[recipe])
            for recipe in request.chosen
        ]


def _check_folder(folder: Path) -> None:
    """Raise ``UsageError`` for what is meant to be one file."""
    if folder.suffix in MODEL_SUFFIXES and not folder.is_dir():
        raise UsageError(
            f"{folder} is to be a folder: there is a file per recipe, and each has a name.",
            hint=f"Say --output {shlex.quote(str(folder.parent))}, and rename the file afterwards.",
        )


def _checked(line: Line, recipe: Recipe) -> Fidelity:
    fidelity, name = line.fidelity(recipe), line.file_name(recipe)
    for doubt in () if fidelity.drop is None else fidelity.drop.doubts:
        telling.warn(doubt)
    line.request.limits.check(fidelity, name)
    if fidelity.warning:
        telling.warn(f"{name}: {fidelity.warning}")
    line.origin.progress(Progress(stage="convert", state="done"))
    return fidelity


def _written(
    line: Line, recipe: Recipe, folder: Path, fidelity: Fidelity, golden: Path | None
) -> ConvertedFile:
    target = folder / line.file_name(recipe)
    with replacing_file(target) as temporary:
        temporary.write_bytes(line.file(recipe).read_bytes())
    for doubt in promises.doubts(target, recipe):
        telling.warn(doubt)
    artifact = ModelArtifact.of(target, parent=line.sha256)
    contract = None if golden is None else write_bytes(folder / golden.name, golden.read_bytes())
    return ConvertedFile(
        recipe=recipe,
        choice=line.choice(recipe),
        artifact=artifact,
        fidelity=fidelity,
        golden=contract,
    )


@contextmanager
def _store_or_scratch(store: Store | None) -> Iterator[Store]:
    """``store``, or one that is gone after the block."""
    if store is not None:
        yield store
        return
    outputs.try_scratch()
    with outputs.explain_scratch_errors(), scratch_folder() as folder:
        yield Store(folder)
