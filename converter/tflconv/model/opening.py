"""Open float models: Keras 2 and Keras 3 files, SavedModels, models in memory.

Each becomes a ``FloatFunction``: named inputs and outputs with their shapes, and one function over
tensors. Conversion traces that function; verification calls it for the reference. Opening needs
TensorFlow. A file is data, never code: what it names is checked by ``door`` and ``saved_graph``
before Keras or TensorFlow sees it, and Keras opens a clean copy.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.core.inputs import missing
from tflconv.core.jsonvalue import JsonValue
from tflconv.core.limits import limited
from tflconv.core.typing import KerasModel, KerasTensor, Tensor
from tflconv.errors import TflconvError, UsageError, unknown
from tflconv.model import keras_file, saved_graph
from tflconv.model.door import Door
from tflconv.model.explaining import explained, of_version
from tflconv.model.inference import at_inference
from tflconv.model.keras_file import KerasFile, clean_copy
from tflconv.model.naming import has_own_call, public_names
from tflconv.model.weights import limited_variables

_OFFERED = ("keras", "tensorflow", "tf_keras")
_RUNS_CODE = ("FlaxLayer", "JaxLayer", "Lambda", "TFOpLambda", "TFSMLayer", "TorchModuleWrapper")
"""Layers of Keras that run what a file says, even where the user's own code imports them."""


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input of a model.

    Attributes:
        name: Its name.
        shape: Its sides without batch; None for a side that may vary.
        dtype: Name of the type of its elements.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str = "float32"


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatFunction:
    """A float model as a function over tensors.

    Attributes:
        name: What it is called in messages and in file names.
        inputs: Its inputs, in the order of the arguments of ``call``.
        outputs: Names of its outputs, in the order of the tensors that ``call`` returns.
        call: Takes one tensor per input, with batch, and returns one tensor per output.
        model: What it was made of: a Keras model, a loaded SavedModel or a ``Network``.
    """

    name: str
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    call: Callable[..., list[Tensor]]
    model: object

    def predict(
        self,
        *values: NDArray[np.number],
        batch: int = 64,
        prepare: Callable[[NDArray[np.number]], NDArray[np.float32]] = np.asarray,
        told: Callable[[int, int], object] | None = None,
    ) -> NDArray[np.float32]:
        """Return the output of a model with one output, computed in batches.

        Args:
            values: One array ``[n, ...]`` per input.
            batch: Samples per batch.
            prepare: Makes inputs of the values of a batch.
            told: Is told how many samples are done, of how many.

        Raises:
            UsageError: The model has several outputs.
        """
        from tflconv.core.tensorflow import tf

        if len(self.outputs) != 1:
            raise UsageError(f"{self.name} has {len(self.outputs)} outputs; expected one.")
        function = tf.function(lambda *tensors: self.call(*tensors)[0], reduce_retracing=True)
        parts, total = list[NDArray[np.number]](), len(values[0])
        for start in range(0, total, batch):
            inputs = (tf.constant(prepare(v[start : start + batch])) for v in values)
            parts.append(function(*inputs).numpy())
            if told is not None:
                told(min(start + batch, total), total)
        return np.concatenate(parts).astype(np.float32)


def open_model(
    path: Path, *, custom_objects: Path | None = None, signature: str | None = None
) -> FloatFunction:
    """Open the ``.keras`` file, ``.h5`` file or SavedModel folder at ``path``.

    Args:
        path: The model.
        custom_objects: A Python file with classes and functions that the model uses. It is run,
            so name only a file that you trust.
        signature: Which function of a SavedModel, by default ``serving_default`` or the only one.

    Raises:
        TflconvError: The file is missing, damaged, no Keras model, or needs code that was not
            given.
    """
    if not path.exists():
        raise missing(path)
    if not path.is_file() and not path.is_dir():
        raise TflconvError(f"{path} is neither a file nor a folder.", hint="Copy it to a file.")
    with explained(path), limited(path):
        if path.is_dir():
            return _of_saved_model(path, signature)
        if signature is not None:
            raise UsageError(
                f"{path} is not a SavedModel, so it has no signature. Received: {signature}."
            )
        model = _of_file(keras_file.read(path), custom_objects)
    return of_keras(model, name=path.stem)


