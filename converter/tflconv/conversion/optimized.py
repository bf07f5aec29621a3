"""Convert a network that graph passes have rewritten (``tflconv.network.passes``).

Every recipe is made of its float file. Integer recipes get ranges as the kernels of products need
them (``selection``); ``selective`` computes the products in integers, those of attention too, and
LayerNormalization, softmax and GELU in float. A network that was trained for int8 brings its ranges
along, and the TFLite converter takes them from the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from tflconv.conversion import attention, logarithms, relief, selection, tracing
from tflconv.conversion.calibration import Calibration, TensorRanges, measure
from tflconv.conversion.correcting import correct
from tflconv.conversion.cutting import Cut
from tflconv.conversion.equivalence import CLOSE, difference
from tflconv.conversion.preparation import (
    NONE,
    FloatModel,
    Precisions,
    Rewrite,
    check_covers_all,
    required,
)
from tflconv.conversion.quantization import LeftInFloat, finish, quantize
from tflconv.conversion.rounding import to_four_bits
from tflconv.conversion.sparing import kept_in_eight_bits
from tflconv.conversion.tracing import FrozenGraph
from tflconv.core import telling
from tflconv.errors import TflconvError
from tflconv.model.opening import FloatFunction, Input
from tflconv.network import passes
from tflconv.network.keras import execution, ranges
from tflconv.network.keras.execution import Scheme
from tflconv.network.keras.fake_quant import FakeQuantScheme, round_weights
from tflconv.network.keras.ranges import Ranges
from tflconv.network.nodes import CannotRewrite, Network
from tflconv.network.passes import NamedPass, PassOutcome, removing
from tflconv.network.tflite.reader import read
from tflconv.recipe import Recipe
from tflconv.tflite import dividing, editing, exponents, packing, reading


@dataclass(frozen=True, kw_only=True)
class _Even:
    """The float file that a selective one is made of.

    Attributes:
        content: The file.
        kept: Names of kernels that keep 8 bits in a recipe of 4.
        spared: What stays in float: names of results, or of weights whose product does.
        looked_up: Names of weights of attention that are spelled by exponentials.
        ranges: Ranges of its activations.
    """

    content: bytes
    kept: frozenset[str]
    spared: frozenset[str]
    looked_up: frozenset[str]
    ranges: TensorRanges


class OptimizedModel(FloatModel):
    """A rewritten network that is ready for its recipes.

    Attributes:
        network: The network after all passes.
        outcomes: The outcome of each pass.
        lowered: Its float file, and the graph that TensorFlow made it of as a whole.
        trained: Ranges of activations, if the network was trained for int8.
        scaled: Makes the same model with its inputs scaled before the first product, where passes
            changed that.
    """

    rewrite: Rewrite = "optimized"
    scaled: Callable[[], FloatModel] | None = None

    def __init__(
        self,
        network: Network,
        outcomes: Sequence[PassOutcome] = (),
        *,
        trained: Ranges | None = None,
        lowered: tuple[bytes, FrozenGraph | None] | None = None,
    ) -> None:
        content, graph = _lower(network) if lowered is None else lowered
        super().__init__(network.name, content, graph)
        self.network, self.outcomes, self.trained = network, tuple(outcomes), trained
        self._calibrated: dict[str, Ranges] = {}
        self._even: dict[tuple[str, str, str], _Even] = {}

    @property
    def has_trained_ranges(self) -> bool:
        """Whether the network was trained for int8."""
        return self.trained is not None

    def _make(
        self, recipe: Recipe, calibration: Calibration | None, precisions: Precisions
    ) -> bytes:
        integers = recipe.is_integer or recipe.compute == "selective"
        if recipe.compute == "dynamic" and self.scaled is not None:
            return FloatModel._make(self.scaled(), recipe, None, NONE)
        if recipe.needs_ranges and self.has_loops:
            return super()._make(recipe, calibration, precisions)
        if self.trained is not None and integers:
            return lower_rounded(self.network, self.trained, recipe)
        if recipe.compute == "selective":
            return self._selective(recipe, required(calibration, recipe), precisions)
        if recipe.is_integer:
            return self._integer(recipe, required(calibration, recipe))
        return super()._make(recipe, calibration, precisions)

    def _selective(self, recipe: Recipe, calibration: Calibration, precisions: Precisions) -> bytes:
        even = self._evened(recipe, calibration)
        content, spared = even.content, even.spared
        model = packing.unpack(content)
        raised = {name for name, precision in precisions.items() if precision == "float32"}
        if raised:
            dividing.undivided(model, raised)
            content, spared = packing.pack(model), spared | raised
        made = quantize(
            content,
            recipe,
            selection.fit(model, even.ranges, spared),
            also=selection.selected(model, spared),
            run_time=relief.layers(model, spared),
            kept=even.kept,
        )
        return exponents.spelled_out(made, even.looked_up)

    def _evened(self, recipe: Recipe, calibration: Calibration) -> _Even:
        """The float file that a selective one is made of, and the ranges of its activations."""
        key = (calibration.digest, calibration.method, recipe.weights)
        if key not in self._even:
            content, kept = self.content, frozenset[str]()
            if recipe.weights == "int4":  # conversions and lookups between operators take bytes
                kept = kept_in_eight_bits(content, calibration)
                content = to_four_bits(content, calibration, kept)
                spared, looked_up = relief.small(packing.unpack(content)), frozenset[str]()
            else:
                looked_up = attention.looked_up(content, calibration)
                content, spared = attention.keep_sums(content, calibration)
            spared |= relief.free(packing.unpack(content), spared)
            ranges = measure(content, calibration, foresee=True)
            self._even[key] = _Even(
                content=content, kept=kept, spared=spared, looked_up=looked_up, ranges=ranges
            )
        return self._even[key]

    def reliefs(self, recipe: Recipe, calibration: Calibration | None) -> tuple[str, ...]:
        """Return what is worth most in float, the most harmful first."""
        selective = recipe.compute == "selective" and recipe.weights == "int8"
        if not selective or self.trained is not None or self.has_loops:
            return ()
        samples = required(calibration, recipe)
        even = self._evened(recipe, samples)
        return relief.ordered(even.content, even.ranges, samples, even.spared)

    def _corrected(self, made: bytes, recipe: Recipe, calibration: Calibration | None) -> bytes:
        chosen = recipe.compute == "selective" and self.trained is None
        if not chosen or self.has_loops:
            return made
        return correct(self.content, made, required(calibration, recipe))

    def _integer(self, recipe: Recipe, calibration: Calibration) -> bytes:
        """All in integers, by the TFLite converter where litert-quantizer leaves some in float."""
        try:
            content, fitted = self._bounded(calibration)
            return quantize(content, recipe, fitted)
        except LeftInFloat:
            if self.graph is None:  # not all of it is known to TensorFlow
                raise
            check_covers_all(calibration, recipe)
            logarithms.warn_of_clipped(self.content, self._fitted(calibration))
            return lower_rounded(self.network, self._calibrate(calibration), recipe)

    def _fitted(self, calibration: Calibration) -> TensorRanges:
        return selection.fit(packing.unpack(self.content), self._measured(calibration))

    def _calibrate(self, calibration: Calibration) -> Ranges:
        if calibration.digest not in self._calibrated:
            calibration = calibration.for_inputs([node.name for node in self.network.inputs])
            calibration.check_fits([node.options["shape"] for node in self.network.inputs])
            measured = ranges.measure(
                self.network, *calibration.inputs, on_sample=calibration.on_sample
            )
            if calibration.limits is not None:
                (picture,) = self.network.inputs
                measured[picture.name] = ranges.allowed(picture, *calibration.limits)
            self._calibrated[calibration.digest] = measured
        return self._calibrated[calibration.digest]


def rewritten(lowered: FloatModel) -> FloatModel:
    """Return a model with its network rewritten by all passes.

    Where its file cannot be read as a network, or the rewritten one does not compute the same, the
    model is taken as it came, with a warning.

    Args:
        lowered: The model as it came.
    """
    try:
        return _rewritten(lowered, passes.PASSES)
    except CannotRewrite as error:
        telling.warn(f"{error.message} It is converted as it came.")
        return lowered


def alternative(lowered: FloatModel) -> OptimizedModel:
    """Return a model that is rewritten, and whose outputs mean the same.

    Args:
        lowered: The model as it came.

    Raises:
        CannotRewrite: It cannot be rewritten, or no pass changes it.
    """
    return _rewritten(lowered, passes.KEEPING, changed=True)


def _rewritten(
    lowered: FloatModel, chosen: Sequence[NamedPass], *, changed: bool = False
) -> OptimizedModel:
    """The model after the ``chosen`` passes, of which one has ``changed`` it if that is wanted."""
    came = _network(lowered)
    dropping = any(each.name == passes.DROPS_SOFTMAX for each in chosen)
    dropped = removing.softmaxes(came) if dropping else []
    network, outcomes = passes.optimize(came, chosen)
    if changed and {o.name for o in outcomes if o.skipped is None} <= passes.SPELLING:
        raise CannotRewrite(f"{lowered.name}: no pass changes it.")
    made = _compared(lowered, network, outcomes, dropped)

    @cache
    def scaled() -> OptimizedModel:
        twin, _ = passes.optimize(came, passes.for_run_time_ranges(chosen))
        same = len(twin.nodes) == len(network.nodes)
        return made if same else _compared(lowered, twin, outcomes, dropped)

    if any(each.name == passes.FOLDS and each.skipped is None for each in outcomes):
        made.scaled = scaled
    if (unroll := lowered.unroll) is not None:
        made.unroll = lambda: _rewritten(unroll(), chosen)
    return made


def _network(lowered: FloatModel) -> Network:
    """The network in the float file that a model was lowered to.

    It is read from that file, so that it does not matter what the model came as.
    """
    file = reading.parse(lowered.content, Path(lowered.name))
    unpacked = packing.unpack(lowered.content)
    names = editing.input_names(unpacked), editing.output_names(unpacked)
    return read(file, inputs=names[0], outputs=names[1])


def _compared(
    lowered: FloatModel,
    network: Network,
    outcomes: Sequence[PassOutcome],
    dropped: Collection[int] = (),
) -> OptimizedModel:
    """The rewritten model, if it computes the same but for the softmaxes that were ``dropped``."""
    file = reading.parse(lowered.content, Path(lowered.name))
    cut = Cut(network, file)
    try:
        whole = (cut.lower(lowered.content), None) if cut.is_needed else _lower(network)
    except TflconvError as error:
        raise CannotRewrite(f"{lowered.name} cannot be rewritten: {error.message}") from error
    made = OptimizedModel(network, outcomes, lowered=whole)
    apart = difference(file, lowered.content, made.content, without_softmax=dropped)
    if apart > CLOSE:
        raise CannotRewrite(
            f"{lowered.name}: the rewritten network differs by {apart:.2g} of its largest output."
        )
    return made


def _lower(network: Network) -> tuple[bytes, FrozenGraph]:
    """The float file of ``network``, and the graph that it is made of."""
    graph = _frozen(network, as_source(network))
    return tracing.lower(graph), graph


def _frozen(network: Network, source: FloatFunction) -> FrozenGraph:
    """The graph of ``source``, which computes ``network`` and names tensors by its nodes."""
    graph = tracing.freeze(source)
    return replace(graph, layers=tuple(network.nodes), ends=network.outputs)


def lower_rounded(network: Network, chosen: Ranges, recipe: Recipe) -> bytes:
    """Return the ``.tflite`` file of ``network`` with given ranges of activations.

    Args:
        network: The network as it is to be converted.
        chosen: Ranges of at least those activations that ``recipe`` quantizes.
        recipe: A static or selective recipe.

    Raises:
        TflconvError: An operator would compute in float where ``recipe`` promises integers.
    """
    selective, tensorwise = recipe.compute == "selective", recipe.granularity == "tensorwise"
    wanted = {node.name for node in ranges.quantized(network, selective=selective)}
    scheme = FakeQuantScheme({name: chosen[name] for name in wanted}, tensorwise=tensorwise)
    rounded = network if tensorwise else round_weights(network)
    graph = _frozen(network, as_source(rounded, scheme, typed=recipe.io == "float32"))
    return finish(tracing.lower_trained(graph, recipe), recipe)


def as_source(
    network: Network, scheme: Scheme | None = None, *, typed: bool = True
) -> FloatFunction:
    """Make a ``FloatFunction`` that computes ``network``.

    Args:
        network: The network.
        scheme: How it computes, by default in float.
        typed: Whether inputs take the integers that the model takes; else all take floats.
    """
    types = [n.options.get("dtype", "float32") if typed else "float32" for n in network.inputs]
    return FloatFunction(
        name=network.name,
        inputs=tuple(
            Input(name=node.name, shape=node.options["shape"], dtype=dtype)
            for node, dtype in zip(network.inputs, types, strict=True)
        ),
        outputs=network.output_names,
        call=lambda *values: execution.run_all(network, *values, scheme=scheme),
        model=network,
    )
