"""The step ``channelsN``: which channels go, and what is left of a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tflconv
from fakes import random_cuttable
from tflconv import cli, models
from tflconv.compression import ChannelsConfig, choosing, importance
from tflconv.compression.channel_graph import ChannelGraph, channel_graph
from tflconv.compression.choosing import LabelFamily
from tflconv.compression.config import Alike
from tflconv.compression.cutting import cut
from tflconv.compression.examples import Examples
from tflconv.core.tensorflow import keras2
from tflconv.errors import TflconvError
from tflconv.inspection import delegation
from tflconv.network.keras.reader import read_with_layers

STATIC = "static_wi8_ai8"
UNTRAINED = ChannelsConfig(epochs=0, tile=1)


def graph_of(model: Any) -> ChannelGraph:
    return channel_graph(*read_with_layers(model))


def chain(kit: Any, *, last: int = 6, dilation: int = 1) -> Any:
    """Two convolutions with a BatchNormalization between them, and a classifier."""
    layers = kit.layers
    pixels = layers.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, use_bias=False, name="first")(pixels)
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(x))
    x = layers.Conv2D(last, 3, activation="relu", name="second", dilation_rate=dilation)(x)
    x = layers.Flatten()(x)
    model = kit.Model(pixels, layers.Dense(3, activation="softmax", name="scores")(x))
    random_cuttable.randomize(model, 0)
    return model


def test_the_weakest_channels_go(kit: Any) -> None:
    model = chain(kit)
    kernel, norm = model.get_layer("first").kernel, model.get_layer("norm")
    value = kernel.numpy()
    value[..., [1, 5]] *= 1e-3
    kernel.assign(value)
    gamma = norm.gamma.numpy()
    gamma[[2, 3]] = 1e-4
    norm.gamma.assign(gamma)
    graph = graph_of(model)
    first = graph.places[1].labels["outputs"]
    by_kernel: Any = (graph, np.asarray, lambda _, name: name == "kernel")
    for scores, weakest in (
        (importance.by_batch_norm(graph), {2, 3}),
        (importance._scores(*by_kernel, "channels"), {1, 5}),
        (importance._scores(*by_kernel, "layers"), {1, 5}),
    ):
        ranked = sorted(range(8), key=lambda number: scores[int(first[number])])
        assert set(ranked[:2]) == weakest


def test_taylor_finds_what_the_loss_does_not_hear(kit: Any) -> None:
    model = chain(kit)
    graph = graph_of(model)
    first = graph.places[1].labels["outputs"]
    second = model.get_layer("second").kernel
    value = second.numpy()
    value[:, :, 4] = 0  # nobody reads this channel
    second.assign(value)
    draw = np.random.default_rng(0)
    examples = Examples(
        images=draw.normal(size=(16, 8, 8, 3)).astype(np.float32),
        labels=draw.integers(0, 3, 16),
    )
    scores = importance.by_taylor(graph, model, examples, 16)
    heard = [scores[int(label)] for label in first]
    assert heard[4] == 0
    assert max(heard) > 0


@pytest.mark.parametrize(
    ("count", "tile", "share", "kept"),
    [
        (64, 16, 0.5, 32), (64, 16, 0.6, 32), (24, 16, 0.5, 16), (16, 16, 0.5, 8), (8, 16, 0.9, 1),
        (96, 8, 0.5, 48), (40, 1, 0.5, 20), (3, 1, 0.99, 1), (64, 16, 0.01, 63),
    ],
)  # fmt: skip
def test_widths_end_at_a_multiple_of_the_tile(
    count: int, tile: int, share: float, kept: int
) -> None:
    family = LabelFamily(labels=tuple(range(count)), tile=tile)
    assert count - len(choosing.uniform([family], share)) == kept


def test_a_residual_stage_is_one_family() -> None:
    found = choosing.families(graph_of(models.build("resnet", (32, 32, 3), 10)), {})
    sizes = sorted(len(family.labels) for family in found)
    assert sizes == [16] * 4 + [32] * 4 + [64] * 4  # three inner widths and one stream per stage


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet", "squeezenet", "vit", "vit_int8"])
def test_every_model_of_the_registry_becomes_smaller(name: str) -> None:
    small = {"vit": {"dim": 16, "depth": 1}, "vit_int8": {"dim": 16, "depth": 1, "heads": 2}}
    options: Any = small.get(name, {})
    model = models.build(name, (28, 28, 1), 10, **options)
    graph = graph_of(model)
    found = choosing.families(graph, importance.by_magnitude(graph), tile=1)
    removed = choosing.uniform(found, 0.5)
    made = cut(model, graph, removed)
    assert made.count_params() < 0.8 * model.count_params()
    assert np.isfinite(made.predict(np.zeros((2, 28, 28, 1)), verbose=0)).all()
    assert choosing.cost(graph, removed) == pytest.approx(choosing.cost(graph_of(made)), rel=0.02)


def test_instructions_come_down_to_the_budget() -> None:
    graph = graph_of(models.build("resnet", (32, 32, 3), 10, width=32))
    scores = importance.by_magnitude(graph)
    found = choosing.families(graph, scores)
    removed = choosing.by_cost(graph, found, scores, 0.5)
    assert 0.4 < choosing.cost(graph, removed) / choosing.cost(graph) <= 0.5
    for family in found:
        left = len(set(family.labels) - removed)
        assert left % 16 == 0 or len(family.labels) % 16


def test_wide_layers_give_first_where_layers_are_alike() -> None:
    alike: Alike
    graph = graph_of(models.build("mobilenet_v2", (28, 28, 1), 10))
    for alike, stem, head in (("channels", 0.25, 1.0), ("layers", 1.0, 0.1)):
        scores = importance.by_magnitude(graph, alike)
        found = choosing.families(graph, scores)
        removed = choosing.by_cost(graph, found, scores, 0.4)
        left = [1 - len(removed & set(each.labels)) / len(each.labels) for each in found]
        assert (left[0], left[-1]) == (pytest.approx(stem), pytest.approx(head, abs=0.1))


@pytest.mark.parametrize(("name", "side"), [("mobilenet_v2", 28), ("resnet", 32), ("vit_int8", 28)])
def test_the_instructions_of_a_network_are_about_those_of_its_file(
    name: str, side: int, tmp_path: Path
) -> None:
    """Shares are taken of the former: were they wrong, a cut would not be what was asked for."""
    model = models.build(name, (side, side, 1), 10)
    samples = np.random.default_rng(0).random((8, side, side, 1), np.float32)
    (path,) = tflconv.convert(model, [STATIC], tmp_path, calibration=samples, with_card=False)
    filed = delegation.estimate(path.read_bytes())
    assert choosing.cost(graph_of(model)) == pytest.approx(filed, rel=0.2)


def test_a_share_of_the_instructions_that_cannot_go_is_refused(kit: Any, tmp_path: Path) -> None:
    chain(kit).save(tmp_path / "m.keras")
    config = replace(UNTRAINED, scope="global")
    with pytest.raises(TflconvError, match=r"95% of the instructions of .* cannot go .* at most"):
        tflconv.compress(tmp_path / "m.keras", "channels95", settings=[config])
    assert not list(tmp_path.glob("*channels*"))


def test_a_cut_that_is_far_from_its_share_is_said(kit: Any, tmp_path: Path) -> None:
    chain(kit, last=24).save(tmp_path / "m.keras")
    config = replace(UNTRAINED, tile=16)
    with pytest.warns(UserWarning, match=r"38% of the channels of .* go instead of 50%: widths"):
        tflconv.compress(tmp_path / "m.keras", "channels50", settings=[config])


def test_the_width_of_a_transformer_goes_only_when_it_is_asked_for() -> None:
    model = models.build("vit", (28, 28, 1), 10, dim=16, depth=1)
    graph = graph_of(model)
    plain, normed = (
        choosing.uniform(choosing.families(graph, {}, tile=1, normed=normed), 0.5)
        for normed in (False, True)
    )
    assert not plain & graph.normed
    made = cut(model, graph, normed)
    assert made.get_layer("positions").positions.shape[-1] == 8
    assert made.get_layer("block0_attention").get_config()["num_heads"] == 2


def test_layers_that_are_not_known_keep_what_they_touch(kit: Any, tmp_path: Path) -> None:
    layers = kit.layers
    pixels = layers.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="before")(pixels)
    x = layers.Conv2D(4, 3, groups=2, name="grouped")(x)
    x = layers.Conv2D(6, 3, name="after")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = kit.Model(pixels, layers.Dense(3)(x))
    model.save(tmp_path / "m.keras")
    with pytest.warns(UserWarning, match=r"grouped \(Conv2D\) stay"):
        path = tflconv.compress(tmp_path / "m.keras", "channels50", settings=[UNTRAINED])
    made = kit.models.load_model(path)
    assert [made.get_layer(n).filters for n in ("before", "grouped", "after")] == [4, 4, 3]


def test_nothing_to_remove_is_told(kit: Any, tmp_path: Path) -> None:
    pixels = kit.layers.Input((8,))
    kit.Model(pixels, kit.layers.Dense(3)(pixels)).save(tmp_path / "m.keras")
    with pytest.raises(TflconvError, match=r"no channel of .* can be removed"):
        tflconv.compress(tmp_path / "m.keras", "channels50", settings=[UNTRAINED])
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".keras"] == ["m.keras"]


def test_a_layer_is_never_left_empty(kit: Any) -> None:
    model = chain(kit)
    graph = graph_of(model)
    every = set(graph.places[1].labels["outputs"].tolist())
    with pytest.raises(TflconvError, match=r"nothing would be left of the outputs of .*'first'"):
        cut(model, graph, every)


def test_a_sequential_model_stays_one(kit: Any, tmp_path: Path) -> None:
    layers = kit.layers
    model = kit.Sequential(
        [layers.Input((8, 8, 1)), layers.Conv2D(8, 3, activation="relu"), layers.Flatten(),
         kit.Sequential([layers.Dense(6, activation="relu")]), layers.Dense(3)]
    )  # fmt: skip
    model.save(tmp_path / "m.keras")
    path = tflconv.compress(tmp_path / "m.keras", "channels50", settings=[UNTRAINED])
    made = kit.models.load_model(path)
    assert type(made).__name__ == "Sequential"
    assert made.count_params() < 0.6 * model.count_params()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("channels", "takes the percentage to remove"),
        ("channels100", "1 to 99"),
        ("channels050", "is not a step"),
    ],
)
def test_a_wrong_amount_is_told(
    name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["compress", "m.keras", "--recipe", name])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:.*does not name its outputs")
def test_rounds_and_training(pictures: Path, tmp_path: Path) -> None:
    keras2.utils.set_random_seed(0)
    layers = keras2.layers
    pixels = layers.Input((8, 8, 1))
    x = layers.Conv2D(16, 3, activation="relu", name="conv")(pixels)
    keras2.Model(pixels, layers.Dense(2)(layers.Flatten()(x))).save(tmp_path / "m.keras")
    told: list[str] = []
    path = tflconv.compress(
        tmp_path / "m.keras", "channels75", dataset=str(pictures), normalize="0..1",
        settings=[ChannelsConfig(rounds=2, epochs=2, batch_size=16, tile=1, criterion="taylor")],
        progress=lambda event: told.append(event.message),
    )  # fmt: skip
    assert keras2.models.load_model(path).get_layer("conv").filters == 4
    assert sum("round 1: epoch" in text for text in told) == 1
    assert sum("round 2: epoch" in text for text in told) == 2
