"""Training of classifiers: settings, and one training loop."""

from typing import TYPE_CHECKING

from tflconv.training.config import DistillConfig, TrainConfig

if TYPE_CHECKING:
    from tflconv.training.loop import train

__all__ = ["DistillConfig", "TrainConfig", "train"]


def __getattr__(name: str) -> object:
    """Import ``train`` on first use, because its module imports TensorFlow."""
    if name != "train":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tflconv.training.loop import train

    return train
