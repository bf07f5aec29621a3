"""What our own layers are made of; the rest of Keras 2 stays untyped."""

from typing import Any

from . import layers as layers

def __getattr__(name: str) -> Any: ...
