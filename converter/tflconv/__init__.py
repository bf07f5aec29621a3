"""Take an image classifier from Keras to a phone and prove what it does there."""

from tflconv._version import __version__

__all__ = ["__version__"]
