"""Techniques that train a model for its compression; ``technique`` has the registry.

``qat`` is our own quantization-aware training, for every network that ``tflconv.network`` reads.
``qat_tfmot`` is the training of tensorflow-model-optimization, for Keras 2.
"""

from tflconv.compression.config import QatConfig

__all__ = ["QatConfig"]
