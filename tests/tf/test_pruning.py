"""The step ``prune80``: zeros by schedule, the smallest first, and in the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tflconv
from tflconv import data
from tflconv.compression import ClusterConfig, PruneConfig, QatConfig
from tflconv.compression.kernels import keeping, kernels
from tflconv.compression.pruning import Pruner, compress, largest, sparsity_at
from tflconv.compression.structure import distinct
from tflconv.compression.technique import Subject
from tflconv.core.files import gzip_size
from tflconv.core.tensorflow import keras2
from tflconv.errors import TflconvError, UsageError
from tflconv.network.keras.opened import open_once
from tflconv.recipe import Step
from tflconv.tflite import reading

DIGITS = 10
FAST: dict[str, Any] = {"epochs": 2, "batch_size": 64, "learning_rate": 3e-3, "augment": False}


def network(kit: Any) -> Any:
    """A small network of each kind of kernel."""
    kit.utils.set_random_seed(0)
    layers = kit.layers
    pixels = layers.Input((28, 28, 1))
    x = layers.Conv2D(8, 5, strides=2, use_bias=False, name="first")(pixels)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3, strides=2, name="filter")(x)
    x = layers.ReLU()(layers.Conv2D(16, 3, strides=2, name="second")(x))
    x = layers.Dense(DIGITS, activation="softmax", name="head")(layers.Flatten()(x))
    return kit.Model(pixels, x)


def sparsities(model: Any) -> dict[str, float]:
    return {kernel.layer: float(np.mean(kernel.weights == 0)) for kernel in kernels(model)}


def pruned(model: Any, amount: int, **settings: Any) -> Any:
    config = PruneConfig(**{"epochs": 0, **settings})
    subject = Subject(
        model=open_once(model), step=Step(technique="prune", amount=amount), config=config
    )
    return compress(subject, None, Path(), lambda _: None)


def test_the_smallest_weights_of_each_kernel_become_zero(kit: Any) -> None:
    model = network(kit)
    before = [weight.copy() for weight in model.get_weights()]
    after = pruned(model, 80)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    shares = sparsities(after)
    sizes = {kernel.layer: kernel.weights.size for kernel in kernels(after)}
    for layer, share in shares.items():
        zeros = 0 if layer == "filter" else int(0.8 * sizes[layer])
        assert round(share * sizes[layer]) == zeros, layer
    for old, new in zip(kernels(model), kernels(after), strict=True):
        kept = new.weights != 0
        np.testing.assert_array_equal(new.weights[kept], old.weights[kept])
        if not kept.all():
            assert np.abs(old.weights[kept]).min() >= np.abs(old.weights[~kept]).max()


def test_layers_may_have_a_sparsity_of_their_own(kit: Any) -> None:
    shares = sparsities(pruned(network(kit), 50, layers="first=0,head=90"))
    assert shares["first"] == shares["filter"] == 0
    assert shares["second"] == pytest.approx(0.5, abs=0.001)
    assert shares["head"] == pytest.approx(0.9, abs=0.001)


def test_global_pruning_takes_the_smallest_of_all(kit: Any) -> None:
    model = network(kit)
    loud = next(kernel for kernel in kernels(model) if kernel.layer == "head")
    loud.set(loud.weights * 100)
    after = pruned(model, 40, scope="global")
    shares = sparsities(after)
    chosen = [kernel.weights for kernel in kernels(after) if not kernel.depthwise]
    zeros, size = (sum(f(w) for w in chosen) for f in (lambda w: (w == 0).sum(), np.size))
    assert zeros == int(0.4 * size)
    assert shares["head"] < 0.1 < shares["second"]


def test_a_layer_of_which_nothing_is_left_is_refused(kit: Any) -> None:
    model = network(kit)
    quiet = next(kernel for kernel in kernels(model) if kernel.layer == "first")
    quiet.set(quiet.weights * 1e-6)
    with pytest.raises(TflconvError, match="nothing would be left of layer 'first'"):
        pruned(model, 80, scope="global")
    pruned(model, 80, scope="global", layers="first=50")
    pruned(model, 99)


def test_a_layer_that_is_not_there_is_refused(kit: Any) -> None:
    with pytest.raises(UsageError, match=r"unknown layer 'secnd'(.|\n)*second"):
        pruned(network(kit), 80, layers="secnd=0")


@pytest.mark.parametrize("layers", ["first", "first=100", "first=-1", "=5", "first=x"])
def test_sparsities_are_percentages(layers: str) -> None:
    with pytest.raises(UsageError, match="layers must be LAYER=PERCENT"):
        PruneConfig(layers=layers)


def test_the_schedule_is_that_of_tensorflow_model_optimization() -> None:
    schedules = pytest.importorskip(
        "tensorflow_model_optimization.sparsity.keras", exc_type=ImportError
    )
    theirs = schedules.PolynomialDecay(0.0, 0.8, begin_step=0, end_step=500, frequency=1)
    for step in (0, 1, 40, 250, 499, 500):
        ours = sparsity_at(PruneConfig(ramp=0.5), 0.8, step / 1000)
        assert ours == pytest.approx(float(theirs(step)[1]), abs=1e-6), step
    assert sparsity_at(PruneConfig(schedule="constant"), 0.8, 0.0) == 0.8


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("strip", ["strip_pruning", "strip_clustering"])
def test_wrappers_of_tensorflow_model_optimization_are_to_be_taken_off(
    ending: str, strip: str, tmp_path: Path
) -> None:
    sparsity, clustering = (
        pytest.importorskip(f"tensorflow_model_optimization.{kind}.keras", exc_type=ImportError)
        for kind in ("sparsity", "clustering")
    )
    if strip == "strip_pruning":
        wrapped = sparsity.prune_low_magnitude(network(keras2))
    else:
        start = clustering.CentroidInitialization.LINEAR
        how = {"number_of_clusters": 4, "cluster_centroids_init": start}
        wrapped = clustering.cluster_weights(network(keras2), **how)
    file = tmp_path / f"model.{ending}"
    wrapped.save(file)
    with pytest.raises(TflconvError, match="its layers are wrapped in") as caught:
        tflconv.convert(file, ["fp32"], tmp_path)
    assert f"keras.{strip}(model).save('stripped.keras')" in str(caught.value.hint)


def test_a_mask_is_that_of_tensorflow_model_optimization() -> None:
    """For weights without ties, of a number that the sparsity divides."""
    weights = np.random.default_rng(0).normal(size=(20, 10)).astype(np.float32)
    limit = np.sort(np.abs(weights).ravel())[round(0.8 * weights.size)]
    np.testing.assert_array_equal(largest(weights, 0.2), np.abs(weights) >= limit)


def test_zeros_rise_while_it_learns_and_stay(kit: Any) -> None:
    model = network(kit)
    pruner = Pruner(model, 0.8, PruneConfig(ramp=0.5))
    seen = []
    draw = np.random.default_rng(0)
    earlier = {kernel.layer: np.zeros(kernel.weights.shape, bool) for kernel in kernels(model)}
    for share in (0.0, 0.1, 0.3, 0.5, 0.9):
        for kernel in pruner.kernels:  # as an optimizer moves them, the pruned ones a little
            kernel.set(kernel.weights + draw.normal(0, 1e-9, kernel.weights.shape))
        pruner.after(share)
        for kernel in pruner.kernels:
            assert (kernel.weights[earlier[kernel.layer]] == 0).all()
            earlier[kernel.layer] = kernel.weights == 0
        seen.append(sparsities(model)["head"])
    expected = [0.8 * (1 - (1 - min(1, share / 0.5)) ** 3) for share in (0.0, 0.1, 0.3, 0.5, 0.9)]
    assert seen == pytest.approx(expected, abs=0.01)


def test_later_trainings_keep_what_was_pruned(kit: Any) -> None:
    model = pruned(network(kit), 70)
    zeros = {kernel.layer: kernel.weights == 0 for kernel in kernels(model)}
    restore = keeping(model)
    for kernel in kernels(model):
        kernel.set(kernel.weights + 1)
    restore()
    for kernel in kernels(model):
        np.testing.assert_array_equal(kernel.weights == 0, zeros[kernel.layer])


def test_from_a_keras_file_to_a_small_download(tmp_path: Path) -> None:
    """80 of 100 zeros, 8 values and int8: in the file as asked, and it has learned."""
    source, digits = tmp_path / "digits.keras", data.load("mnist-sample")
    network(pytest.importorskip("keras", minversion="3")).save(source)
    losses: dict[str, list[float]] = {}

    def hear(event: Any) -> None:
        if "loss" in event.message:
            number = event.message.partition("loss ")[2].partition(",")[0]
            losses.setdefault(event.stage, []).append(float(number))

    before, after = tflconv.convert(
        source,
        ["fp32", "prune80_cluster8_qat_static_wi8_ai8"],
        tmp_path,
        dataset="mnist-sample",
        normalize="0..1",
        labels=digits.classes,
        settings=[
            PruneConfig(**FAST, layers="first=50"),
            ClusterConfig(**{**FAST, "epochs": 1}),
        ],
        qat=QatConfig(epochs=1, batch_size=256),
        strip=True,
        with_card=False,
        progress=hear,
    )
    assert losses["prune80"][-1] < 0.7 * losses["prune80"][0]
    found = dict(zip(("head", "second", "first", "filter"), integers(after), strict=True))
    for layer, least in {"first": 0.5, "second": 0.8, "head": 0.8, "filter": 0}.items():
        kernel, axis = found[layer]
        assert (kernel == 0).mean() >= least - 0.01, layer
        assert distinct(kernel, axis) <= 8, layer
    assert gzip_size(after) < gzip_size(before) / 3
    verified = tflconv.verify(
        source, after, "mnist-sample", normalize="0..1", labels=digits.classes
    )
    assert verified.target_correct > 0.8 * verified.total


def integers(path: Path) -> list[tuple[Any, int]]:
    """The int8 kernels of a file and the axes of their channels, the largest first."""
    graph = reading.read(path).main
    kernels_ = [
        (np.frombuffer(t.data, np.int8).reshape(t.shape), t.quantization.dimension)
        for t in graph.tensors
        if t.constant and t.dtype == "int8" and len(t.shape) > 1 and t.quantization
    ]
    return sorted(kernels_, key=lambda each: -each[0].size)


def test_without_epochs_no_pictures_are_needed(kit: Any, tmp_path: Path) -> None:
    source = tmp_path / "digits.keras"
    network(kit).save(source)
    made = tflconv.compress(source, "prune90", settings=[PruneConfig(epochs=0)])
    opened: Any = open_once(made).source.model
    assert sparsities(opened)["head"] == pytest.approx(0.9, abs=0.002)