def _of_file(file: KerasFile, custom_objects: Path | None) -> KerasModel:
    keras = _keras_for(file.version)
    from tflconv.core.tensorflow import fresh_names, unexported_layers

    objects = {} if custom_objects is None else _load_objects(custom_objects)
    known = {*objects, *_registered()}
    config = Door(source=str(file.path), custom=known).checked(file.config)
    with (
        clean_copy(file, config) as copy,
        limited_variables(str(file.path), copy.elements),
        _tfmot_scope(file),
        fresh_names(),
        of_version(file.path, file.version, keras.__version__),
    ):
        model: KerasModel = keras.models.load_model(
            copy.path, compile=False, custom_objects={**unexported_layers(keras), **objects}
        )
    return model


def of_keras(model: KerasModel, *, name: str | None = None) -> FloatFunction:
    """Make a ``FloatFunction`` of a Keras 2 or Keras 3 model in memory.

    Args:
        model: The model.
        name: What to call it, by default as Keras does.

    Raises:
        UsageError: The model was never called, so that the shape of its input is unknown.
    """
    from tflconv.core.tensorflow import any_names

    _check_built(model)
    names = public_names(model)

    def call(*tensors: Tensor) -> list[Tensor]:
        with at_inference(model), any_names():
            return names.empty(model(names.fill(tensors), training=False))

    return FloatFunction(
        name=name or model.name,
        inputs=tuple(_input(key, tensor) for key, tensor in names.inputs.items()),
        outputs=names.outputs,
        call=call,
        model=model,
    )


def keras_model(source: FloatFunction) -> KerasModel:
    """Return the functional or sequential Keras model that ``source`` was made of.

    Raises:
        UsageError: It was made of something else, or computes in a function of its own.
    """
    model: Any = source.model
    if not hasattr(model, "to_json") or has_own_call(model):
        raise UsageError(
            f"{source.name} shows no layers, so none of them can be changed.",
            hint="Give a functional or sequential model of Keras, as .keras or .h5.",
        )
    functional: KerasModel = model
    return functional


def description_of(model: KerasModel) -> JsonValue:
    """Return the configuration of a functional or sequential ``model``, without shapes of inputs.

    Keras finds those shapes again when it makes a model of it, so sizes of layers may be changed.
    """
    root = json.loads(model.to_json())
    shape = root["config"].get("build_input_shape")
    bare: dict[str, Any] = _without_shapes(root)
    if shape is not None:
        bare["config"]["build_input_shape"] = shape
    return bare


def remade(
    model: KerasModel, config: JsonValue, *, custom_objects: Path | None = None
) -> KerasModel:
    """Return a new model of the Keras of ``model``, made of a ``config``, which passes the door.

    Args:
        model: A model of Keras 2 or Keras 3; it is not changed.
        config: What ``description_of`` returned, with other sizes perhaps.
        custom_objects: A Python file with layers that the model uses. It is run.

    Returns:
        The new model with first weights. It is not trained.

    Raises:
        TflconvError: No model can be made of ``config``.
    """
    from tflconv.core.tensorflow import fresh_names, keras2, unexported_layers

    keras = keras2 if isinstance(model, keras2.Model) else _keras_for("3")
    objects = {} if custom_objects is None else _load_objects(custom_objects)
    door = Door(source=model.name, custom={*objects, *_registered()})
    with explained(Path(model.name)), fresh_names():
        text = json.dumps(door.checked(config))
        known = {**unexported_layers(keras), **objects}
        made: KerasModel = keras.models.model_from_json(text, custom_objects=known)
    return made


_SHAPES = ("build_config", "build_input_shape")


def _without_shapes(config: Any) -> Any:
    if isinstance(config, list):
        return [_without_shapes(part) for part in config]
    if isinstance(config, dict):
        return {k: _without_shapes(part) for k, part in config.items() if k not in _SHAPES}
    return config


def _check_built(model: KerasModel) -> None:
    if getattr(model, "inputs", None):
        return
    if getattr(model, "built", False) and has_own_call(model):
        raise UsageError(
            f"the model {model.name} computes in a function of its own ({type(model).__name__}), so"
            " Keras knows neither its layers nor the shape of its input.",
            hint="Export it, model.export('folder'), and convert that folder.",
        )
    raise UsageError(
        f"the model {model.name} was never called, so the shape of its input is unknown.",
        hint="Call it once with a batch of data, or build it with an Input layer.",
    )


