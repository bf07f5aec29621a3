"""The door that every foreign Keras model passes before Keras sees it: data comes in, code not.

Keras makes objects of names in the file: it imports the module that the file names and calls what
it finds there. So the configuration is read here first, as plain JSON, and walked whole. A class or
function must be on the lists in ``allowed``, ours, or named by the user's own ``--custom-objects``;
no text may name a file or an address; each call of a layer must take a tensor of the model, so that
nothing is computed while it is opened. What comes out has no ``compile_config``, at any level.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NoReturn

from tflconv.core.jsonvalue import JsonObject, JsonValue
from tflconv.errors import TflconvError
from tflconv.model import allowed
from tflconv.model.door_settings import broken_setting

TFMOT = "tensorflow_model_optimization"
CUSTOM_HINT = (
    "Code inside a file is never run. If you trust that code, name the file that defines it:"
    " --custom-objects FILE.py."
)

STRIPS = {
    "PruneLowMagnitude": "tfmot.sparsity.keras.strip_pruning",
    "ClusterWeights": "tfmot.clustering.keras.strip_clustering",
}
"""What takes the wrappers of tensorflow-model-optimization off layers when training is done."""

PLAIN_HINT = "A file may not do that. Build the model without it and save it again."

_MODELS = frozenset({"Functional", "Model", "Sequential"})
_POLICIES = frozenset(
    {"DTypePolicy", "DTypePolicyMap", "FloatDTypePolicy", "Int4DTypePolicy", "Policy",
     "QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy"}
)  # fmt: skip
_OF_APPLICATIONS = frozenset({"CustomScaleLayer", "LayerScale", "StochasticDepth"})
_OPERATION_CLASSES = frozenset(chain.from_iterable(allowed.OPERATIONS.values()))

_CALLERS = frozenset({"SlicingOpLambda", "TFOpLambda"})
"""Layers of Keras 2 that call the function of TensorFlow that they name."""

_VALUES = frozenset(
    {"TensorShape", "__bytes__", "__ellipsis__", "__keras_tensor__", "__slice__", "__tuple__"}
)
_ARRAYS = frozenset({"__numpy__", "__tensor__"})
_NUMBERS = re.compile(r"(bfloat16|bool|float(16|32|64)?|u?int(8|16|32|64)?)")

_PUBLIC: Mapping[str, frozenset[str]] = {
    "keras": _MODELS | _POLICIES,
    "keras.constraints": allowed.CONSTRAINTS,
    "keras.dtype_policies": _POLICIES,
    "keras.initializers": allowed.INITIALIZERS,
    "keras.layers": allowed.LAYERS,
    "keras.layers.experimental": allowed.LAYERS,
    "keras.layers.experimental.preprocessing": allowed.LAYERS,
    "keras.mixed_precision": _POLICIES,
    "keras.models": _MODELS,
    "keras.quantizers": allowed.QUANTIZERS,
    "keras.random": frozenset({"SeedGenerator"}),
    "keras.regularizers": allowed.REGULARIZERS,
    "tensorflow.python.ops.init_ops": allowed.INITIALIZERS,
    "tensorflow.python.ops.init_ops_v2": allowed.INITIALIZERS,
}
_INTERNAL: Mapping[str, frozenset[str]] = {
    "applications.convnext": _OF_APPLICATIONS,
    "applications.inception_resnet_v2": _OF_APPLICATIONS,
    "dtype_policies.dtype_policy": _POLICIES,
    "engine.functional": _MODELS,
    "engine.sequential": _MODELS,
    "engine.training": _MODELS,
    "initializers.constant_initializers": allowed.INITIALIZERS,
    "initializers.initializers": allowed.INITIALIZERS,
    "initializers.initializers_v2": allowed.INITIALIZERS,
    "initializers.random_initializers": allowed.INITIALIZERS,
    "layers.core.tf_op_layer": _CALLERS,
    "mixed_precision.policy": _POLICIES,
    "models.functional": _MODELS,
    "models.model": _MODELS,
    "models.sequential": _MODELS,
} | {f"ops.{module}": names for module, names in allowed.OPERATIONS.items()}
"""Classes that Keras writes by its inner modules, with or without ``src`` before them."""

_WITHOUT_MODULE = (
    frozenset().union(*_PUBLIC.values())
    | _OPERATION_CLASSES
    | _CALLERS
    | _OF_APPLICATIONS
    | allowed.TFMOT
)
"""Classes of ``.h5`` files, which name no module; Keras looks them up among its own."""

_FUNCTION_MODULES = re.compile(r"builtins|(tf_)?keras(\.src)?\.activations(\.activations)?")
_NAMED: Mapping[str, frozenset[str]] = {
    "activation": allowed.ACTIVATIONS,
    "initializer": allowed.INITIALIZERS,
    "regularizer": allowed.REGULARIZERS,
    "constraint": allowed.CONSTRAINTS,
}
"""The last word of a key whose value is looked up as a name, and the names that it may be."""
_OURS = "tflconv>"
"""What the registered names of our layers begin with."""

_FILES = frozenset(
    {"file", "filename", "filepath", "idf_weights", "path", "url", "vocabulary", "vocabulary_file",
     "weights"}
)  # fmt: skip
_ADDRESS = re.compile(r"\s*(/|\\\\|~|[a-z]:[/\\]|[a-z0-9+.-]*://|(file|https?):)", re.I)


@dataclass(frozen=True, kw_only=True)
class Door:
    """What one file is measured by.

    Attributes:
        source: Name of the file, for messages.
        custom: Names that the user's own code and ours have registered.
    """

    source: str
    custom: Collection[str] = ()

    def checked(self, config: JsonValue) -> JsonValue:
        """Return ``config`` without ``compile_config``; nothing in it runs code.

        Raises:
            TflconvError: It names a class, function, file or address that is not allowed.

        Example:
            >>> Door(source="m.keras").checked({"class_name": "Dense", "config": {"units": 2}})
            {'class_name': 'Dense', 'config': {'units': 2}}
        """
        if isinstance(config, dict):
            return self._object(config)
        if isinstance(config, list):
            return [self.checked(part) for part in config]
        if isinstance(config, str) and _ADDRESS.match(config):
            self._refuse(f"the text '{_short(config)}', which is a file or an address")
        return config

    def _object(self, value: JsonObject) -> JsonObject:
        if "class_name" in value:
            self._check_class(value)
        if isinstance(value.get("layers"), list):
            self._check_calls(value["layers"])
        for key, part in value.items():
            self._check_text(key, part)
            self._check_place(key, part)
        clean = {key: self.checked(part) for key, part in value.items() if key != "compile_config"}
        if self._is_own(value):  # Keras looks for one name or the other, by the kind of the file
            clean["class_name"] = value.get("registered_name", value["class_name"])
        return clean

    def _check_class(self, value: JsonObject) -> None:
        name, module = value["class_name"], value.get("module")
        if not isinstance(name, str) or not isinstance(module, str | None):
            self._refuse(f"the class {_short(name)}, which is not a name")
        if name == "function":
            self._check_function(value)
        elif name in _ARRAYS:
            self._check_array(value.get("config"))
        elif self._is_own(value) or name in _VALUES:
            pass
        elif name not in _classes_of(module) or not _fits(value.get("registered_name"), name):
            self._refuse_class(module, name)
        elif name in _CALLERS:
            self._check_called(value.get("config"))
        else:
            self._check_settings(name, value.get("config"))

    def _is_own(self, value: JsonObject) -> bool:
        """Whether ``value`` is of a class that the user's code or ours has registered."""
        name = value.get("class_name")
        if name is None or name == "function" or name in _ARRAYS:
            return False
        return self._is_custom(value.get("registered_name", name))

    def _check_function(self, value: JsonObject) -> None:
        name, module = value.get("config"), value.get("module")
        if self._is_custom(name):
            return
        known = isinstance(name, str) and name in allowed.ACTIVATIONS
        if not known or not _FUNCTION_MODULES.fullmatch(str(module)):
            module = None if module == "builtins" else module
            self._refuse_code(f"the function {_full(module, name)}", name)

    def _check_called(self, config: JsonValue) -> None:
        name = config.get("function") if isinstance(config, dict) else None
        module, _, function = str(name).removeprefix("compat.v1.").rpartition(".")
        if function not in allowed.FUNCTIONS.get(module, ()):
            self._refuse(f"the function tf.{_short(name)}, which does more than to compute")

    def _check_settings(self, name: str, config: JsonValue) -> None:
        broken = broken_setting(name, config) if isinstance(config, dict) else None
        if broken is not None:
            self._refuse(f"a setting of {name} that it may not have, {broken}")

    def _check_array(self, config: JsonValue) -> None:
        dtype = config.get("dtype") if isinstance(config, dict) else None
        if not _NUMBERS.fullmatch(str(dtype)):
            self._refuse(f"an array of type {_short(dtype)}, which are not numbers")

    def _check_text(self, key: str, value: JsonValue) -> None:
        if not isinstance(value, str):
            return
        if key in _FILES:
            self._refuse(f"the file '{_short(value)}' as its {key}")
        if value in self.custom:
            return
        names = _NAMED.get(key.rpartition("_")[2])
        if names is not None and value not in names:
            self._refuse(f"the {key} '{_short(value)}', which Keras does not have", CUSTOM_HINT)

    def _check_place(self, key: str, value: JsonValue) -> None:
        """Refuse a layer, say, where Keras will call a constraint."""
        names = _NAMED.get(key.rpartition("_")[2])
        if names in (None, allowed.ACTIVATIONS) or not isinstance(value, dict):
            return
        kind = value.get("class_name", "function")
        name = value.get("registered_name") or kind
        theirs = self._is_custom(name) and not str(name).startswith(_OURS)
        if kind != "function" and not theirs and _base(name) not in names:
            self._refuse(f"{_short(name)} as its {key}, which is none", CUSTOM_HINT)

    def _check_calls(self, layers: JsonValue) -> None:
        holders = [layer for layer in _list(layers) if isinstance(layer, dict)]
        names = {name for name in map(_name, holders) if isinstance(name, str)}
        for layer in holders:
            calls = _list(layer.get("inbound_nodes"))
            if not all(_takes_tensor(call, names) for call in calls):
                self._refuse(f"a call of the layer '{_short(_name(layer))}' with constants only")

    def _is_custom(self, name: JsonValue) -> bool:
        return isinstance(name, str) and name in self.custom

    def _refuse_class(self, module: JsonValue, name: str) -> NoReturn:
        if name == "Lambda":
            raise TflconvError(
                f"cannot open {self.source} as a model: it holds a Lambda layer, which is code.",
                hint="Code inside a file is never run. Replace it by a registered layer, or convert"
                " the live model in Python: tflconv.convert(model, ...).",
            )
        if strip := STRIPS.get(_base(name)):
            raise TflconvError(
                f"cannot open {self.source} as a model: its layers are wrapped in {_base(name)}, as"
                " while tfmot trains them.",
                hint=f"Take that off, and save what comes: {strip}(model).save('stripped.keras').",
            )
        self._refuse_code(f"the class {_full(module, name)}", name)

    def _refuse_code(self, what: str, name: JsonValue) -> NoReturn:
        self._refuse(f"{what}; the code of '{_short(name)}' is not in the file", CUSTOM_HINT)

    def _refuse(self, what: str, hint: str = PLAIN_HINT) -> NoReturn:
        raise TflconvError(f"cannot open {self.source} as a model: it names {what}.", hint=hint)


