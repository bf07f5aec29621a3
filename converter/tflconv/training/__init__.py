"""One training loop."""

from typing import Any

from tflconv.training.config import TrainConfig

__all__ = ["TrainConfig", "train"]


def __getattr__(name: str) -> Any:
    """``train``, whose module imports TensorFlow, comes when it is asked for."""
    if name != "train":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tflconv.training.loop import train

    return train
