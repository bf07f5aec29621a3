"""The registry of models that can be trained.

An architecture describes its network once, to a namespace of layers. With the layers of Keras the
description becomes a model; with those of ``symbolic`` it is counted, without TensorFlow.
"""

from tflconv.models import (
    mobilenet,
    mobilenet_v3,
    mobilevit_int8,
    resnet,
    resnet_imagenet,
    squeezenet,
    vit,
    vit_int8,
)
from tflconv.models.building import build
from tflconv.models.registry import architecture, names, parse_options
from tflconv.models.symbolic import Cost, cost

__all__ = [
    "Cost",
    "architecture",
    "build",
    "cost",
    "mobilenet",
    "mobilenet_v3",
    "mobilevit_int8",
    "names",
    "parse_options",
    "resnet",
    "resnet_imagenet",
    "squeezenet",
    "vit",
    "vit_int8",
]
