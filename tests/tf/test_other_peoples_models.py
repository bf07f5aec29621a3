"""Models that people reported elsewhere, each with the values that Keras gives for it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from small_files import CLOSE, RANDOM, REWRITES, answers, around, check, converted, only

from tflconv.conversion import Rewrite, tracing
from tflconv.core.tensorflow import keras2, tf
from tflconv.model.inference import SKIPPED, at_inference
from tflconv.model.opening import of_keras

keras = pytest.importorskip("keras", minversion="3")


@pytest.mark.parametrize("rewrite", REWRITES)
@pytest.mark.parametrize("of_layer", [True, False])
def test_an_activation_may_be_a_layer(
    kit: Any, rewrite: Rewrite, of_layer: bool, tmp_path: Path
) -> None:
    layers = kit.layers
    objects = [layers.LeakyReLU(), layers.ReLU(max_value=0.1), layers.Softmax(axis=1)]
    wrapped = [
        layers.Conv2D(4, 1, activation=one) if of_layer else layers.Activation(one)
        for one in objects
    ]
    check(around(kit, *wrapped), tmp_path, rewrite)


@pytest.mark.parametrize("rewrite", REWRITES)
def test_a_function_of_the_same_name_is_another(kit: Any, rewrite: Rewrite, tmp_path: Path) -> None:
    def relu(x: Any) -> Any:
        return x * x

    check(around(kit, kit.layers.Conv2D(4, 1, activation=relu)), tmp_path, rewrite)


@pytest.mark.parametrize("rewrite", REWRITES)
def test_an_activation_may_be_a_partial_function(
    kit: Any, rewrite: Rewrite, tmp_path: Path
) -> None:
    slope = functools.partial(tf.nn.leaky_relu, alpha=0.7)
    check(around(kit, kit.layers.Conv2D(4, 1, activation=slope)), tmp_path, rewrite)


def test_relu_of_tensorflow_is_relu(kit: Any) -> None:
    from tflconv.network.keras.reader import read

    model = around(kit, kit.layers.Activation(tf.nn.relu))
    assert [n.options["function"] for n in read(model).of_kind("activation")] == ["relu"]


@pytest.mark.parametrize("rewrite", REWRITES)
def test_a_class_of_the_same_name_is_another(kit: Any, rewrite: Rewrite, tmp_path: Path) -> None:
    class Rescaling(kit.layers.Layer):  # type: ignore[misc, name-defined]
        scale, offset = 4.0, 0.5

        def call(self, x: Any) -> Any:
            return (x - self.offset) / self.scale

    check(around(kit, Rescaling()), tmp_path, rewrite)


@pytest.mark.parametrize("rewrite", REWRITES)
@pytest.mark.parametrize("inside", [True, False])
def test_a_branch_of_training_is_in_no_file(
    kit: Any, rewrite: Rewrite, inside: bool, tmp_path: Path
) -> None:
    class Jitter(kit.layers.Layer):  # type: ignore[misc, name-defined]
        def call(self, x: Any, training: bool = True) -> Any:
            return x * 1.5 + 0.3 if training else x

    class Around(kit.layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.inner = Jitter()

        def call(self, x: Any) -> Any:
            return self.inner(x)

    check(around(kit, Around() if inside else Jitter()), tmp_path, rewrite)


NEEDED: dict[str, tuple[Any, ...]] = {
    "RandomRotation": (0.1,), "RandomContrast": (0.1,), "RandomZoom": (0.1,),
    "RandomTranslation": (0.1, 0.1), "RandomBrightness": (0.1,), "RandomHeight": (0.1,),
    "RandomWidth": (0.1,), "RandomGrayscale": (0.5,), "RandomSaturation": (0.5,),
    "RandomHue": (0.5,), "RandomSharpness": (0.5,), "RandomColorDegeneration": (0.5,),
    "RandomPosterization": (4,), "Dropout": (0.5,), "AlphaDropout": (0.5,),
    "GaussianDropout": (0.5,), "GaussianNoise": (0.5,), "SpatialDropout2D": (0.5,),
}  # fmt: skip
OF_PICTURES = [name for name in SKIPPED if name not in ("SpatialDropout1D", "SpatialDropout3D")]


@pytest.mark.parametrize("name", OF_PICTURES)
def test_what_acts_only_in_training_is_traced_as_nothing(kit: Any, name: str) -> None:
    kind = getattr(kit.layers, name, None)
    if kind is None:
        pytest.skip(f"{kit.__name__} has no such layer")
    picture = kit.Input((8, 8, 3))
    try:
        model = kit.Model(picture, kind(*NEEDED.get(name, ()))(picture))
    except ValueError as error:
        pytest.skip(f"{kit.__name__} cannot use it in a functional model: {error}")
    graph = tracing.freeze(of_keras(model))
    operators = {node.op for node in graph.function.graph.as_graph_def().node}
    assert operators <= {"Placeholder", "Identity", "NoOp"}
    pixels = RANDOM.uniform(0, 1, (2, 8, 8, 3)).astype(np.float32)
    with at_inference(model):
        assert np.array_equal(np.asarray(model(pixels, training=False)), pixels)
    assert "call" not in vars(model.layers[-1])


@pytest.mark.parametrize("rewrite", REWRITES)
def test_augmentation_inside_of_the_model_is_dropped(
    kit: Any, rewrite: Rewrite, tmp_path: Path
) -> None:
    moved = kit.Sequential([kit.layers.RandomFlip(), kit.layers.RandomCrop(6, 6)])
    check(around(kit, moved, kit.layers.RandomContrast(0.2)), tmp_path, rewrite)


@pytest.mark.parametrize("rewrite", REWRITES)
def test_keras_2_resizes_at_inference_where_it_crops_in_training(
    rewrite: Rewrite, tmp_path: Path
) -> None:
    check(around(keras2, keras2.layers.RandomCrop(4, 5)), tmp_path, rewrite)


@pytest.mark.parametrize("rewrite", REWRITES)
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_model_of_mixed_precision_computes_in_float32(
    kit: Any, policy: str, rewrite: Rewrite, tmp_path: Path
) -> None:
    kit.mixed_precision.set_global_policy(policy)
    try:
        model = around(kit, kit.layers.BatchNormalization(), kit.layers.ReLU(6))
    finally:
        kit.mixed_precision.set_global_policy("float32")
    pixels = RANDOM.uniform(0, 2, (3, 8, 8, 3)).astype(np.float32)
    received = only(answers(converted(model, tmp_path, rewrite=rewrite), {"picture": pixels}))
    with at_inference(model):
        expected = np.asarray(model(pixels, training=False))
    np.testing.assert_allclose(received, expected, rtol=0, atol=CLOSE)
    rounded = np.asarray(tf.cast(model(pixels, training=False), tf.float32))
    np.testing.assert_allclose(received, rounded, atol=0.05)
    assert not np.array_equal(rounded, expected)  # the model is as mixed as it was


@pytest.mark.parametrize("rewrite", REWRITES)
@pytest.mark.parametrize("policy", ["float16", "bfloat16", "float64"])
def test_a_model_of_other_floats_computes_in_float32(
    policy: str, rewrite: Rewrite, tmp_path: Path
) -> None:
    keras.config.set_dtype_policy(policy)
    try:
        model = around(keras, keras.layers.BatchNormalization(), keras.layers.ReLU(6))
    finally:
        keras.config.set_dtype_policy("float32")
    pixels = RANDOM.uniform(0, 2, (3, 8, 8, 3)).astype(np.float32)
    received = only(answers(converted(model, tmp_path, rewrite=rewrite), {"picture": pixels}))
    rounded = np.asarray(tf.cast(model(pixels, training=False), tf.float32))
    np.testing.assert_allclose(received, rounded, atol=1e-5 if policy == "float64" else 0.05)
    assert {layer.compute_dtype for layer in model.layers} == {policy}  # as it was


def test_inputs_of_float16_stay_so(tmp_path: Path) -> None:
    picture = keras.Input((8, 8, 3), dtype="float16", name="picture")
    value = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(picture))
    model = keras.Model(picture, keras.layers.Dense(3)(value))
    with pytest.warns(UserWarning, match="It is converted as it came"):
        file = converted(model, tmp_path, rewrite="optimized")
    pixels = RANDOM.uniform(0, 2, (3, 8, 8, 3)).astype(np.float16)
    received = only(answers(file, {"picture": pixels}))
    np.testing.assert_allclose(received, np.asarray(model(pixels)), atol=0.01)


def two_inputs(kit: Any) -> Any:
    first, second = kit.Input((4,), name="v"), kit.Input((4,), name="d")
    parts = [kit.layers.Dense(3)(first), kit.layers.Dense(3)(second)]
    return kit.Model({"visible": first, "depth": second}, {"scores": kit.layers.Add()(parts)})


@pytest.mark.parametrize("rewrite", REWRITES)
def test_inputs_and_outputs_have_the_keys_of_dictionaries(
    kit: Any, rewrite: Rewrite, tmp_path: Path
) -> None:
    model = two_inputs(kit)
    fed = {key: RANDOM.normal(size=(3, 4)).astype(np.float32) for key in ("visible", "depth")}
    expected = np.asarray(model(fed)["scores"])
    received = answers(converted(model, tmp_path, rewrite=rewrite), fed)
    np.testing.assert_allclose(received["scores"], expected, atol=CLOSE)


def test_several_outputs_keep_their_keys(kit: Any, tmp_path: Path) -> None:
    signal = kit.Input((4,), name="signal")
    outputs = {"z": kit.layers.Dense(2, name="one")(signal), "a": kit.layers.Dense(2)(signal)}
    model = kit.Model(signal, outputs)
    fed = {"signal": RANDOM.normal(size=(3, 4)).astype(np.float32)}
    received = answers(converted(model, tmp_path), fed)
    for name, values in model(fed["signal"]).items():
        np.testing.assert_allclose(received[name], np.asarray(values), atol=CLOSE)


@pytest.mark.parametrize("rewrite", REWRITES)
@pytest.mark.parametrize("by_key", [True, False])
def test_inner_models_take_and_give_dictionaries(
    kit: Any, rewrite: Rewrite, by_key: bool, tmp_path: Path
) -> None:
    one, other = kit.Input((4,), name="b"), kit.Input((4,), name="a")
    results = {"z": kit.layers.Dense(3)(one), "c": kit.layers.Dense(3)(other)}
    inner = kit.Model({"b": one, "a": other} if by_key else [one, other], results)
    left, right = kit.Input((4,), name="left"), kit.Input((4,), name="right")
    given = inner({"b": left, "a": right} if by_key else [left, right])
    model = kit.Model([left, right], kit.layers.Concatenate()([given["z"], given["c"]]))
    fed = {key: RANDOM.normal(size=(3, 4)).astype(np.float32) for key in ("left", "right")}
    expected = np.asarray(model([fed["left"], fed["right"]]))
    received = only(answers(converted(model, tmp_path, rewrite=rewrite), fed))
    np.testing.assert_allclose(received, expected, atol=CLOSE)


@pytest.mark.parametrize("recipe", ["fp32", "dynamic_wi8_afp32"])
def test_an_output_may_be_given_twice(kit: Any, recipe: str, tmp_path: Path) -> None:
    vector = kit.Input((4,), name="vector")
    scores = kit.layers.Dense(3)(vector)
    model = kit.Model(vector, {"first": scores, "again": scores})
    values = RANDOM.uniform(-1, 1, (20, 4)).astype(np.float32)
    received = answers(converted(model, tmp_path, recipe), {"vector": values})
    assert set(received) == {"first", "again"}
    for found in received.values():
        np.testing.assert_allclose(found, np.asarray(model(values)["first"]), atol=0.05)


@pytest.mark.parametrize("rewrite", REWRITES)
def test_inputs_of_a_list_stay_in_order(kit: Any, rewrite: Rewrite, tmp_path: Path) -> None:
    late, early = kit.Input((4,), name="z_late"), kit.Input((4,), name="a_early")
    deep = kit.layers.Dense(4)(kit.layers.Dense(4)(early))
    model = kit.Model(
        [late, early], kit.layers.Dense(2, name="sum")(kit.layers.Add()([late, deep]))
    )
    file = converted(model, tmp_path, rewrite=rewrite)
    names = Interpreter(model_path=str(file)).get_signature_list()["serving_default"]
    assert (sorted(names["inputs"]), names["outputs"]) == (["a_early", "z_late"], ["sum"])
    fed = {key: RANDOM.normal(size=(3, 4)).astype(np.float32) for key in ("z_late", "a_early")}
    expected = np.asarray(model([fed["z_late"], fed["a_early"]]))
    np.testing.assert_allclose(answers(file, fed)["sum"], expected, atol=CLOSE)


@pytest.mark.parametrize("rewrite", REWRITES[:2])
@pytest.mark.parametrize("keys", [("depth", "visible"), ("visible", "depth"), ("x", "y")])
def test_calibration_finds_inputs_by_name_or_else_in_order(
    kit: Any, rewrite: Rewrite, keys: tuple[str, str], tmp_path: Path
) -> None:
    model = two_inputs(kit)
    wide = {"visible": 1.0, "depth": 100.0, "x": 1.0, "y": 100.0}
    arrays = {key: wide[key] * RANDOM.uniform(-1, 1, (50, 4)).astype(np.float32) for key in keys}
    np.savez(tmp_path / "samples.npz", **arrays)
    file = converted(
        model, tmp_path, "static_wi8_ai8", calibration=str(tmp_path / "samples.npz"),
        io="int8", rewrite=rewrite,
    )  # fmt: skip
    runner = Interpreter(model_path=str(file)).get_signature_runner()
    details = runner.get_input_details()
    scales = {name: detail["quantization"][0] for name, detail in details.items()}
    assert scales["depth"] == pytest.approx(200 / 255, rel=0.1)
    assert scales["visible"] == pytest.approx(2 / 255, rel=0.1)
