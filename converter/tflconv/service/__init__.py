"""A classification service: ``.tflite`` models behind HTTP, with LiteRT in worker processes.

Requests are read on one event loop; pictures are decoded and inferred in processes of their own, so
that a picture that crashes a decoder costs one of them and one answer. See ``docs/service.md``.
"""

from tflconv.service.settings import ServedModel, ServiceConfig, read_token, served_models

__all__ = ["ServedModel", "ServiceConfig", "read_token", "served_models"]
