"""A model that is opened once and handed from stage to stage.

Opening a model, reading its layers and rewriting them take seconds, so each is done when it is
first needed, and kept. A technique that trains a model returns a new ``Opened``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tflconv.core.files import sha256_path
from tflconv.core.inputs import missing
from tflconv.core.typing import KerasModel
from tflconv.errors import UsageError
from tflconv.model.card import ModelCard, read_card
from tflconv.model.opening import FloatFunction, of_keras, open_model
from tflconv.network import passes
from tflconv.network.nodes import Network
from tflconv.network.passes import PASSES, NamedPass, PassOutcome

if TYPE_CHECKING:
    from tflconv.network.keras.ranges import Ranges


class Opened:
    """One model, from a file of any kind or from memory.

    Attributes:
        name: What it is called in messages and, without a card, in file names.
        path: Where it was read from; None for a model in memory.
        sha256: Hash of the file or folder; None for a model in memory.
        card: Its labels, preprocessing and origin, if they are known.
        ranges: Ranges of activations that were trained together with ``network``.
        resolution: Side of the pictures in pixels, for a network that takes any.
        custom_objects: The Python file with layers that it uses.
    """

    def __init__(
        self,
        name: str,
        *,
        source: FloatFunction | None = None,
        path: Path | None = None,
        sha256: str | None = None,
        card: ModelCard | None = None,
        network: Network | None = None,
        ranges: Ranges | None = None,
        resolution: int | None = None,
        custom_objects: Path | None = None,
    ) -> None:
        self.name, self.path, self.sha256, self.card = name, path, sha256, card
        self.ranges, self.resolution, self.custom_objects = ranges, resolution, custom_objects
        self._source = source
        if network is not None:
            self.network = network

    @property
    def is_tflite(self) -> bool:
        """Whether it is a ``.tflite`` file, which is handled without TensorFlow."""
        return self._source is None

    @property
    def source(self) -> FloatFunction:
        """The model as a function over tensors of TensorFlow.

        Raises:
            UsageError: It is a ``.tflite`` file.
        """
        if self._source is None:
            raise UsageError(
                f"{self.name} is a .tflite file; this needs a Keras model or a SavedModel.",
                hint="Only functional or sequential Keras models can be unfused or trained.",
            )
        return self._source

    @cached_property
    def network(self) -> Network:
        """The layers of the model as plain data.

        Raises:
            TflconvError: The layers of the model are not visible to Keras.
        """
        from tflconv.network.keras.reader import read

        return replace(read(self.source.model, resolution=self.resolution), name=self.name)

    @cached_property
    def rewritten(self) -> tuple[Network, list[PassOutcome]]:
        """The network after all passes, and the outcome of each pass."""
        return passes.optimize(self.network, PASSES)

    def rewritten_by(self, chosen: Sequence[NamedPass]) -> Network:
        """Return the network after the ``chosen`` passes."""
        return passes.optimize(self.network, chosen)[0]


def open_once(
    model: Path | KerasModel,
    *,
    custom_objects: Path | None = None,
    signature: str | None = None,
    resolution: int | None = None,
) -> Opened:
    """Open a model file or folder, or take a Keras 2 or Keras 3 model in memory.

    Args:
        model: A ``.keras`` or ``.h5`` file, a SavedModel folder, a float ``.tflite``, or a model.
        custom_objects: A Python file with layers that the model uses. It is run.
        signature: Which function of a SavedModel.
        resolution: Side of the pictures in pixels, for a network that takes any.

    Raises:
        TflconvError: The file is missing, damaged, no model, or needs code that was not given.
    """
    if not isinstance(model, Path):
        source = of_keras(model)
        _check_open(source, resolution)
        return Opened(
            source.name, source=source, resolution=resolution, custom_objects=custom_objects
        )
    if not model.exists():
        raise missing(model)
    card = read_card(model) if model.is_file() else None
    opened: FloatFunction | None = None
    if model.suffix != ".tflite":
        opened = open_model(model, custom_objects=custom_objects, signature=signature)
        _check_open(opened, resolution)
    return Opened(
        model.stem,
        source=opened,
        path=model,
        sha256=sha256_path(model),
        card=card,
        resolution=resolution,
        custom_objects=custom_objects,
    )


def _check_open(source: FloatFunction, resolution: int | None) -> None:
    """Raise ``UsageError`` for a resolution where all inputs have other sides of their own."""
    if resolution is None:
        return
    shapes = [each.shape for each in source.inputs]
    sides = [side for shape in shapes if len(shape) == 3 for side in shape[:2]]
    if not {None, resolution} & set(sides):
        listed = " and ".join(str(list(shape)) for shape in shapes)
        raise UsageError(
            f"--resolution {resolution} would change nothing: {source.name} takes inputs of the"
            f" fixed shape {listed}.",
            hint="Leave --resolution out.",
        )