def _classes_of(module: str | None) -> frozenset[str]:
    """The classes that may come from ``module``, by whatever name a Keras calls it."""
    if module is None:
        return _WITHOUT_MODULE
    if module.split(".")[0] == TFMOT:
        return allowed.TFMOT
    public = module.removeprefix("tf_")
    inner = re.sub(r"^keras\.(src\.)?", "", public)
    return _PUBLIC.get(public) or _INTERNAL.get(inner, frozenset())


def _fits(registered: JsonValue, name: str) -> bool:
    """Whether looking up ``registered`` finds nothing other than ``name``."""
    return registered is None or (isinstance(registered, str) and _base(registered) == name)


def _base(name: JsonValue) -> str:
    """The name of a class without the package that it was registered with."""
    return str(name).rpartition(">")[2]


def _takes_tensor(call: JsonValue, names: Collection[object]) -> bool:
    """Whether an output of one of the layers ``names`` is among the arguments of ``call``."""
    if isinstance(call, dict):
        if call.get("class_name") == "__keras_tensor__":
            return True
        return any(_takes_tensor(part, names) for part in call.values())
    if not isinstance(call, list):
        return False
    if len(call) >= 3 and isinstance(call[0], str) and isinstance(call[1], int):
        return call[0] in names or any(_takes_tensor(part, names) for part in call[2:])
    return any(_takes_tensor(part, names) for part in call)


def _name(layer: JsonObject) -> JsonValue:
    config = layer.get("config")
    inner = config.get("name") if isinstance(config, dict) else None
    return layer.get("name", inner)


def _list(value: JsonValue) -> Sequence[JsonValue]:
    return value if isinstance(value, list) else []


def _full(module: JsonValue, name: JsonValue) -> str:
    return f"{_short(module)}.{_short(name)}" if module else _short(name)


def _short(value: JsonValue) -> str:
    text = "".join(char if char.isprintable() else "?" for char in str(value)[:100])
    return text + ("..." if len(str(value)) > 100 else "")
