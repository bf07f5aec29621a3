"""Inspection of ``.tflite`` files: contents, delegation, cost and differences. No TensorFlow."""
