"""The models that can be trained, behind one registry.

A family describes its network once, to a namespace of layers. Given the layers of Keras it becomes
a model; given those of ``symbolic`` it tells its cost, and TensorFlow is never imported.
"""

from tflconv.models import mobilenet, resnet, squeezenet, vit, vit_int8
from tflconv.models.building import build
from tflconv.models.registry import architecture, names, parse_options
from tflconv.models.symbolic import Cost, cost

__all__ = [
    "Cost",
    "architecture",
    "build",
    "cost",
    "mobilenet",
    "names",
    "parse_options",
    "resnet",
    "squeezenet",
    "vit",
    "vit_int8",
]
