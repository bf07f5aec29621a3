"""The only module that imports TensorFlow and Keras, and that chooses the Keras version.

tensorflow-model-optimization needs Keras 2, which is the package ``tf_keras`` today, and which
TensorFlow uses only if TF_USE_LEGACY_KERAS is set before its first import. Import TensorFlow and
Keras 2 from here. (A user's Keras 3 model is opened with the ``keras`` package in any case.) In a
notebook that imported TensorFlow first, the version is left as it is; only tfmot depends on it.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType

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

__all__ = ["freeze", "keras2", "keras3", "tf", "tfmot_quantization"]


def freeze(function: ConcreteFunction) -> ConcreteFunction:
    """Return the concrete ``function`` with its variables turned into constants.

    TensorFlow has no public name for this; its own TFLite converter calls the same function.
    """
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen: ConcreteFunction = convert_variables_to_constants_v2(function)
    return frozen


def keras3() -> ModuleType:
    """Import the package ``keras`` (version 3), which models of users may need."""
    import keras

    package: ModuleType = keras
    return package


def tfmot_quantization() -> ModuleType:
    """Import quantization-aware training of tensorflow-model-optimization, which takes seconds."""
    from tensorflow_model_optimization.quantization import keras as quantization

    package: ModuleType = quantization
    return package
