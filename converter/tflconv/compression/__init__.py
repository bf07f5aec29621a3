"""Training that knows what conversion will do to the model: quantization-aware training.

``qat`` is our own, for every network that ``tflconv.network`` reads; ``tfmot`` is that of
tensorflow-model-optimization, for Keras 2.
"""

from tflconv.compression.config import QatConfig

__all__ = ["QatConfig"]
