"""The unfused baseline: equal outputs, and an operator for everything that is computed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras", minversion="3")

import tflconv  # noqa: E402
from tflconv import cli, models  # noqa: E402
from tflconv.conversion import unfused  # noqa: E402
from tflconv.core.tensorflow import keras2  # noqa: E402
from tflconv.errors import TflconvError, UsageError  # noqa: E402
from tflconv.inspection.diff import compare  # noqa: E402
from tflconv.inspection.inspect import inspect  # noqa: E402
from tflconv.model.interpreter import Interpreter  # noqa: E402
from tflconv.network.keras.opened import open_once  # noqa: E402
from tflconv.tflite import reading  # noqa: E402


@pytest.fixture(params=["keras2", "keras3"])
def kit(request: pytest.FixtureRequest) -> Any:
    """Either Keras."""
    return keras2 if request.param == "keras2" else keras


def randomized(model: Any) -> Any:
    """Weights of all layers far from their initial 0 and 1; variances above 0."""
    random = np.random.default_rng(0)
    for layer in model.layers:
        layer.set_weights([random.uniform(0.2, 0.6, w.shape) for w in layer.get_weights()])
    return model


def small(kit: Any) -> Any:
    layers = kit.layers
    picture = kit.Input((8, 8, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(picture)
    x = layers.Conv2D(4, 3, use_bias=False, name="bare")(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU(6.0)(x)
    x = layers.Conv2D(4, 1, activation="relu", name="biased")(x)
    x = layers.Dropout(0.5)(layers.DepthwiseConv2D(3, padding="same")(x))
    x = layers.GlobalAveragePooling2D()(layers.BatchNormalization()(x))
    return randomized(kit.Model(picture, layers.Dense(3, activation="softmax")(x)))


def check_equal(model: Any, path: Path) -> None:
    shape = Interpreter(path).inputs[0].shape[1:]
    values = np.random.default_rng(1).random((3, *shape), dtype=np.float32)
    expected = np.asarray(model(values))
    assert expected.std() > 1e-3
    np.testing.assert_allclose(Interpreter(path).predict(values), expected, atol=1e-5)


def written(model: Any, folder: Path) -> Path:
    (made,) = tflconv.convert(model, ["fp32"], folder, rewrite="unfused")
    return made


def operators(path: Path) -> Counter[str]:
    return Counter(operator.name for operator in reading.read(path).main.operators)


def test_outputs_are_those_of_keras_and_every_step_is_an_operator(kit: Any, tmp_path: Path) -> None:
    model = small(kit)
    path = written(model, tmp_path)
    check_equal(model, path)
    assert path.name == f"{model.name}-unfused_fp32.tflite"
    assert operators(path) == {
        "MUL": 3,  # rescaling, two BatchNorms
        "ADD": 6,  # their shifts, three biases
        "CONV_2D": 2,
        "DEPTHWISE_CONV_2D": 1,
        "RELU6": 1,
        "RELU": 1,
        "MEAN": 1,
        "FULLY_CONNECTED": 1,
        "SOFTMAX": 1,
    }
    found = reading.read(path).main
    assert {operator.activation for operator in found.operators} == {None}
    assert len(found.inputs) == 1
    assert Interpreter(path).partitions == 1


@pytest.mark.parametrize("name", ["vit", "vit_int8", "resnet", "squeezenet"])
def test_our_models_stay_equal(name: str, tmp_path: Path) -> None:
    options = {"vit": {"depth": 1, "patch": 4}, "vit_int8": {"depth": 1}}.get(name, {})
    model = models.build(name, (16, 16, 3), 4, **options)
    path = written(model, tmp_path)
    values = np.random.default_rng(1).random((2, 16, 16, 3), dtype=np.float32)
    expected = np.asarray(model(values))
    np.testing.assert_allclose(Interpreter(path).predict(values), expected, atol=1e-5)
    found = reading.read(path).main
    assert {operator.activation for operator in found.operators} == {None}
    makers = {tensor: maker.index for tensor, maker in found.producers.items()}
    assert all(makers.get(t, -1) < o.index for o in found.operators for t in o.inputs)


def test_the_difference_names_what_the_converter_did(tmp_path: Path) -> None:
    model = small(keras)
    (fused,) = tflconv.convert(model, ["fp32"], tmp_path)
    changes = compare(inspect(written(model, tmp_path)), inspect(fused)).changes
    counts = Counter[tuple[str, str]]()
    for change in changes:
        counts[change.kind, change.op] += change.count
    assert counts["fused", "RELU6"] == counts["fused", "RELU"] == 1
    assert counts["folded", "MUL"] >= 2
    assert counts["folded", "ADD"] >= 4


def test_only_a_float_file_can_be_unfused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unfused graph is the float baseline.*dynamic"):
        tflconv.convert(small(keras), ["dynamic_wi8_afp32"], tmp_path, rewrite="unfused")
    assert list(tmp_path.iterdir()) == []


def test_the_command_refuses_other_recipes_before_any_work(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(
            ["convert", "none.keras", "--rewrite", "unfused", "--recipe", "qat_static_wi8_ai8"]
        )
    assert end.value.code == 2
    assert "unfused graph is the float baseline" in capsys.readouterr().err


def test_layers_that_are_not_known_are_named() -> None:
    picture = keras.Input((8, 8, 3))
    scores = keras.layers.Flatten()(keras.layers.UpSampling2D()(picture))
    with pytest.warns(UserWarning, match=r"folded inside of up_sampling2d\w* \(UpSampling2D\)"):
        unfused.prepare(open_once(keras.Model(picture, scores)))


def test_the_command_writes_both_beside_each_other(tmp_path: Path) -> None:
    path = tmp_path / "small.keras"
    model = small(keras)
    model.save(path)
    for graph in ("unfused", "as-is"):
        with pytest.raises(SystemExit) as end:
            cli.main(["convert", str(path), "--rewrite", graph, "--normalize", "in-model"])
        assert end.value.code == 0
    check_equal(model, tmp_path / "small-unfused_fp32.tflite")
    card = Interpreter(tmp_path / "small-unfused_fp32.tflite").card
    assert card is not None
    assert card.recipe == "unfused_fp32"
    assert sum(operators(tmp_path / "small-fp32.tflite").values()) < 10


def test_a_saved_model_is_refused(tmp_path: Path) -> None:
    small(keras).export(tmp_path / "saved", verbose=False)
    with pytest.raises(TflconvError, match=r"layers of .* are not visible"):
        unfused.prepare(open_once(tmp_path / "saved"))


def test_python_takes_each_graph(tmp_path: Path) -> None:
    sizes = {}
    for graph in ("unfused", "as-is", "optimized"):
        (made,) = tflconv.convert(small(keras), ["fp32"], tmp_path / graph, rewrite=graph)
        sizes[graph] = sum(operators(made).values())
    assert sizes["unfused"] > sizes["as-is"] >= sizes["optimized"]
    with pytest.raises(UsageError, match=r"optimized.* Received: optimised"):
        tflconv.convert(small(keras), rewrite="optimised")
