"""Run Keras layers as they answer: without what acts only in training, and in float32.

Keras hands ``training=False`` down to layers, but layers of augmentation keep counters of their
random generators, which no ``.tflite`` file can hold, and models of mixed precision, float16 or
float64 compute in types for which TFLite has no operators. Both are put aside while a model is
traced or called.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from types import ModuleType
from typing import Any

from tflconv.core.typing import KerasLayer, Tensor

SKIPPED = (
    "ActivityRegularization", "AlphaDropout", "AugMix", "CutMix", "Dropout", "Equalization",
    "GaussianDropout", "GaussianNoise", "MixUp", "RandAugment", "RandomBrightness",
    "RandomColorDegeneration", "RandomColorJitter", "RandomContrast", "RandomElasticTransform",
    "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHeight",
    "RandomHue", "RandomInvert", "RandomPerspective", "RandomPosterization", "RandomRotation",
    "RandomSaturation", "RandomSharpness", "RandomShear", "RandomTranslation", "RandomWidth",
    "RandomZoom", "Solarization", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
)  # fmt: skip
"""Layers of Keras 2 or Keras 3 that return their input unless they are trained."""

_OTHER_FLOATS = ("float16", "bfloat16", "float64")


def kits() -> list[ModuleType]:
    """Return Keras 2, and Keras 3 if something has imported it."""
    from tflconv.core.tensorflow import keras2

    loaded = sys.modules.get("keras")
    return [keras2, *([loaded] if hasattr(loaded, "ops") and loaded is not None else [])]


@cache
def _skipped_of(kit: ModuleType) -> frozenset[type]:
    from tflconv.models.layers import PatchDropout

    named = (getattr(kit.layers, name, None) for name in SKIPPED)
    return frozenset((PatchDropout, *(found for found in named if found is not None)))


def acts_only_in_training(layer: object) -> bool:
    """Return whether ``layer`` is one of Keras or of ours that returns its input at inference."""
    return any(type(layer) in _skipped_of(kit) for kit in kits())


@contextmanager
def at_inference(layer: object) -> Iterator[None]:
    """Within the block, ``layer`` and all layers inside of it compute as at inference.

    Layers that act only in training return their input, and mixed precision is float32.

    Args:
        layer: A layer or model of Keras 2 or Keras 3. It is as before after the block.
    """
    inside = getattr(layer, "_flatten_layers", None)
    with ExitStack() as undo:
        for part in [] if inside is None else list(inside()):
            if (answer := _answer(part)) is not None:
                part.__dict__["call"] = answer
                undo.callback(part.__dict__.pop, "call")
            policy = getattr(part, "dtype_policy", None)
            if _is_of_other_floats(part, policy):
                _set_policy(part, _in_float32(policy))
                undo.callback(_set_policy, part, policy)
        yield


@contextmanager
def unrolled(layer: object) -> Iterator[None]:
    """Within the block, recurrent layers in ``layer`` write out their steps instead of looping.

    Args:
        layer: A layer or model of Keras 2 or Keras 3. It is as before after the block.
    """
    inside = getattr(layer, "_flatten_layers", None)
    with ExitStack() as undo:
        for part in [] if inside is None else list(inside()):
            if getattr(part, "unroll", None) is False:
                _set(part, "unroll", True, undo)
                _set(part, "_could_use_gpu_kernel", False, undo)  # Keras 2 would loop for it
        yield


def quantized_by_keras(layer: object) -> set[str]:
    """Return how layers in ``layer`` were quantized by Keras 3 itself, such as ``int8``."""
    inside = getattr(layer, "_flatten_layers", None)
    modes = [getattr(part, "quantization_mode", None) for part in (inside() if inside else ())]
    return {str(mode) for mode in modes if mode}


def _set(layer: KerasLayer, name: str, value: bool, undo: ExitStack) -> None:
    if hasattr(layer, name):
        undo.callback(setattr, layer, name, getattr(layer, name))
        setattr(layer, name, value)


def called(layer: object, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return ``function``, which calls ``layer``, as one that calls it at inference.

    Args:
        layer: A layer or operation of Keras 2 or Keras 3.
        function: Takes tensors.
    """
    from tflconv.core.tensorflow import tf

    kit = next((kit for kit in kits() if isinstance(layer, kit.layers.Layer)), None)
    if kit is None:
        return function

    class Inference(kit.layers.Layer):  # type: ignore[misc, name-defined]
        """Hands ``training=False`` to all that is called in it, whatever its default."""

        def call(self, values: list[Tensor], training: bool | None = None) -> list[Tensor]:
            return list(tf.nest.flatten(function(*values)))

    def call(*values: Tensor) -> Tensor:
        with at_inference(layer):
            outer = Inference(name="inference", autocast=False, dtype="float32")
            results = list(outer(list(values), training=False))
        return results[0] if len(results) == 1 else results  # type: ignore[return-value]

    return call


def _answer(layer: KerasLayer) -> Callable[..., Tensor] | None:
    """What ``layer`` computes at inference, if its own code cannot be traced for that."""
    from tflconv.core.tensorflow import keras2, tf

    def same(inputs: Tensor, *_: object, **__: object) -> Tensor:
        wanted = layer.compute_dtype
        return inputs if wanted is None else tf.nest.map_structure(_cast_to(wanted), inputs)

    def fitted(inputs: Tensor, *_: object, **__: object) -> Tensor:
        sides = (layer.height, layer.width)
        if tuple(inputs.shape[-3:-1]) == sides:
            return same(inputs)
        resized: Tensor = keras2.preprocessing.image.smart_resize(inputs, sides)
        return resized

    if type(layer) is keras2.layers.RandomCrop:
        return fitted
    crops = any(type(layer) is kit.layers.RandomCrop for kit in kits())
    return same if crops or acts_only_in_training(layer) else None


def _cast_to(dtype: str) -> Callable[[Tensor], Tensor]:
    from tflconv.core.tensorflow import tf

    return lambda value: value if value.dtype == dtype else tf.cast(value, dtype)  # type: ignore[comparison-overlap]


def _is_of_other_floats(layer: KerasLayer, policy: object) -> bool:
    """Whether ``layer`` computes in floats that can be made float32.

    Those of Keras 2 have variables that are cast only where they were made for mixed precision.
    """
    if getattr(policy, "compute_dtype", None) not in _OTHER_FLOATS:
        return False
    is_mixed = getattr(policy, "variable_dtype", None) == "float32"
    return is_mixed or not hasattr(layer, "_set_dtype_policy")


def _in_float32(policy: object) -> object:
    """Return a policy that computes in float32, whatever type the variables have."""
    kind: Callable[[str], Any] = type(policy)
    made = kind("float32")
    made._variable_dtype = policy.variable_dtype  # type: ignore[attr-defined]  # Keras casts them
    return made


def _set_policy(layer: KerasLayer, policy: object) -> None:
    if hasattr(layer, "_set_dtype_policy"):  # Keras 2
        layer._set_dtype_policy(policy)
    else:
        layer.dtype_policy = policy  # type: ignore[attr-defined]
