"""From a model to its ``.tflite`` files in a folder."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tflconv.core import outputs
from tflconv.core.files import replacing_file
from tflconv.core.private import scratch_folder
from tflconv.core.progress import Callback, silent
from tflconv.core.store import Store
from tflconv.inspection import delegation
from tflconv.model.artifact import ModelArtifact
from tflconv.pipeline import checking
from tflconv.pipeline.line import Line
from tflconv.pipeline.requests import ConversionRequest


def convert(
    request: ConversionRequest,
    folder: Path,
    *,
    store: Store | None = None,
    progress: Callback = silent,
) -> list[ModelArtifact]:
    """Write ``<name>-<recipe>.tflite`` into ``folder`` for each recipe of ``request``, in order.

    Files appear whole or not at all, and only when all of them could be made. Warns where a phone
    will run a file slower than float.

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
    """
    checking.conversion(request, folder)
    with _kept(store) as entries:
        line = Line(request, entries, progress)
        outputs.try_folder(folder, *map(line.file_name, request.chosen))
        made = {folder / line.file_name(recipe): line.file(recipe) for recipe in request.chosen}
        for target, finished in made.items():
            with replacing_file(target) as temporary:
                temporary.write_bytes(finished.read_bytes())
            if slower := delegation.warn_if_slower(target):
                warnings.warn("\n  ".join(slower), stacklevel=2)
        return [ModelArtifact.of(target, parent=line.sha256) for target in made]


@contextmanager
def _kept(store: Store | None) -> Iterator[Store]:
    """``store``, or one that is gone after the block."""
    if store is not None:
        yield store
        return
    outputs.try_scratch()
    with outputs.explain_scratch_errors(), scratch_folder() as folder:
        yield Store(folder)
