"""From a Keras model to a smaller Keras model in a file."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tflconv.core import outputs
from tflconv.core.files import write_bytes
from tflconv.core.progress import Callback, silent
from tflconv.core.store import Store
from tflconv.core.text import file_name
from tflconv.errors import TflconvError, UsageError
from tflconv.model.artifact import ModelArtifact
from tflconv.model.card import ModelCard, read_card
from tflconv.pipeline import checking, idle_options
from tflconv.pipeline.origin import Origin
from tflconv.pipeline.requests import CompressionRequest
from tflconv.pipeline.steps import Workshop


@dataclass(frozen=True, kw_only=True)
class Compressed:
    """A compressed model: its file, and the card that it carries.

    Attributes:
        artifact: The file and its origin.
        card: What the file says of itself; None if it is not known how pixels become its inputs.
    """

    artifact: ModelArtifact
    card: ModelCard | None


def compress(
    request: CompressionRequest,
    output: Path | None = None,
    *,
    store: Store | None = None,
    progress: Callback = silent,
) -> Compressed:
    """Write the Keras model that the steps of ``request`` make of its model.

    The file appears whole or not at all. What each step has made is kept until then, so that an
    interrupted command goes on where it was when it is given again.

    Args:
        request: What to make of which model.
        output: The ``.keras`` file to write; by default ``MODEL-RECIPE.keras`` beside the model.
        store: Where what steps have made is kept; by default a folder beside ``output``, which is
            removed in the end.
        progress: Is told what is being done.

    Returns:
        The file, and the card that it carries.

    Raises:
        UsageError: The request does not fit the model, or ``output`` is no ``.keras``.
        TflconvError: The model cannot be read or changed so, or ``output`` not be written.
    """
    target = _target(request, output)
    checking.compression(request, target)
    beside = target.with_name(f"{target.name}.steps")
    origin = Origin(request, progress)
    idle_options.compression(request, origin.own_card)
    try:
        file = Workshop(origin, store or Store(beside)).file(request.steps)
    except TflconvError:
        if not any(path.is_file() for path in beside.rglob("*")):
            shutil.rmtree(beside, ignore_errors=True)
        raise
    write_bytes(target, file.read_bytes())
    if store is None:
        shutil.rmtree(beside, ignore_errors=True)
    artifact = ModelArtifact.of(target, parent=origin.sha256)
    return Compressed(artifact=artifact, card=read_card(target))


def _target(request: CompressionRequest, output: Path | None) -> Path:
    if output is None:
        model = request.model
        folder = model.parent if isinstance(model, Path) else Path()
        stem = model.stem if isinstance(model, Path) else str(model.name)
        return folder / f"{file_name(stem)}-{request.recipe}.keras"
    if output.suffix != ".keras":
        raise UsageError(
            f"a compressed model is a .keras file. Received: {output}.",
            hint=f"Say -o {output.with_suffix('.keras')}.",
        )
    if isinstance(request.model, Path) and output.absolute() == request.model.absolute():
        raise UsageError(f"{output} is the model itself.", hint="Name another file with -o.")
    outputs.try_files(output)
    return output
