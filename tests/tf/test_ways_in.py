"""Inputs, files and loops that other people's models come with: converted, or refused clearly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_files import CLOSE, RANDOM, REWRITES, answers, around, check, converted, only

import tflconv
from tflconv.conversion import Calibration, Rewrite, calibration, tracing
from tflconv.core.tensorflow import tf, unexported_layers
from tflconv.errors import TflconvError, UsageError
from tflconv.model.interpreter import Interpreter
from tflconv.model.opening import of_keras
from tflconv.tflite import editing, packing, reading

keras = pytest.importorskip("keras", minversion="3")


@pytest.mark.parametrize("recipe", ["fp32", "static_wi8_ai8", "selective_wi8_ai8"])
@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_pixels_of_integers(kit: Any, recipe: str, dtype: str, tmp_path: Path) -> None:
    picture = kit.Input((8, 8, 3), dtype=dtype, name="picture")
    value = kit.layers.Conv2D(4, 3, activation="relu")(kit.layers.Rescaling(1 / 127.5, -1)(picture))
    model = kit.Model(picture, kit.layers.Dense(3)(kit.layers.GlobalAveragePooling2D()(value)))
    pixels = RANDOM.integers(0, 256, (30, 8, 8, 3)).astype(dtype)
    samples = Calibration.of_values("pixels", pixels)
    file = converted(
        model, tmp_path, recipe, calibration=samples, normalize="in-model", io="float32"
    )
    expected = np.asarray(model(pixels))
    received = only(answers(file, {"picture": pixels}))
    atol = CLOSE if recipe == "fp32" else 0.03
    np.testing.assert_allclose(received, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("rewrite", REWRITES)
def test_integers_stay_what_a_file_takes(kit: Any, rewrite: Rewrite, tmp_path: Path) -> None:
    """Unless the recipe promises others: then the integers are the pixels themselves."""
    picture = kit.Input((8, 8, 3), dtype="uint8", name="picture")
    value = kit.layers.Conv2D(4, 3)(kit.layers.Rescaling(1 / 127.5, -1)(picture))
    model = kit.Model(picture, kit.layers.Dense(3)(kit.layers.GlobalAveragePooling2D()(value)))
    (plain,) = tflconv.convert(model, ["fp32"], tmp_path, rewrite=rewrite)
    assert [tensor.dtype for tensor in Interpreter(plain).inputs] == ["uint8"]
    if rewrite == "unfused":
        return
    pixels = RANDOM.integers(150, 250, (30, 8, 8, 3)).astype(np.uint8)
    samples = Calibration.of_values("pixels", pixels)
    io: Any
    for io, zero_point in (("int8", -128), ("uint8", 0)):
        options: dict[str, Any] = {"rewrite": rewrite, "calibration": samples, "min_cosine": 0.99}
        (file,) = tflconv.convert(
            model, ["static_wi8_ai8"], tmp_path, io=io, normalize="in-model", **options
        )
        (tensor,) = Interpreter(file).inputs
        assert tensor.dtype == io
        if rewrite == "as-is":
            assert (tensor.scale, tensor.zero_point) == (1, zero_point)


def test_fractions_are_no_pixels(tmp_path: Path) -> None:
    picture = keras.Input((4,), dtype="uint8")
    model = keras.Model(picture, keras.layers.Dense(2)(keras.layers.Rescaling(1.0)(picture)))
    content = tracing.lower(tracing.freeze(of_keras(model)))
    with pytest.raises(UsageError, match=r"values from 0\.5 to 0\.5, but the input takes uint8"):
        calibration.measure(content, Calibration.of_values("halves", np.full((2, 4), 0.5)))


@pytest.mark.parametrize(
    "recipe", ["fp32", "dynamic_wi8_afp32", "static_wi8_ai8", "selective_wi8_ai8"]
)
@pytest.mark.parametrize("seed", range(3))
def test_recurrent_layers(kit: Any, recipe: str, seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    kit.utils.set_random_seed(seed)
    steps = kit.Input((4, 4), name="steps")
    value = kit.layers.LSTM(5)(steps)
    model = kit.Model(steps, kit.layers.Dense(3)(value))
    values = random.uniform(-1, 1, (20, 4, 4)).astype(np.float32)
    file = converted(
        model, tmp_path, recipe, calibration=Calibration.of_values("steps", values), io="float32"
    )
    expected = np.asarray(model(values))
    received = only(answers(file, {"steps": values}))
    atol = CLOSE if recipe == "fp32" else 0.03
    np.testing.assert_allclose(received, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("io", ["float32", "int8", "uint8"])
@pytest.mark.parametrize("layer", ["LSTM", "GRU"])
def test_a_gate_that_nobody_reads_is_quantized_too(layer: str, io: Any, tmp_path: Path) -> None:
    """The first forget gate meets a state of zeros."""
    values = np.random.default_rng(0).uniform(-1, 1, (20, 4, 4)).astype(np.float32)
    steps = keras.Input((4, 4), name="steps")
    model = keras.Model(steps, keras.layers.Dense(3)(getattr(keras.layers, layer)(5)(steps)))
    samples = Calibration.of_values("steps", values)
    file = converted(model, tmp_path, "static_wi8_ai8", calibration=samples, io=io)
    main = reading.read(file).main
    assert len(main.outputs) == 1
    assert {
        tensor.dtype
        for o in main.operators
        if o.name == "SPLIT"
        for tensor in main.output_tensors(o)
    } == {"int8"}


def test_too_many_steps_are_refused(tmp_path: Path) -> None:
    steps = keras.Input((257, 2))
    model = keras.Model(steps, keras.layers.GRU(2)(steps))
    samples = Calibration.of_values("steps", np.ones((2, 257, 2)))
    with pytest.raises(TflconvError, match="inside of a loop") as caught:
        converted(model, tmp_path, "static_wi8_ai8", calibration=samples)
    assert "at most 256 steps" in str(caught.value.hint)


@pytest.mark.parametrize("recipe", ["fp32", "static_wi8_ai8"])
def test_no_card_is_asked_for_where_there_is_no_picture(
    kit: Any, recipe: str, tmp_path: Path
) -> None:
    picture, facts = kit.Input((8, 8, 3), name="picture"), kit.Input((5,), name="facts")
    value = kit.layers.Conv2D(4, 3)(kit.layers.Rescaling(1 / 255)(picture))
    value = kit.layers.Concatenate()([kit.layers.GlobalAveragePooling2D()(value), facts])
    model = kit.Model([picture, facts], kit.layers.Dense(3)(value))
    fed = {
        "picture": RANDOM.uniform(0, 255, (9, 8, 8, 3)).astype(np.float32),
        "facts": RANDOM.normal(size=(9, 5)).astype(np.float32),
    }
    np.savez(tmp_path / "samples.npz", **fed)
    samples = str(tmp_path / "samples.npz")
    file = converted(model, tmp_path, recipe, calibration=samples, io="float32")
    expected = np.asarray(model([fed["picture"], fed["facts"]]))
    np.testing.assert_allclose(only(answers(file, fed)), expected, atol=0.1)


def test_a_subclassed_model_says_what_to_do(kit: Any) -> None:
    class Net(kit.Model):  # type: ignore[misc, name-defined]
        def build(self, shape: Any) -> None:
            self.built = True

        def call(self, x: Any) -> Any:
            return x + 1

    model = Net()
    with pytest.raises(UsageError, match="was never called"):
        of_keras(model)
    model(np.zeros((1, 4), np.float32))
    model.inputs = None
    with pytest.raises(UsageError, match="computes in a function of its own") as caught:
        of_keras(model)
    assert "model.export('folder')" in str(caught.value.hint)


class TwoFunctions(tf.Module):  # type: ignore[misc]
    """Halves and doubles."""

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
    def half(self, x: Any) -> Any:
        return {"halves": x / 2}

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
    def double(self, x: Any) -> Any:
        return {"doubles": x * 2}


def two_functions(folder: Path, *names: str) -> Path:
    module = TwoFunctions()
    functions = dict(zip(names, (module.half, module.double), strict=True))
    tf.saved_model.save(module, str(folder / "two"), signatures=functions)
    return folder / "two"


def test_a_signature_is_chosen_by_name(tmp_path: Path) -> None:
    folder = two_functions(tmp_path, "half", "double")
    ones = {"x": np.ones((1, 4), np.float32)}
    for name, value in (("half", 0.5), ("double", 2.0)):
        received = only(answers(converted(folder, tmp_path, signature=name), ones))
        assert (received == value).all()


def test_several_signatures_are_listed(tmp_path: Path) -> None:
    folder = two_functions(tmp_path, "half", "double")
    with pytest.raises(UsageError, match="several signatures: half, double") as caught:
        converted(folder, tmp_path)
    assert "signature=NAME" in str(caught.value.hint)
    with pytest.raises(UsageError, match="signature 'halve'"):
        converted(folder, tmp_path, signature="halve")


def test_the_signature_to_serve_is_taken(tmp_path: Path) -> None:
    folder = two_functions(tmp_path, "half", "serving_default")
    ones = {"x": np.ones((1, 4), np.float32)}
    assert (only(answers(converted(folder, tmp_path), ones)) == 2).all()


@pytest.mark.parametrize("rewrite", REWRITES)
def test_pictures_of_any_size_get_one(kit: Any, rewrite: Rewrite, tmp_path: Path) -> None:
    model = around(kit, kit.layers.BatchNormalization(), shape=(None, None, 3))
    check(model, tmp_path, rewrite, resolution=12)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_function_that_is_not_in_the_file_is_named(kit: Any, ending: str, tmp_path: Path) -> None:
    def squared(x: Any) -> Any:
        return x * x

    file = tmp_path / f"model.{ending}"
    around(kit, kit.layers.Conv2D(4, 1, activation=squared)).save(file)
    with pytest.raises(TflconvError, match="the code of 'squared' is not in the file") as caught:
        converted(file, tmp_path)
    assert "custom_objects=FILE.py" in str(caught.value.hint)


def test_a_function_without_a_name_is_said_to_be_code(kit: Any, tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    around(kit, kit.layers.Conv2D(4, 1, activation=lambda x: x * x)).save(file)
    with pytest.raises(TflconvError, match="which is code") as caught:
        converted(file, tmp_path)
    assert "custom_objects=FILE.py" in str(caught.value.hint)


@pytest.mark.parametrize("way", ["mask", "outputs", "folder"])
def test_what_cannot_be_unfused_is_converted_as_it_came_and_said(
    kit: Any, way: str, tmp_path: Path
) -> None:
    words = kit.Input((5,), name="words")
    vectors = kit.layers.Embedding(9, 4, mask_zero=way == "mask")(words)
    ends = [kit.layers.Dense(2)(kit.layers.GlobalAveragePooling1D()(vectors))]
    model = kit.Model(words, [*ends, kit.layers.Dense(1)(ends[0])] if way == "outputs" else ends[0])
    source: Any = model
    if way == "folder":
        source = tmp_path / "folder"
        model.export(source)
    numbers = RANDOM.integers(0, 9, (3, 5)).astype(np.float32)
    with pytest.warns(UserWarning, match="converted as it came"):
        file = converted(source, tmp_path, rewrite="unfused")
    expected = model(numbers)
    first = np.asarray(expected[0] if way == "outputs" else expected)
    received = next(iter(answers(file, {reading_name(file): numbers}).values()))
    np.testing.assert_allclose(received, first, rtol=0, atol=CLOSE)


def reading_name(file: Path) -> str:
    (name,) = editing.input_names(packing.unpack(file.read_bytes()))
    return name


def test_a_sequential_model_has_the_same_names_however_it_is_rewritten(
    kit: Any, tmp_path: Path
) -> None:
    model = kit.Sequential([kit.Input((4,)), kit.layers.Dense(3), kit.layers.Softmax()])
    model.save(tmp_path / "m.keras")
    names = set()
    for rewrite in REWRITES:
        file = converted(tmp_path / "m.keras", tmp_path, rewrite=rewrite)
        content = packing.unpack(file.read_bytes())
        names.add((*editing.input_names(content), *editing.output_names(content)))
    assert len(names) == 1


@pytest.mark.parametrize("rewrite", REWRITES)
def test_integers_between_layers_are_numbers(kit: Any, rewrite: Rewrite, tmp_path: Path) -> None:
    sizes = kit.Input((4,), name="sizes")
    bins = kit.layers.Discretization(bin_boundaries=[-0.5, 0.0, 0.5])(sizes)
    model = kit.Model(sizes, kit.layers.Dense(2)(kit.layers.Rescaling(0.5)(bins)))
    values = RANDOM.uniform(-1, 1, (4, 4)).astype(np.float32)
    received = only(answers(converted(model, tmp_path, rewrite=rewrite), {"sizes": values}))
    np.testing.assert_allclose(received, np.asarray(model(values)), rtol=0, atol=CLOSE)


@pytest.mark.parametrize("rewrite", REWRITES)
def test_a_layer_that_changes_its_variables_is_named(
    kit: Any, rewrite: Rewrite, tmp_path: Path
) -> None:
    class Counter(kit.layers.Layer):  # type: ignore[misc, name-defined]
        def build(self, _: Any) -> None:
            self.count = self.add_weight(name="count", shape=(), initializer="zeros")

        def call(self, x: Any) -> Any:
            self.count.assign(self.count + 1.0)
            return x * self.count

    with pytest.raises(TflconvError, match=r"but counter\w* changes a variable") as caught:
        converted(around(kit, Counter(name="counter")), tmp_path, rewrite=rewrite)
    assert "training" in str(caught.value.hint)


def test_a_model_that_keras_quantized_is_refused_with_the_reason(tmp_path: Path) -> None:
    picture = keras.Input((8, 8, 3))
    value = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(picture))
    model = keras.Model(picture, keras.layers.Dense(3)(value))
    model.quantize("int8")
    with pytest.raises(TflconvError, match=r"quantized by Keras \(int8\)") as raised:
        converted(model, tmp_path)
    assert "from before model.quantize()" in str(raised.value.hint)


def test_a_layer_that_does_not_compute_is_no_traceback(kit: Any, tmp_path: Path) -> None:
    class Fussy(kit.layers.Layer):  # type: ignore[misc, name-defined]
        def call(self, x: Any) -> Any:
            if x.shape[0] == 1:
                raise ValueError("needs a batch of two")
            return x

    with pytest.raises(TflconvError, match=r"cannot trace the model: .*needs a batch of two"):
        converted(around(kit, Fussy()), tmp_path)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_layers_that_keras_does_not_export_open_without_any_code(
    kit: Any, suffix: str, tmp_path: Path
) -> None:
    hidden = unexported_layers(kit)
    picture = kit.Input((8, 8, 3), name="picture")
    value = kit.layers.Conv2D(4, 3)(picture)
    scaled = hidden["LayerScale"](0.3, 4)(value)
    value = kit.layers.Add()([value, hidden["StochasticDepth"](0.2)(scaled)])
    value = hidden["CustomScaleLayer"](0.17)([value, scaled])
    model = kit.Model(picture, kit.layers.Dense(3)(kit.layers.Flatten()(value)))
    saved = tmp_path / f"hidden.{suffix}"
    model.save(saved)
    pixels = RANDOM.uniform(0, 1, (3, 8, 8, 3)).astype(np.float32)
    received = only(answers(tflconv.convert(saved, ["fp32"], tmp_path)[0], {"picture": pixels}))
    expected = np.asarray(model(pixels, training=False))
    np.testing.assert_allclose(received, expected, rtol=0, atol=CLOSE * np.abs(expected).max())


@pytest.mark.parametrize("name", ["LayerNormalization", "GRU", "Bidirectional"])
def test_what_keras_writes_with_neg_or_split_is_int8_throughout(
    kit: Any, name: str, tmp_path: Path
) -> None:
    for seed in (0, 1):
        kit.utils.set_random_seed(seed)
        layers, steps = kit.layers, kit.Input((2, 6), name="steps")
        made = {
            "LayerNormalization": layers.LayerNormalization,
            "GRU": lambda layers=layers: layers.GRU(5),
            "Bidirectional": lambda layers=layers: layers.Bidirectional(layers.GRU(3)),
        }[name]()
        model = kit.Model(steps, layers.Dense(3)(layers.Flatten()(made(steps))))
        values = np.random.default_rng(seed).normal(size=(20, 2, 6)).astype(np.float32)
        samples = Calibration.of_values("steps", values)
        files = tflconv.convert(
            model, ["static_wi8_ai8"], tmp_path, calibration=samples, min_cosine=0.99
        )
        assert not editing.float_operators(packing.unpack(files[0].read_bytes()))


@pytest.mark.parametrize("axis", [-1, 1, None])
@pytest.mark.parametrize("choose", ["argmax", "argmin"])
def test_the_class_itself_may_be_the_answer(choose: str, axis: int | None, tmp_path: Path) -> None:
    """Keras 3 looks at the bits of -0.0, for which TFLite has no operators."""
    steps = keras.Input((4, 5), name="steps")
    chosen = getattr(keras.ops, choose)(steps, axis=axis, keepdims=axis == 1)
    model = keras.Model(steps, chosen)
    values = RANDOM.normal(size=(6, 4, 5)).astype(np.float32)
    expected = np.stack([np.asarray(model(row[np.newaxis])) for row in values])
    received = only(answers(converted(model, tmp_path), {"steps": values}))
    np.testing.assert_array_equal(received.reshape(expected.shape), expected)
    assert np.asarray(model(-np.eye(4, 5, dtype=np.float32)[np.newaxis])).dtype == np.int32


@pytest.mark.parametrize("rewrite", REWRITES)
def test_models_and_layers_have_any_names(rewrite: Rewrite, tmp_path: Path) -> None:
    """Keras takes them, but a graph of TensorFlow does not take them all as names of scopes."""
    picture, values = keras.Input((8, 8, 3), name="a picture"), keras.Input((4,))
    inner = keras.Model(values, keras.layers.Dense(4, name="层")(values), name="_the first part")
    value = keras.layers.Conv2D(4, 3, name="conv (1)")(picture)
    value = inner(keras.layers.GlobalAveragePooling2D()(value))
    check(keras.Model(picture, value, name="模型 1"), tmp_path, rewrite)


def test_operators_of_a_rewritten_file_are_named_by_their_layers(tmp_path: Path) -> None:
    picture = keras.Input((8, 8, 3), name="picture")
    value = keras.layers.Conv2D(4, 3, activation="relu", name="stem")(picture)
    gate = keras.layers.Lambda(lambda x: keras.ops.cast(x > 0.1, "float32"), name="gate")(value)
    value = keras.layers.Multiply(name="gated")([value, gate])
    value = keras.layers.GlobalAveragePooling2D(name="mean")(value)
    model = keras.Model(picture, keras.layers.Dense(3, name="head")(value))
    file = reading.read(converted(model, tmp_path, "fp32", rewrite="optimized"))
    made = [file.main.tensors[operator.outputs[0]].name for operator in file.main.operators]
    kinds = [operator.name for operator in file.main.operators]
    assert "GREATER" in kinds
    layers = {kind: name.split("_")[0] for kind, name in zip(kinds, made, strict=True)}
    assert layers["CONV_2D"] == "stem"
    assert layers["GREATER"] == "gate"
