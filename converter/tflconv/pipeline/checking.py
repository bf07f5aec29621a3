"""What can be refused at once: before TensorFlow is imported, a file opened, or an hour spent.

Each function raises for what cannot be right in a request, and for all of it in a plan: files that
are not there, names of datasets and devices that nobody has, options without an effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tflconv import data, device, models
from tflconv.compression.config import StepConfig
from tflconv.compression.settings import of_tables
from tflconv.core import outputs, telling
from tflconv.core.inputs import missing, require_finite
from tflconv.core.recognizing import WHOLE
from tflconv.data.arrays import is_array_file
from tflconv.errors import TflconvError, UsageError, check_all
from tflconv.history import Keeping
from tflconv.model import golden
from tflconv.pipeline import idle_options, known_models
from tflconv.pipeline.verification_request import VerificationRequest
from tflconv.training.config import is_address

if TYPE_CHECKING:  # what measures is not imported to verify
    from tflconv.pipeline.plan import Plan
    from tflconv.pipeline.plan_parts import ModelPlan
    from tflconv.pipeline.requests import BenchRequest, CompressionRequest, ConversionRequest

KINDS = "Models come as .keras, .h5, a SavedModel folder or a float .tflite."

_LARGEST = 2**31 - 1
"""Bytes that places in a flatbuffer reach."""
_KERAS = (".keras", ".h5", ".hdf5")


def conversion(request: ConversionRequest, folder: Path) -> None:
    """Check what a conversion is made of, and that ``folder`` can be written.

    Raises:
        UsageError: A dataset is unknown, or a setting does not fit the kind of model.
        TflconvError: A file is not there, or ``folder`` cannot be.
    """
    if isinstance(request.model, Path):
        model_file(request.model)
        _check_fits(request, request.model)
    if request.labels and not request.uses_labels:
        raise UsageError(
            "labels go into the card, which is left out.",
            hint="Leave --labels out, or --no-card.",
        )
    step_files(request.settings)
    dataset(request.dataset)
    dataset(request.calibration)
    outputs.try_folder(folder)
    if left := request.options.left_in_float(request.recipes):
        telling.warn(f"--io {request.io}: inputs and outputs of {', '.join(left)} stay float.")


def compression(request: CompressionRequest, output: Path) -> None:
    """Check what a compression starts from, and that ``output`` can be written.

    Raises:
        UsageError: The dataset is unknown, or the model is of another kind.
        TflconvError: A file is not there, or ``output`` cannot be.
    """
    model = request.model
    if isinstance(model, Path):
        model_file(model)
        if model.suffix not in _KERAS:
            raise UsageError(
                f"{model} is not a Keras file, and only those show layers that can be changed.",
                hint="Give the .keras or .h5 file that it was made of.",
            )
    step_files(request.settings)
    dataset(request.dataset)
    outputs.try_files(output)
    outputs.try_scratch()


def verification(request: VerificationRequest) -> None:
    """Check that both models are there, and the pictures known.

    Raises:
        UsageError: The dataset is unknown, or reference and target are mixed up.
        TflconvError: A file is not there.
    """
    if request.reference is not None:
        model_file(request.reference)
    idle_options.verification(request)
    if request.target.suffix in _KERAS or request.target.is_dir():
        raise UsageError(
            f"{request.target} is not a .tflite file.",
            hint="The reference comes first, then its .tflite file: verify REFERENCE TARGET.",
        )
    _check_made(request.target)
    dataset(request.dataset)


def _check_made(file: Path) -> None:
    """Raise ``TflconvError`` where there is no ``.tflite`` file."""
    try:
        require_finite(file)
    except OSError as error:
        raise TflconvError(f"{file} cannot be read: {error.strerror}.") from error
    if not file.is_file():
        raise missing(file, what="model file", hint="Make it with tflconv convert.")


def bench(request: BenchRequest) -> None:
    """Check devices, pictures and what goes with them.

    Raises:
        UsageError: A device or dataset is unknown, or an option would have no effect.
        TflconvError: A file is not there.
    """
    for file in request.files:
        _check_made(file)
    for name in request.devices:
        device.check_name(name)
    if request.runtime is not None and not request.runtime.is_file():
        raise UsageError(
            f"there is no file {request.runtime}.",
            hint="Leave --runtime out, and LiteRT for the phone is fetched once.",
        )
    history(request.history)
    idle_options.bench(request)
    if request.reference is not None:
        model_file(request.reference)
    if request.golden is not None:
        golden.read(request.golden)
    dataset(request.dataset)


def history(path: Path | None) -> None:
    """Check that runs can be kept at ``path``, or where ``$TFLCONV_HISTORY`` says.

    Raises:
        TflconvError: There is no history that this tflconv can write.
    """
    Keeping(path).prepare()


def plan(chosen: Plan) -> None:
    """Check everything in a plan that names something outside of it.

    Raises:
        UsageError: A dataset, device, model or one of its options is unknown or does not fit.
        DeviceError: Nothing can be measured on any of its devices.
        TflconvError: A file is not there.
    """
    pictures = dict.fromkeys(chosen.pictures_of(model)[0] for model in chosen.models)
    check_all(
        partial(_check_devices, chosen.devices),
        *(partial(_check_pictures, named) for named in pictures),
        partial(dataset, chosen.calibration.source),
        partial(step_files, of_tables(chosen.settings)),
        *(partial(_check_model, chosen, model) for model in chosen.models),
    )


def model_file(path: Path) -> None:
    """Raise ``TflconvError`` where there is no file or SavedModel at ``path``."""
    if not path.exists():
        if path.with_name(f"{path.name}.index").is_file():
            raise TflconvError(f"{path} is a checkpoint, which holds weights only.", hint=WHOLE)
        raise missing(path, hint=KINDS)
    if path.is_dir() and not (path / "saved_model.pb").is_file():
        what, hint = _folder(path)
        raise TflconvError(f"{path} is not a SavedModel: {what}.", hint=hint)


def _folder(path: Path) -> tuple[str, str]:
    """What a folder is that is not a SavedModel, and what to do."""
    names = {each.name for each in path.iterdir()}
    models = sorted(name for name in names if Path(name).suffix in (*_KERAS, ".tflite"))
    if {"config.json", "metadata.json"} <= names:
        return "it is an unpacked .keras file", "Pack it again: zip -r ../model.keras ."
    if models:
        return f"it holds {models[0]}", f"Name the file: {path / models[0]}."
    if any(name.endswith(".index") for name in names):
        return "it holds a checkpoint, which is weights only", WHOLE
    return (
        "it holds no saved_model.pb",
        "Save the model with model.export(folder), or name a .keras, .h5 or .tflite file.",
    )


def step_files(settings: Iterable[StepConfig]) -> None:
    """Raise ``TflconvError`` where the ``settings`` of a step name a file that is not there."""
    for config in settings:
        for path in config.files.values():
            model_file(path)


def teacher(path: Path) -> None:
    """Raise ``TflconvError`` where there is no model and no file of logits at ``path``."""
    if path.suffix != ".npy" or not path.is_file():
        model_file(path)


def weights(name: str) -> None:
    """Raise ``TflconvError`` where ``name`` is not an address and there is no model at it."""
    if not is_address(name):
        model_file(Path(name))


def dataset(source: object) -> None:
    """Raise for the name of a dataset that is unknown or not on this machine, and for no file."""
    if isinstance(source, str):
        data.check_there(source)


def _check_fits(request: ConversionRequest, model: Path) -> None:
    if model.suffix != ".tflite":
        return
    if request.signature is not None:
        raise UsageError(
            f"{model} is not a SavedModel, so it has no signature. Received: {request.signature}.",
            hint="Leave --signature out.",
        )
    _check_graph(model)
    unused = (
        ("resolution", "whose inputs have their size"),
        ("custom_objects", "which has no layers of its own"),
    )
    for name, why in unused:
        if getattr(request, name) is not None:
            raise UsageError(
                f"{model} is a .tflite file, {why}.",
                hint=f"Leave --{name.replace('_', '-')} out.",
            )
    if any(recipe.unfused for recipe in request.chosen):
        raise UsageError(
            f"{model} is a .tflite file; an unfused baseline is made of a Keras model.",
            hint="Give the Keras model that it was made of.",
        )
    trained = next((recipe for recipe in request.chosen if recipe.steps), None)
    if trained is not None:
        raise UsageError(
            f"{trained.name} trains the model, and {model} is a .tflite file, which cannot be"
            " trained.",
            hint="Give the Keras model that it was made of.",
        )


def _check_graph(path: Path) -> None:
    """Raise ``TflconvError`` for what no file can be made of, whatever the recipe."""
    from tflconv.inspection import runnable
    from tflconv.tflite import reading

    if (size := path.stat().st_size) > _LARGEST:
        raise TflconvError(
            f"{path} has {size / 1e9:.1f} GB, and a file of more than 2.1 GB cannot be rewritten.",
            hint="Give the model that it was made of.",
        )
    model = reading.read(path)
    runnable.check(model)
    for tensor in (model.main.tensors[index] for index in model.main.inputs):
        if tensor.shape[:1] != (1,):
            raise TflconvError(
                f"{path} takes '{tensor.name}' of shape {list(tensor.shape)}, which does not begin"
                " with a batch of 1.",
                hint="Make the file of its model with a batch of 1, or with an open one.",
            )
    if any(tensor.sparse for graph in model.subgraphs for tensor in graph.tensors):
        raise TflconvError(
            f"{path} keeps weights in a sparse format, of which nothing can be made.",
            hint="Give the model that it was made of.",
        )


def _check_devices(names: Sequence[str]) -> None:
    check_all(*(partial(device.check_name, name) for name in names))
    _check_measurable(names)


def _check_measurable(devices: Sequence[str]) -> None:
    """Raise the first obstacle if none of ``devices`` can be used; a phone may still come.

    Where others can, what cannot is said before anything is trained.
    """
    checks = [None if name.startswith("adb") else _obstacle(name) for name in devices]
    obstacles = [obstacle for obstacle in checks if obstacle is not None]
    if obstacles and len(obstacles) == len(checks):
        raise obstacles[0]
    for obstacle in obstacles:
        telling.warn(f"{obstacle.message} {obstacle.hint or ''} The other devices are measured.")


def _obstacle(name: str) -> TflconvError | None:
    from tflconv.benchmark import harness  # what measures is not imported to verify

    try:
        harness.check(device.find(name))
    except TflconvError as error:
        return error
    return None


def _check_pictures(named: str) -> None:
    dataset(named)
    if is_array_file(Path(named)):
        raise UsageError(
            f"a study needs pictures in files, and {named} holds arrays.",
            hint="Name a dataset or a folder; tflconv verify and bench take arrays.",
        )


def _check_model(chosen: Plan, model: ModelPlan) -> None:
    if not model.is_file:
        named, resolution, channels = chosen.pictures_of(model)
        shape = data.shape_of(named, resolution, channels)
        classes = len(data.class_names(named))
        models.cost(model.model, shape, max(classes, 2), **model.options)
        if model.teacher is not None and chosen.teacher_of(model) is None:
            teacher(Path(model.teacher))
        if model.weights is not None and chosen.start_of(model) is None:
            weights(model.weights)
        return
    model_file(Path(model.model))
    if model.sha256 is not None:
        known_models.check(Path(model.model), model.sha256)
    if model.labels is not None:
        data.read_labels(Path(model.labels))
    code = model.custom_objects
    if code is not None and not Path(code).is_file():
        raise UsageError(f"there is no file {code}, which 'custom_objects' names.")
