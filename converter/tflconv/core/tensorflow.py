"""The only module that imports TensorFlow and Keras, and that chooses the Keras version.

tensorflow-model-optimization needs Keras 2, which is the package ``tf_keras`` today, and which
TensorFlow uses only if TF_USE_LEGACY_KERAS is set before its first import. Import TensorFlow and
Keras 2 from here. (A user's Keras 3 model is opened with the ``keras`` package in any case.) In a
notebook that imported TensorFlow first, the version is left as it is; only tfmot depends on it.
"""

from __future__ import annotations

import collections
import contextlib
import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from types import ModuleType
from typing import Any

if "tensorflow" not in sys.modules:
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from tflconv.core import quiet
from tflconv.core.typing import ConcreteFunction

with quiet.native_stderr():
    import tensorflow as tf
    import tf_keras as keras2

    tf.config.list_physical_devices()  # looks for GPUs now, while its warnings are discarded

tf.get_logger().setLevel("ERROR")

__all__ = [
    "any_names", "freeze", "fresh_names", "functional_of_keras3", "keras2", "keras3",
    "keras3_operators", "meta_graphs", "optimizing", "plain_choices", "registered_names",
    "run_plainly", "tf", "tfmot_quantization", "unexported_layers",
]  # fmt: skip


def freeze(function: ConcreteFunction) -> ConcreteFunction:
    """Return the concrete ``function`` with its variables turned into constants.

    TensorFlow has no public name for this; its own TFLite converter calls the same function.
    """
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen: ConcreteFunction = convert_variables_to_constants_v2(function)
    return frozen


def run_plainly(function: ConcreteFunction, inputs: Sequence[Any]) -> list[Any]:
    """Run a concrete function without rewriting its graph first, which takes most of a first run.

    Args:
        function: The function.
        inputs: One tensor per input.

    Returns:
        One tensor per output.
    """
    with optimizing(disable_meta_optimizer=True):
        return list(tf.nest.flatten(function(*inputs)))


@contextlib.contextmanager
def optimizing(**options: bool) -> Iterator[None]:
    """Let TensorFlow rewrite the graphs of functions that are called within the block as told.

    Args:
        options: Those of ``tf.config.optimizer.set_experimental_options``; they are put back.
    """
    optimizer = tf.config.optimizer
    before = dict.fromkeys(options, False) | optimizer.get_experimental_options()
    optimizer.set_experimental_options(options)
    try:
        yield
    finally:
        optimizer.set_experimental_options(before)


@contextlib.contextmanager
def plain_choices() -> Iterator[None]:
    """Let argmax and argmin of Keras 3 be those of TensorFlow within the block.

    Keras tells -0.0 from 0.0 by their bits, for which TFLite has no operators.
    """
    if "keras" not in sys.modules:
        yield
        return
    from keras.src.backend.tensorflow import numpy as operators

    originals = operators.argmax, operators.argmin
    operators.argmax, operators.argmin = _choosing(tf.argmax), _choosing(tf.argmin)
    try:
        yield
    finally:
        operators.argmax, operators.argmin = originals


def _choosing(choose: Callable[..., Any]) -> Callable[..., Any]:
    def chosen(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
        values = tf.convert_to_tensor(x)
        if axis is None:
            indices = choose(tf.reshape(values, [-1]), axis=0, output_type=tf.int32)
            return tf.reshape(indices, [1] * len(values.shape)) if keepdims else indices
        indices = choose(values, axis=axis, output_type=tf.int32)
        return tf.expand_dims(indices, axis) if keepdims else indices

    return chosen


@contextlib.contextmanager
def any_names() -> Iterator[None]:
    """Let models and layers within the block have any names, such as ``my model``.

    Keras takes them, and so do its other backends; a graph of TensorFlow takes few signs of ASCII
    as the name of a scope, and gets ``_`` for the others.
    """
    original = tf.Graph.name_scope

    def name_scope(graph: Any, name: str | None) -> contextlib.AbstractContextManager[str]:
        plain = re.sub(r"[^A-Za-z0-9_.\\/>-]", "_", name or "")
        if plain and not (graph.get_name_scope() or re.match(r"[A-Za-z0-9.]", plain)):
            plain = f"n{plain}"
        scope: contextlib.AbstractContextManager[str] = original(graph, plain or name)
        return scope

    tf.Graph.name_scope = name_scope
    try:
        yield
    finally:
        tf.Graph.name_scope = original


def meta_graphs(content: bytes) -> list[Any]:
    """Return the graphs in the bytes of a ``saved_model.pb``, parsed and not loaded.

    Raises:
        Exception: The bytes are no such message, by a class of protobuf's own.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    return list(saved_model_pb2.SavedModel.FromString(content).meta_graphs)


@contextlib.contextmanager
def fresh_names() -> Iterator[None]:
    """Name layers within the block as a process would that has made none before.

    Layers without a name of their own, such as the softmax inside of an attention, are numbered
    through the process by both Kerases, and the number ends up in the names of tensors. Equal files
    shall give equal bytes, whatever was opened before; counters are put back after the block.
    """
    counters = [_counters_of_keras2(), *([_counters_of_keras3()] if "keras" in sys.modules else [])]
    before = [dict(numbers) for numbers in counters]
    for numbers in counters:
        numbers.clear()
    try:
        yield
    finally:
        for numbers, saved in zip(counters, before, strict=True):
            numbers.clear()
            numbers.update(saved)


def _counters_of_keras2() -> MutableMapping[str, int]:
    from tf_keras.src import backend

    counters: MutableMapping[str, int] = backend.get_default_graph_uid_map()
    return counters


def _counters_of_keras3() -> MutableMapping[str, int]:
    from keras.src.backend.common import global_state

    counters: MutableMapping[str, int] = global_state.get_global_attribute(
        "object_name_uids", default=collections.defaultdict(int), set_to_default=True
    )
    return counters


def registered_names() -> set[str]:
    """Return the names under which classes and functions are registered with Keras 2 and 3."""
    names = set(keras2.saving.get_custom_objects())
    if "keras" in sys.modules:
        names |= set(keras3().saving.get_custom_objects())
    return names


def keras3() -> ModuleType:
    """Import the package ``keras`` (version 3), which models of users may need."""
    import keras

    package: ModuleType = keras
    return package


def keras3_operators() -> ModuleType:
    """Import the classes of the operators between values of Keras 3, such as ``Add`` for ``+``.

    Keras has no public name for them.
    """
    from keras.src.ops import numpy as operators

    package: ModuleType = operators
    return package


def unexported_layers(kit: ModuleType) -> dict[str, type]:
    """Return by name the layers that Keras uses in its applications and has no public name for.

    Args:
        kit: Keras 2 or Keras 3, neither of which finds them for each of its own files.
    """
    inside = f"{kit.__name__}.src.applications"
    convnext = importlib.import_module(f"{inside}.convnext")
    inception = importlib.import_module(f"{inside}.inception_resnet_v2")
    return {
        "CustomScaleLayer": inception.CustomScaleLayer,
        "LayerScale": convnext.LayerScale,
        "StochasticDepth": convnext.StochasticDepth,
    }


def functional_of_keras3() -> type:
    """Return the class of functional models of Keras 3, which has no public name."""
    from keras.src.models.functional import Functional

    kind: type = Functional
    return kind


def tfmot_quantization() -> ModuleType:
    """Import quantization-aware training of tensorflow-model-optimization, which takes seconds."""
    from tensorflow_model_optimization.quantization import keras as quantization

    package: ModuleType = quantization
    return package
