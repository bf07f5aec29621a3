"""The one place that chooses a Keras.

tensorflow-model-optimization needs Keras 2, which lives on as ``tf_keras`` and which TensorFlow
uses only if it is told so before its first import. Import TensorFlow and Keras 2 from here and
nowhere else. (A user's Keras 3 model comes through the ``keras`` package, which does not care.)
In a notebook that imported TensorFlow before us the choice is made and is left alone; nothing but
tfmot needs it.
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

    tf.config.list_physical_devices()  # looks for GPUs now, while its complaints are not heard

tf.get_logger().setLevel("ERROR")

__all__ = ["freeze", "keras2", "keras3", "tf", "tfmot_quantization"]


def freeze(function: ConcreteFunction) -> ConcreteFunction:
    """Return the concrete ``function`` with its variables made constants.

    TensorFlow has no public name for this; its own TFLite converter calls the same.
    """
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen: ConcreteFunction = convert_variables_to_constants_v2(function)
    return frozen


def keras3() -> ModuleType:
    """The package ``keras``, version 3, which users' models may need."""
    import keras

    package: ModuleType = keras
    return package


def tfmot_quantization() -> ModuleType:
    """Quantization-aware training of tensorflow-model-optimization: a few seconds to import."""
    from tensorflow_model_optimization.quantization import keras as quantization

    package: ModuleType = quantization
    return package
