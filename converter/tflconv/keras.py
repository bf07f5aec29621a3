"""The one place that chooses a Keras.

tensorflow-model-optimization needs Keras 2, which lives on as ``tf_keras`` and which TensorFlow
uses only if it is told so before its first import. Import TensorFlow and Keras 2 from here and
nowhere else. (A user's Keras 3 model comes through the ``keras`` package, which does not care.)
"""

from __future__ import annotations

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
import tf_keras as keras2

tf.get_logger().setLevel("ERROR")

__all__ = ["keras2", "tf"]
