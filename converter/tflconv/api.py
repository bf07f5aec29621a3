"""The stages as functions, for notebooks and scripts.

Each does what the command of the same name does, takes what the command takes, and returns values.
All build the same requests and call the same pipeline as the command line and studies do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from tflconv import pipeline, recipe
from tflconv.benchmark import BenchmarkConfig
from tflconv.compression import QatConfig
from tflconv.conversion import Calibration, Rewrite
from tflconv.core import files
from tflconv.core.parameters import suggests_parameters
from tflconv.core.progress import Callback, silent
from tflconv.model.card import ModelCard
from tflconv.model.pictures import Resize
from tflconv.pipeline.conversion import ConvertedFiles
from tflconv.pipeline.measuring import results_of
from tflconv.recipe import TensorType
from tflconv.results import Results
from tflconv.training import TrainConfig
from tflconv.verification import MetricFunction, MetricName, Verification

__all__ = ["bench", "convert", "train", "verify", "write_report"]

_TRAIN = TrainConfig()
_BENCH = BenchmarkConfig()


@suggests_parameters
def train(
    model: str,
    dataset: str,
    output: str | Path,
    *,
    options: Mapping[str, Any] | None = None,
    resolution: int | None = None,
    channels: Literal[1, 3] | None = None,
    epochs: int = _TRAIN.epochs,
    batch_size: int = _TRAIN.batch_size,
    learning_rate: float = _TRAIN.learning_rate,
    warmup_ratio: float = _TRAIN.warmup_ratio,
    weight_decay: float = _TRAIN.weight_decay,
    label_smoothing: float = _TRAIN.label_smoothing,
    ema_decay: float = _TRAIN.ema_decay,
    patience: int = _TRAIN.patience,
    augment: bool = _TRAIN.augment,
    seed: int = _TRAIN.seed,
    progress: Callback = silent,
) -> ModelCard:
    """Train a model of the registry and write a ``.keras`` file.

    Args:
        model: Name of the model, such as ``mobilenet_v2``; ``tflconv models`` lists them.
        dataset: Name of a dataset, or a folder or archive of pictures.
        output: The ``.keras`` file to write.
        options: Options of the model, such as ``{"alpha": 0.5}``.
        resolution: Side of the pictures in pixels; by default what the dataset says.
        channels: 1 for grey, 3 for colour; by default what the dataset says.
        epochs: Passes over the training pictures.
        batch_size: Pictures per step.
        learning_rate: Highest learning rate.
        warmup_ratio: Share of all steps in which the learning rate rises from 0.
        weight_decay: Weight decay of AdamW.
        label_smoothing: Share of each label that is spread over all classes.
        ema_decay: Decay of the exponential moving average of the weights; 0 for none.
        patience: Epochs without a better validation accuracy that end the training; 0 for never.
        augment: Whether pictures are shifted, rotated, zoomed and mirrored as the dataset allows.
        seed: Seed of everything drawn at random, the validation split included.
        progress: Is told of each step, and by a message of each epoch.

    Returns:
        The card that the file carries: labels, preprocessing, origin, validation accuracy.

    Raises:
        UsageError: The model, an option or the pictures do not fit.
        TflconvError: ``output`` cannot be written.

    Example:
        >>> card = train("mobilenet_v2", "mnist-sample", "digits.keras", epochs=1)
        >>> card.labels[:3]
        ('0', '1', '2')
    """
    config = TrainConfig(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        warmup_ratio=warmup_ratio,
        weight_decay=weight_decay,
        label_smoothing=label_smoothing,
        ema_decay=ema_decay,
        patience=patience,
        augment=augment,
        seed=seed,
    )
    request = pipeline.TrainingRequest(
        model=model,
        dataset=dataset,
        options=dict(options or {}),
        resolution=resolution,
        channels=channels,
        config=config,
    )
    return pipeline.train(request, Path(output), progress=progress).card


@suggests_parameters
def convert(
    model: str | Path | Any,
    recipes: Sequence[str] = ("fp32",),
    folder: str | Path = ".",
    *,
    calibration: str | Path | Calibration | Any = None,
    calibration_count: int = 200,
    dataset: str | None = None,
    normalize: str | None = None,
    resize: Resize | None = None,
    labels: Sequence[str] | None = None,
    resolution: int | None = None,
    rewrite: Rewrite = "as-is",
    io: TensorType | None = None,
    qat: QatConfig | None = None,
    strip: bool = False,
    with_card: bool = True,
    min_cosine: float | None = None,
    custom_objects: str | Path | None = None,
    signature: str | None = None,
    seed: int = 0,
    progress: Callback = silent,
) -> ConvertedFiles:
    """Write a ``.tflite`` file for each recipe.

    Args:
        model: A ``.keras`` or ``.h5`` file, a SavedModel folder, a float ``.tflite``, or a live
            Keras 2 or Keras 3 model.
        recipes: Names of recipes; ``tflconv recipes`` lists them.
        folder: Where the files go.
        calibration: Samples for static ranges: a dataset, a folder, or what ``verify`` takes.
        calibration_count: How many samples are drawn for it.
        dataset: Labelled pictures for ``qat_`` recipes; by default those it was trained on.
        normalize: How pixels become inputs: ``0..1``, ``-1..1``, ``caffe``, ``in-model``, MEAN,STD.
        resize: How pictures are brought to the size of the model.
        labels: Names of the outputs, in their order.
        resolution: Side of the pictures in pixels, for a model that takes any.
        rewrite: ``optimized`` for integer kernels, ``unfused`` for a baseline with nothing fused.
        io: Type of inputs and outputs of static recipes: ``float32``, ``int8`` or ``uint8``.
        qat: Settings of quantization-aware training.
        strip: Leave out names and TFLite metadata.
        with_card: Carry labels, preprocessing, origin and training in each file.
        min_cosine: Least cosine with the float model that a file may have, 0 to 1.
        custom_objects: A Python file with layers that the model uses. It is run.
        signature: Which function of a SavedModel, where it has several.
        seed: Seed of everything drawn at random.
        progress: Is told what is being done.

    Returns:
        The paths of the files in the order of ``recipes``, and in ``fidelity`` how close each is.

    Raises:
        UsageError: A recipe is unknown, or samples or pictures are missing.
        TflconvError: The model cannot be read, a recipe made of it, or ``min_cosine`` kept.

    Example:
        >>> convert("digits.keras", ["fp32", "static_wi8_ai8"], "models")[1].name
        'mobilenet_v2-mnist-sample-static_wi8_ai8.tflite'
    """
    request = pipeline.ConversionRequest(
        model=Path(model) if isinstance(model, str) else model,
        recipes=tuple(recipe.get(name) for name in recipes),
        rewrite=rewrite,
        calibration=str(calibration) if isinstance(calibration, Path) else calibration,
        calibration_count=calibration_count,
        dataset=dataset,
        normalize=normalize,
        resize=resize,
        labels=None if labels is None else tuple(labels),
        resolution=resolution,
        custom_objects=None if custom_objects is None else Path(custom_objects),
        signature=signature,
        qat=qat or QatConfig(),
        io=io,
        strip=strip,
        with_card=with_card,
        min_cosine=min_cosine,
        seed=seed,
    )
    return ConvertedFiles(pipeline.convert(request, Path(folder), progress=progress))


@suggests_parameters
def verify(
    reference: str | Path,
    target: str | Path,
    dataset: str | Path | Any = None,
    *,
    metric: MetricName | MetricFunction | None = None,
    pictures: int | None = None,
    normalize: str | None = None,
    resize: Resize | None = None,
    labels: Sequence[str] | None = None,
    custom_objects: str | Path | None = None,
    signature: str | None = None,
    seed: int = 0,
    progress: Callback = silent,
) -> Verification:
    """Compare a converted model with its reference on a test split, picture by picture.

    Args:
        reference: A ``.keras`` or ``.h5`` file, a SavedModel folder or a ``.tflite``.
        target: The ``.tflite`` file.
        dataset: Name of a dataset, or a folder; by default what the model was trained on. Or
            samples of your own: arrays ``(x, y)`` or ``x``, a ``.npy`` or ``.npz`` file, a
            ``tf.data.Dataset``, any iterable. Floats are inputs of the model, uint8 pictures are
            pixels. Without labels the distance of the outputs is told.
        metric: ``top1``, ``top5``, ``map`` (mean average precision), ``mae`` (mean absolute
            error), or a callable of outputs and labels, both ``[n, ...]``.
        pictures: Number of test pictures, drawn by class; by default all.
        normalize: How pixels become inputs, where the file does not say it.
        resize: How pictures are brought to the size of the model.
        labels: Names of the outputs, in their order.
        custom_objects: A Python file with layers that the reference uses. It is run.
        signature: Which function of a reference that is a SavedModel, where it has several.
        seed: Seed of the splits, where the dataset has none.
        progress: Is told what is being done.

    Returns:
        Accuracies, agreement and the worst disagreements; ``check`` holds them against limits.

    Raises:
        UsageError: A model does not fit the pictures, or does not say how to feed it.

    Example:
        >>> target = "models/mobilenet_v2-mnist-sample-static_wi8_ai8.tflite"
        >>> verify("digits.keras", target).total
        1000
    """
    request = pipeline.VerificationRequest(
        reference=Path(reference),
        target=Path(target),
        dataset=str(dataset) if isinstance(dataset, Path) else dataset,
        metric=metric,
        pictures=pictures,
        normalize=normalize,
        resize=resize,
        labels=None if labels is None else tuple(labels),
        custom_objects=None if custom_objects is None else Path(custom_objects),
        signature=signature,
        seed=seed,
    )
    return pipeline.verify(request, progress=progress)


@suggests_parameters
def bench(
    files: Iterable[str | Path],
    devices: str | Sequence[str] = "host",
    *,
    dataset: str | Path | Any = None,
    pictures: int | None = None,
    reference: str | Path | None = None,
    normalize: str | None = None,
    resize: Resize | None = None,
    labels: Sequence[str] | None = None,
    num_runs: int = _BENCH.num_runs,
    min_secs: float = _BENCH.min_secs,
    max_secs: float = _BENCH.max_secs,
    run_delay: float = _BENCH.run_delay,
    warmup_runs: int = _BENCH.warmup_runs,
    warmup_min_secs: float = _BENCH.warmup_min_secs,
    num_threads: int = _BENCH.num_threads,
    cpu_mask: str = _BENCH.cpu_mask,
    use_gpu: bool = False,
    memory: bool = _BENCH.memory,
    rate_hz: float = _BENCH.rate_hz,
    rate_secs: float = _BENCH.rate_secs,
    profile_runs: int = _BENCH.profile_runs,
    sustained_secs: float = _BENCH.sustained_secs,
    duty_cycle: float = _BENCH.duty_cycle,
    input_file: str | Path = _BENCH.input_file,
    seed: int = _BENCH.seed,
    timeout: float = _BENCH.timeout,
    adb: str | None = None,
    runtime: str | Path | None = None,
    record: str | Path | None = None,
    again: bool = False,
    progress: Callback = silent,
) -> Results:
    """Measure files on devices; the float file of a model is the baseline of its others.

    A device or file that fails does not stop the others: its error is raised at the end, unless
    something was measured, when it is a warning.

    Args:
        files: The ``.tflite`` files.
        devices: ``host``, ``arm64:CORE`` or ``adb:SERIAL``, one or several.
        dataset: Measure accuracy on its test split, on the device; or on samples of your own, as
            ``verify`` takes them, if they are uint8 pictures with one class each.
        pictures: Number of test pictures, drawn by class; by default all.
        reference: Compare each file with this model on the test split, on this computer instead.
        normalize: How pixels become inputs, where a file does not say it.
        resize: How pictures are brought to the size of the model.
        labels: Names of the outputs, in their order.
        num_runs: Runs at least.
        min_secs: Seconds of runs at least.
        max_secs: Seconds of runs at most.
        run_delay: Seconds of rest after each run.
        warmup_runs: Warmup runs at least.
        warmup_min_secs: Seconds of warmup runs at least.
        num_threads: Threads that LiteRT may use.
        cpu_mask: CPU cores: ``big``, ``all`` or hex; empty leaves it to the system.
        use_gpu: Run on the GPU; needs ``dataset`` to be believed.
        memory: Measure peak memory in a process of its own.
        rate_hz: Inferences per second at which CPU use is measured; 0 leaves that out.
        rate_secs: Seconds at that rate.
        profile_runs: Runs under the profiler of ops; 0 leaves that out.
        sustained_secs: Seconds of a sustained run with a time series, after the others.
        duty_cycle: Share of the time that the sustained run is at work.
        input_file: Raw bytes of all inputs, instead of numbers drawn from ``seed``.
        seed: Seed of the numbers that go into the model.
        timeout: Seconds after which a process is given up, past what it is meant to take.
        adb: The adb program; by default that of ``$ADB`` or the path.
        runtime: LiteRT for a phone: its ``.aar`` or ``libLiteRt.so`` for arm64.
        record: A results file that is written after each run; what stands in it is not repeated.
        again: Repeat it all the same.
        progress: Is told which file is being measured.

    Returns:
        One run per file and device, with raw samples.

    Raises:
        DeviceError: Nothing could be measured.
        UsageError: A file, the pictures or a setting do not fit.

    Example:
        >>> results = bench(["models/mobilenet_v2-mnist-sample-static_wi8_ai8.tflite"], num_runs=10)
        >>> results.runs[0].device.id
        'host'
    """
    config = BenchmarkConfig(
        num_runs=num_runs,
        min_secs=min_secs,
        max_secs=max_secs,
        run_delay=run_delay,
        warmup_runs=warmup_runs,
        warmup_min_secs=warmup_min_secs,
        num_threads=num_threads,
        cpu_mask=cpu_mask,
        accelerator="gpu" if use_gpu else "cpu",
        memory=memory,
        rate_hz=rate_hz,
        rate_secs=rate_secs,
        profile_runs=profile_runs,
        sustained_secs=sustained_secs,
        duty_cycle=duty_cycle,
        input_file=str(input_file),
        seed=seed,
        timeout=timeout,
    )
    request = pipeline.BenchRequest(
        files=tuple(Path(file) for file in files),
        devices=(devices,) if isinstance(devices, str) else tuple(devices),
        config=config,
        dataset=str(dataset) if isinstance(dataset, Path) else dataset,
        pictures=pictures,
        reference=None if reference is None else Path(reference),
        normalize=normalize,
        resize=resize,
        labels=None if labels is None else tuple(labels),
        adb=adb,
        runtime=None if runtime is None else Path(runtime),
    )
    kept = None if record is None else Path(record)
    results, failures = pipeline.bench(request, record=kept, again=again, progress=progress)
    return results_of(results, failures)


@suggests_parameters
def write_report(results: Results, html: str | Path) -> Path:
    """Write results as one self-contained HTML file.

    Args:
        results: What ``bench`` returned, or ``tflconv.results.load`` read.
        html: The file to write.

    Returns:
        The path of the file.

    Example:
        >>> from tflconv.results import Results
        >>> write_report(Results(), "empty.html").name
        'empty.html'
    """
    from tflconv.report.html import to_html

    return files.write_text(Path(html), to_html(results))
