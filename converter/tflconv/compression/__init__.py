"""Techniques that change a model before it is quantized; ``technique`` has the registry.

Their settings are exported here: one configuration for each technique. ``qat`` is our own
quantization-aware training, for every network that ``tflconv.network`` reads; ``qat_tfmot`` is the
training of tensorflow-model-optimization, for Keras 2.
"""

from tflconv.compression.config import (
    ChannelsConfig,
    DepthConfig,
    EqualizeConfig,
    FinetuneConfig,
    QatConfig,
)
from tflconv.compression.weight_config import ClusterConfig, DistillStepConfig, PruneConfig

__all__ = [
    "ChannelsConfig",
    "ClusterConfig",
    "DepthConfig",
    "DistillStepConfig",
    "EqualizeConfig",
    "FinetuneConfig",
    "PruneConfig",
    "QatConfig",
]
