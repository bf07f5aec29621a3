"""Arrays, files and ``tf.data`` beside Keras references: what needs TensorFlow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tflconv
from tflconv.core.tensorflow import keras3, tf
from tflconv.model.card import read_card

keras = keras3()
RANDOM = np.random.default_rng(0)
SIGNALS = RANDOM.normal(size=(40, 12)).astype(np.float32)
PIXELS = RANDOM.integers(0, 256, (40, 8, 8, 1), np.uint8)
LABELS = np.arange(40) % 3


def dense(outputs: int, activation: str | None = None) -> keras.Model:
    return keras.Sequential(
        [keras.Input((12,)), keras.layers.Dense(outputs, activation=activation)]
    )


@pytest.fixture(scope="module")
def signal(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A Keras model of signals and its INT8 file, calibrated on arrays."""
    folder = tmp_path_factory.mktemp("signal")
    dense(3).save(folder / "signal.keras")
    batches = tf.data.Dataset.from_tensor_slices((SIGNALS, LABELS)).batch(16)
    (made,) = tflconv.convert(
        folder / "signal.keras", ["static_wi8_ai8"], folder, calibration=batches
    )
    return folder / "signal.keras", made


@pytest.mark.filterwarnings("ignore:.*not surely better")
def test_batches_and_samples_of_tf_data(signal: tuple[Path, Path]) -> None:
    samples = tf.data.Dataset.from_tensor_slices((SIGNALS, LABELS))
    found = [
        tflconv.verify(*signal, source)
        for source in ((SIGNALS, LABELS), samples, samples.batch(7), samples.batch(40).prefetch(1))
    ]
    assert {each.total for each in found} == {40}
    assert len({each.target_correct for each in found}) == 1
    ratios = [each.distance.sqnr for each in found if each.distance is not None]
    assert ratios == pytest.approx([ratios[0]] * 4)
    assert found[0].agreement > 0.9


@pytest.mark.filterwarnings("ignore:.*not surely better")
def test_a_file_of_training_and_test_samples(signal: tuple[Path, Path], tmp_path: Path) -> None:
    np.savez(
        tmp_path / "own.npz", x_train=SIGNALS, y_train=LABELS, x_test=SIGNALS[:9], y_test=LABELS[:9]
    )
    reference, _ = signal
    (made,) = tflconv.convert(
        reference, ["static_wi8_ai8"], tmp_path, calibration=tmp_path / "own.npz"
    )
    assert made.read_bytes() == signal[1].read_bytes()
    assert tflconv.verify(reference, made, tmp_path / "own.npz").total == 9


def test_inputs_by_name_in_any_order(tmp_path: Path) -> None:
    left, right = keras.Input((4,), name="left"), keras.Input((2,), name="right")
    joined = keras.layers.Concatenate()([left, right * 3.0])
    model = keras.Model({"right": right, "left": left}, keras.layers.Dense(2)(joined))
    model.save(tmp_path / "two.keras")
    samples = {"right": RANDOM.normal(size=(30, 2)), "left": RANDOM.normal(size=(30, 4))}
    (made,) = tflconv.convert(
        tmp_path / "two.keras", ["static_wi8_ai8"], tmp_path, calibration=samples
    )
    found = tflconv.verify(tmp_path / "two.keras", made, samples)
    assert found.distance is not None
    assert found.distance.sqnr > 25


@pytest.mark.filterwarnings("ignore:.*(not surely better|same class)")
@pytest.mark.parametrize("activation", [None, "sigmoid"])
def test_one_score_is_two_classes(activation: str | None, tmp_path: Path) -> None:
    model = dense(1, activation)
    model.save(tmp_path / "one.keras")
    (made,) = tflconv.convert(tmp_path / "one.keras", ["fp32"], tmp_path)
    scores = model(SIGNALS).numpy()[:, 0]
    right = (scores > (0 if activation is None else 0.5)).astype(int)
    found = tflconv.verify(tmp_path / "one.keras", made, (SIGNALS, right))
    assert (found.reference_correct, found.target_correct) == (40, 40)


def test_several_outputs_have_a_distance_and_no_metric(tmp_path: Path) -> None:
    source = keras.Input((12,))
    outputs = [keras.layers.Dense(2)(source), keras.layers.Dense(5)(source)]
    keras.Model(source, outputs).save(tmp_path / "many.keras")
    (made,) = tflconv.convert(tmp_path / "many.keras", ["dynamic_wi8_afp32"], tmp_path)
    found = tflconv.verify(tmp_path / "many.keras", made, SIGNALS)
    assert found.distance is not None
    assert (found.distance.sqnr > 25, found.agreeing) == (True, None)
    with pytest.raises(tflconv.errors.UsageError, match="2 outputs, and a metric is of one"):
        tflconv.verify(tmp_path / "many.keras", made, (SIGNALS, LABELS), metric="top1")


def test_pixels_calibrate_as_the_card_says(tmp_path: Path) -> None:
    inputs = keras.Input((8, 8, 1))
    features = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(8, 3)(inputs))
    keras.Model(inputs, keras.layers.Dense(3)(features)).save(tmp_path / "net.keras")
    made = {
        form: tflconv.convert(
            tmp_path / "net.keras",
            ["static_wi8_ai8"],
            tmp_path / form,
            calibration=source,
            normalize="0..1",
        )[0]
        for form, source in {"pixels": PIXELS, "floats": PIXELS / np.float32(255)}.items()
    }
    card = read_card(made["pixels"])
    assert card is not None
    assert card.calibration is not None
    assert card.calibration["count"] == 40
    found = tflconv.verify(made["pixels"], made["floats"], PIXELS)
    assert found.distance is not None
    assert found.distance.sqnr > 25
