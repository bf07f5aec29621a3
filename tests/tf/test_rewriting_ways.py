"""A network is rewritten alike, whatever the model came as; what cannot be comes as it is."""

from __future__ import annotations

import shutil
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_networks import randomized
from small_files import RANDOM, answers, converted, only

import tflconv
from tflconv import models
from tflconv.conversion import Calibration, tracing
from tflconv.core.tensorflow import tf
from tflconv.errors import TflconvError
from tflconv.model.opening import of_keras
from tflconv.tflite import reading

keras = pytest.importorskip("keras", minversion="3")

SIDE, CLASSES = 14, 5
PICTURES = RANDOM.normal(size=(16, SIDE, SIDE, 3)).astype(np.float32)


def vit() -> Any:
    return randomized(models.build("vit", (SIDE, SIDE, 3), CLASSES, dim=16, depth=1, heads=2))


def operators(file: Path) -> Counter[str]:
    return Counter(operator.name for operator in reading.read(file).main.operators)


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One transformer in every kind of file that we read."""
    folder = tmp_path_factory.mktemp("ways")
    model = vit()
    paths = {kind: folder / f"model.{kind}" for kind in ("keras", "h5", "saved", "tflite")}
    model.save(paths["keras"])
    model.save(paths["h5"])
    model.export(str(paths["saved"]))
    shutil.copy(converted(model, folder / "made"), paths["tflite"])
    return paths


@pytest.mark.parametrize("kind", ["h5", "saved", "tflite"])
def test_a_transformer_gets_the_same_operators_from_every_kind_of_file(
    ways: dict[str, Path], kind: str, tmp_path: Path
) -> None:
    recipe = "selective_wi8_ai8"
    samples = Calibration.of_values("noise", PICTURES)
    first, second = (
        tflconv.convert(
            ways[each], [recipe], tmp_path / each,
            calibration=samples, rewrite="optimized", strip=True,
        )[0]
        for each in ("keras", kind)
    )  # fmt: skip
    assert operators(first) == operators(second)
    assert operators(first)["BATCH_MATMUL"] == 4, "two heads, each with its own products"
    assert not operators(first)["TRANSPOSE"]
    assert abs(first.stat().st_size - second.stat().st_size) < 1000


def test_results_are_called_as_their_layers_and_constants_by_numbers(
    ways: dict[str, Path], tmp_path: Path
) -> None:
    samples = Calibration.of_values("noise", PICTURES)
    (made,) = tflconv.convert(
        ways["keras"], ["selective_wi4_ai8"], tmp_path, calibration=samples, rewrite="optimized"
    )
    main = reading.read(made).main
    layers = (*(layer.name for layer in vit().layers), "Identity")  # as the converter calls ends
    results = [main.tensors[index].name for step in main.operators for index in step.outputs]
    assert [name for name in results if not name.startswith(layers)] == []
    assert len(set(results)) == len(results)
    kernels = [step.inputs[1:] for step in main.operators if step.name == "FULLY_CONNECTED"]
    assert all(main.tensors[index].name.isdigit() for each in kernels for index in each)


def test_a_model_that_computes_in_a_function_of_its_own_is_rewritten(tmp_path: Path) -> None:
    inner = vit()

    class Own(keras.Model):  # type: ignore[misc, name-defined]
        @tf.function(input_signature=[tf.TensorSpec((1, SIDE, SIDE, 3))])  # type: ignore[untyped-decorator]
        def serve(self, x: Any) -> Any:
            return inner(x, training=False)

    module = tf.Module()
    module.inner, module.serve = inner, Own().serve
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures=module.serve)
    file = tflconv.convert(tmp_path / "saved", ["fp32"], tmp_path, rewrite="optimized")[0]
    assert operators(file)["BATCH_MATMUL"] == 4
    expected = np.asarray(inner(PICTURES, training=False))
    received = only(answers(file, {"x": PICTURES}))
    np.testing.assert_allclose(received, expected, atol=1e-5 * np.abs(expected).max())


def two_outputs() -> Any:
    entry = keras.Input((4,))
    return keras.Model(entry, [keras.layers.Dense(2)(entry), keras.layers.Dense(3)(entry)])


def with_masks() -> Any:
    words = keras.Input((5,))
    vectors = keras.layers.Embedding(9, 4, mask_zero=True)(words)
    mean = keras.layers.GlobalAveragePooling1D()(vectors)
    return keras.Model(words, keras.layers.Dense(2)(mean))


def with_a_loop() -> Any:
    entry = keras.Input((6, 3))
    return keras.Model(entry, keras.layers.Dense(2)(keras.layers.LSTM(4)(entry)))


@pytest.mark.parametrize("model", [two_outputs, with_masks, with_a_loop])
def test_what_no_pass_knows_is_in_the_way_of_nothing(model: Any, tmp_path: Path) -> None:
    built = model()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        rewritten = converted(built, tmp_path / "optimized", rewrite="optimized")
    came = converted(built, tmp_path / "as-is")
    (entry,) = of_keras(built).inputs
    sample = {entry.name: RANDOM.uniform(0, 9, (2, *entry.shape)).astype(entry.dtype)}
    expected, received = answers(came, sample), answers(rewritten, sample)
    assert list(expected) == list(received)
    for name, values in expected.items():
        np.testing.assert_allclose(received[name], values, atol=1e-5)


def test_what_cannot_be_rewritten_is_converted_as_it_came(tmp_path: Path) -> None:
    """An output that is the same whatever the input."""
    kernel = RANDOM.normal(size=(4, 3)).astype(np.float32)
    spec = tf.TensorSpec((1, 4), tf.float32, name="x")
    function = tracing.freeze_function(lambda x: [x @ kernel, tf.ones((1, 2))], [spec])
    graph = tracing.FrozenGraph(function=function, inputs=("x",), outputs=("y", "ones"))
    file = tmp_path / "constant.tflite"
    file.write_bytes(tracing.lower(graph))
    with pytest.warns(UserWarning, match=r"is constant\. It is converted as it came\."):
        made = tflconv.convert(file, ["fp32"], tmp_path / "made", rewrite="optimized")
    assert operators(made[0]) == operators(file)
    assert str(made.choices[0]) == "fp32, as it came"


@pytest.mark.parametrize("factor", [1.0, 0.7])
def test_a_factor_that_widens_its_input_is_left_as_it_is(factor: float, tmp_path: Path) -> None:
    """GroupNormalization multiplies a number per group with a scale per channel, at first 1."""
    scale = np.full((3, 4), factor, np.float32)
    kernel = RANDOM.normal(size=(12, 2)).astype(np.float32)

    def widened(groups: Any) -> list[Any]:
        return [tf.reshape(tf.nn.sigmoid(groups) * scale, (1, 12)) @ kernel]

    function = tracing.freeze_function(widened, [tf.TensorSpec((1, 3, 1), tf.float32, name="x")])
    graph = tracing.FrozenGraph(function=function, inputs=("x",), outputs=("y",))
    file = tmp_path / "widened.tflite"
    file.write_bytes(tracing.lower(graph))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        made = tflconv.convert(file, ["fp32"], tmp_path / "made", rewrite="optimized")[0]
    values = {"x": RANDOM.uniform(1, 2, (1, 3, 1)).astype(np.float32)}
    np.testing.assert_allclose(only(answers(made, values)), only(answers(file, values)), atol=1e-6)


def test_a_file_that_is_quantized_is_refused_as_ever(tmp_path: Path) -> None:
    samples = Calibration.of_values("noise", PICTURES)
    file = converted(vit(), tmp_path, "static_wi8_ai16", calibration=samples)
    with pytest.raises(TflconvError, match="is quantized already"):
        tflconv.convert(file, ["fp32"], tmp_path, rewrite="optimized")
