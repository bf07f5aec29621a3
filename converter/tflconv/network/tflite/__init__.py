"""Read networks from float ``.tflite`` files, whoever made them; no TensorFlow."""
