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

if "tensorflow" not in sys.modules:
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from tflconv import quiet

with quiet.native_stderr():
    import tensorflow as tf
    import tf_keras as keras2

    tf.config.list_physical_devices()  # looks for GPUs now, while its complaints are not heard

tf.get_logger().setLevel("ERROR")

__all__ = ["keras2", "tf"]
