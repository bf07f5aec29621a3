"""Take an image classifier from Keras to a phone and prove what it does there.

``tflconv.train``, ``compress``, ``convert``, ``verify``, ``bench``, ``compare`` and
``write_report`` are the stages, and ``serve`` answers requests; nothing heavy is imported before
one of them is called for.
"""

from typing import TYPE_CHECKING, Any

from tflconv._version import __version__

if TYPE_CHECKING:
    from tflconv.api import bench, compare, compress, convert, serve, train, verify, write_report

__all__ = [
    "__version__",
    "bench",
    "compare",
    "compress",
    "convert",
    "serve",
    "train",
    "verify",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Import a stage when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module 'tflconv' has no attribute '{name}'")
    from tflconv import api

    return getattr(api, name)
