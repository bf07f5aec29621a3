"""Conversion of a network that graph passes rewrote (``tflconv.network.passes``).

Float and dynamic recipes go the way of every float model. Integer ones keep the ranges that the
network asks for (symmetric keys and values, saturation instead of ReLU), which means that the
ranges are measured here and the converter reads them off the graph. ``selective`` quantizes what
enters or leaves a product, attention's products included; LayerNormalization and softmax stay in
float.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tflconv.conversion import tracing
from tflconv.conversion.calibration import Calibration
from tflconv.conversion.preparation import FloatModel
from tflconv.conversion.quantization import finish
from tflconv.core.files import sha256_file
from tflconv.core.typing import KerasModel
from tflconv.errors import UsageError
from tflconv.model.card import ModelCard, read_card
from tflconv.model.opening import Input, Source, of_keras, open_model
from tflconv.network.keras import execution, ranges
from tflconv.network.keras.execution import Scheme
from tflconv.network.keras.fake_quant import FakeQuantScheme, round_weights
from tflconv.network.keras.ranges import Ranges
from tflconv.network.keras.reader import read
from tflconv.network.nodes import Network
from tflconv.network.passes import PASSES, NamedPass, PassOutcome, optimize
from tflconv.recipe import Recipe


@dataclass(frozen=True, kw_only=True, eq=False)
class OptimizedModel(FloatModel):
    """A rewritten network: what the passes did to it, and its ranges if it was trained for them."""

    network: Network
    outcomes: tuple[PassOutcome, ...] = ()
    trained: Ranges | None = None

    @property
    def has_trained_ranges(self) -> bool:
        """Whether the network was trained for int8."""
        return self.trained is not None

    def make(self, recipe: Recipe, calibration: Calibration | None = None) -> bytes:
        """The file that ``recipe`` makes of this network."""
        selective = recipe.compute == "selective"
        if not selective and not recipe.is_integer:
            return super().make(recipe)
        wanted = {node.name for node in ranges.quantized(self.network, selective=selective)}
        found = self.trained or self._calibrated(calibration)
        kept = {name: found[name] for name in wanted}
        tensorwise = recipe.granularity == "tensorwise"
        network = self.network if tensorwise else round_weights(self.network)
        graph = tracing.freeze(as_source(network, FakeQuantScheme(kept, tensorwise=tensorwise)))
        return finish(tracing.lower_trained(graph, recipe), recipe)

    def _calibrated(self, calibration: Calibration | None) -> Ranges:
        if calibration is None:
            raise UsageError("static ranges need calibration data.")
        calibration.check_fits([node.options["shape"] for node in self.network.inputs])
        found = ranges.measure(self.network, *calibration.inputs)
        if calibration.limits is not None:
            (picture,) = self.network.inputs
            found[picture.name] = ranges.allowed(picture, *calibration.limits)
        return found


def prepare(
    model: Path | KerasModel,
    *,
    passes: Sequence[NamedPass] = PASSES,
    custom_objects: Path | None = None,
) -> OptimizedModel:
    """Open a Keras 2 or Keras 3 model and rewrite its graph.

    Raises ``TflconvError`` for a model whose layers are not visible to Keras.
    """
    network, card, parent = network_of(model, custom_objects)
    return of_network(*optimize(network, passes), card=card, parent=parent)


def network_of(
    model: Path | KerasModel, custom_objects: Path | None = None
) -> tuple[Network, ModelCard | None, str | None]:
    """The layers of a Keras model as they are; of a file also its card and its hash."""
    if not isinstance(model, Path):
        return read(of_keras(model).model), None, None
    opened = open_model(model, custom_objects=custom_objects)
    network = replace(read(opened.model), name=opened.name)
    if not model.is_file():
        return network, None, None
    return network, read_card(model), sha256_file(model)


def of_network(
    network: Network,
    outcomes: Sequence[PassOutcome] = (),
    *,
    trained: Ranges | None = None,
    card: ModelCard | None = None,
    parent: str | None = None,
) -> OptimizedModel:
    """A network made ready for all of its recipes."""
    graph = tracing.freeze(as_source(network))
    return OptimizedModel(
        content=tracing.lower(graph),
        graph=graph,
        name=network.name,
        card=card,
        parent=parent,
        network=network,
        outcomes=tuple(outcomes),
        trained=trained,
    )


def as_source(network: Network, scheme: Scheme | None = None) -> Source:
    """A function over tensors that computes ``network``, with its ``scheme`` as they will be."""
    return Source(
        name=network.name,
        inputs=tuple(Input(name=n.name, shape=n.options["shape"]) for n in network.inputs),
        outputs=("logits",),
        call=lambda *values: [execution.run(network, *values, scheme=scheme)],
        model=network,
    )
