"""The step ``channelsN``: remove whole channels from a Keras model of any kind.

The model comes out smaller, with ordinary layers, so it is smaller and faster in every recipe.
Which channels belong together is known to ``channel_graph``, which of them matter to
``importance``, how many go where to ``choosing``, and ``cutting`` makes the new model.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tflconv.compression import choosing, importance
from tflconv.compression.channel_graph import ChannelGraph, channel_graph
from tflconv.compression.config import ChannelsConfig
from tflconv.compression.cutting import cut
from tflconv.compression.examples import Examples
from tflconv.compression.fine_tuning import fine_tune
from tflconv.compression.importance import Scores
from tflconv.compression.technique import Subject
from tflconv.core import telling
from tflconv.core.progress import Callback, Progress
from tflconv.core.typing import KerasModel
from tflconv.errors import TflconvError
from tflconv.model.opening import keras_model, open_model
from tflconv.network.keras.reader import read_with_layers

_SHORT = 0.005
"""How much of a share of the instructions may be missing: what is rounded away in a message."""

_FAR = 0.1
"""How far from the share that was asked for a cut may be without a word."""


def compress(
    subject: Subject[ChannelsConfig],
    examples: Examples | None,
    unfinished: Path,
    progress: Callback,
) -> KerasModel:
    """Remove channels from the model of ``subject``, in rounds, and train it after each.

    Raises:
        TflconvError: Nothing can be removed, or the layers of the model are not visible.
    """
    config, opened = subject.config, subject.model
    model, done = _resumed(subject, unfinished)
    for number in range(done, config.rounds):
        model = smaller(
            model,
            config,
            _share(subject.amount / 100, config.rounds),
            examples,
            resolution=opened.resolution,
            custom_objects=opened.custom_objects,
            progress=progress,
        )
        last = number == config.rounds - 1
        tuned = config if last else replace(config, epochs=config.round_epochs)
        if tuned.epochs and examples is not None:
            name = f"{subject.step} round {number + 1}" if config.rounds > 1 else str(subject.step)
            fine_tune(model, examples, tuned, name=name, unfinished=unfinished, progress=progress)
        if not last:
            _keep(model, unfinished, number + 1)
    return model


def smaller(
    model: KerasModel,
    config: ChannelsConfig,
    share: float,
    examples: Examples | None,
    *,
    resolution: int | None = None,
    custom_objects: Path | None = None,
    progress: Callback,
) -> KerasModel:
    """Return ``model`` without the channels that matter least, not trained.

    Args:
        model: A Keras model; it is not changed.
        config: How channels are judged and chosen.
        share: Share of the channels, or of the instructions, that goes, 0 to 1.
        examples: Labelled pictures; only ``taylor`` needs them.
        resolution: Side of the pictures in pixels, for a model that takes any.
        custom_objects: A Python file with layers that the model uses.
        progress: Is told what went.

    Raises:
        TflconvError: No channel can be removed, or not enough of them for that share of the
            instructions.
    """
    graph = channel_graph(*read_with_layers(model, resolution=resolution))
    scores = _scores(graph, model, config, examples)
    families = choosing.families(graph, scores, tile=config.tile, normed=config.normed)
    by_cost = config.scope == "global"
    if by_cost:
        removed = choosing.by_cost(graph, families, scores, share)
    else:
        removed = choosing.uniform(families, share)
    _tell_unknown(graph)
    if not removed:
        raise TflconvError(
            f"no channel of {model.name} can be removed{_reason(graph)}.",
            hint="Remove a larger share, or say --setting channels.tile=1 for a narrow network.",
        )
    left = choosing.cost(graph, removed) / choosing.cost(graph)
    gone = 1 - left if by_cost else len(removed) / sum(len(family.labels) for family in families)
    _compare(model.name, share, gone, "instructions" if by_cost else "channels")
    summary = f"{len(removed)} groups of channels go: {left:.2f} of the instructions stay"
    progress(Progress(stage="channels", state="note", message=f"{summary} (estimated, int8)"))
    return cut(model, graph, removed, custom_objects=custom_objects)


def _compare(name: str, share: float, gone: float, what: str) -> None:
    """Refuse a share of the instructions that cannot be reached, and say where another goes."""
    if what == "instructions" and gone < share - _SHORT:
        raise TflconvError(
            f"{share:.0%} of the instructions of {name} cannot go with its channels: at most"
            f" {gone:.0%} can (estimated, int8).",
            hint="Remove a smaller share, or say --setting channels.tile=1 for a narrow network.",
        )
    if abs(gone - share) > _FAR:
        telling.warn(
            f"{gone:.0%} of the {what} of {name} go instead of {share:.0%}: widths end at a"
            " multiple of channels.tile where they can."
        )


def _scores(
    graph: ChannelGraph, model: KerasModel, config: ChannelsConfig, examples: Examples | None
) -> Scores:
    if config.criterion == "batchnorm":
        return importance.by_batch_norm(graph, config.alike)
    if config.criterion == "taylor" and examples is not None:
        return importance.by_taylor(graph, model, examples, config.examples, config.alike)
    return importance.by_magnitude(graph, config.alike)


def _share(whole: float, rounds: int) -> float:
    """The share that goes in each round, so that all together take ``whole``."""
    return float(1 - (1 - whole) ** (1 / rounds))


def _tell_unknown(graph: ChannelGraph) -> None:
    if graph.unknown:
        names = [f"{name} ({kind})" for name, kind in graph.unknown.items()]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        telling.warn(
            f"channels into and out of {', '.join(names[:5])}{more} stay: layers that are not"
            " known here."
        )


def _reason(graph: ChannelGraph) -> str:
    return ", for the layers that are not known keep all they touch" if graph.unknown else ""


def _resumed(subject: Subject[ChannelsConfig], unfinished: Path) -> tuple[KerasModel, int]:
    """The model after the last round that was finished, and how many were."""
    for number in range(subject.config.rounds - 1, 0, -1):
        path = _kept_at(unfinished, number)
        if path.is_file():
            source = open_model(path, custom_objects=subject.model.custom_objects)
            return keras_model(source), number
    return keras_model(subject.model.source), 0


def _keep(model: KerasModel, unfinished: Path, number: int) -> None:
    from tflconv.training.saving import write_model

    unfinished.mkdir(parents=True, exist_ok=True)
    write_model(_kept_at(unfinished, number), model, None)


def _kept_at(unfinished: Path, number: int) -> Path:
    return unfinished / f"round{number}.keras"