def _input(name: str, tensor: KerasTensor) -> Input:
    return Input(name=name, shape=tuple(tensor.shape)[1:], dtype=_dtype_name(tensor.dtype))


def _dtype_name(dtype: object) -> str:
    return str(getattr(dtype, "name", dtype))


def _of_saved_model(path: Path, signature: str | None) -> FloatFunction:
    from tflconv.core.tensorflow import tf

    saved_graph.check(path)
    loaded = tf.saved_model.load(str(path))
    signatures = dict(loaded.signatures)
    function = signatures[_chosen(path, list(signatures), signature)]
    _, specs = function.structured_input_signature
    names, outputs = list(specs), list(function.structured_outputs)

    def call(*tensors: Tensor) -> list[Tensor]:
        results = function(**dict(zip(names, tensors, strict=True)))
        return [results[name] for name in outputs]

    return FloatFunction(
        name=path.stem,
        inputs=tuple(
            Input(name=name, shape=tuple(specs[name].shape)[1:], dtype=specs[name].dtype.name)
            for name in names
        ),
        outputs=tuple(outputs),
        call=call,
        model=loaded,
    )


def _chosen(path: Path, signatures: Sequence[str], wanted: str | None) -> str:
    """The signature that is ``wanted``, by default the one to serve, or the only one."""
    if not signatures:
        raise TflconvError(
            f"{path} has no serving signature.",
            hint="Save it with model.export(folder); of a tf.Module, name its function:"
            " tf.saved_model.save(module, folder, signatures=module.FUNCTION).",
        )
    if wanted is not None:
        if wanted not in signatures:
            raise unknown("signature", wanted, signatures)
        return wanted
    if len(signatures) > 1 and _SERVED not in signatures:
        raise UsageError(
            f"{path} has several signatures: {', '.join(signatures)}.",
            hint="Choose one: --signature NAME.",
        )
    return _SERVED if _SERVED in signatures else signatures[0]


_SERVED = "serving_default"


def _keras_for(version: str) -> ModuleType:
    """The Keras of ``version``; version 2, the package tf_keras, knows our own layers."""
    from tflconv.core.tensorflow import keras2, keras3

    if version.startswith("2"):
        import tflconv.models.layers  # noqa: F401 - registers them

        package: ModuleType = keras2
        return package
    keras = keras3()
    if keras.backend.backend() != "tensorflow":
        raise TflconvError(
            f"Keras 3 runs on {keras.backend.backend()} here; conversion needs TensorFlow.",
            hint="Set KERAS_BACKEND=tensorflow.",
        )
    return keras


def _tfmot_scope(file: KerasFile) -> AbstractContextManager[object]:
    """The block in which Keras knows the layers that tfmot wraps around others."""
    if '"QuantizeLayer"' not in json.dumps(file.config):
        return nullcontext()
    if file.is_archive:
        raise TflconvError(
            f"{file.path} holds layers of tensorflow-model-optimization, which cannot read them"
            " back from a .keras file.",
            hint="Save the model as .h5, or convert it live: tflconv.convert(model, ...).",
        )
    from tflconv.core.tensorflow import tfmot_quantization

    scope: AbstractContextManager[object] = tfmot_quantization().quantize_scope()
    return scope


def _registered() -> set[str]:
    """Names that our own layers and the user's code have registered with one of the Kerases."""
    from tflconv.core.tensorflow import registered_names

    return {name for name in registered_names() if not name.startswith("Keras")}


def _load_objects(path: Path) -> dict[str, object]:
    spec = importlib.util.spec_from_file_location("tflconv_custom_objects", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise UsageError(f"--custom-objects {path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: value for name, value in vars(module).items() if _is_usable(value, module)}


def _is_usable(value: object, module: ModuleType) -> bool:
    """Whether a name in the user's file is offered: its own code, or that of Keras, no other's."""
    origin = str(getattr(value, "__module__", "")).split(".")[0]
    if origin in _OFFERED:
        return callable(value) and getattr(value, "__name__", "") not in _RUNS_CODE
    return callable(value) and origin == module.__name__
