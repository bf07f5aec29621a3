"""``tflconv.serve``."""

from __future__ import annotations

from collections.abc import Sequence

from tflconv import data
from tflconv.core import given
from tflconv.core.given import AnyPath
from tflconv.core.parameters import suggests_parameters
from tflconv.model.pictures import Resize
from tflconv.service import ServiceConfig, read_token, served_models


@suggests_parameters
def serve(
    models: AnyPath | Sequence[AnyPath],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 0,
    num_threads: int = 1,
    queue: int = 64,
    max_megabytes: float = 16.0,
    max_megapixels: float = 50.0,
    max_pictures: int = 16,
    max_connections: int = 512,
    timeout: float = 10.0,
    receive_timeout: float = 10.0,
    shutdown_timeout: float = 30.0,
    watch: float = 2.0,
    allow_origin: str = "",
    token_file: AnyPath | None = None,
    golden: AnyPath | None = None,
    normalize: str | None = None,
    resize: Resize | None = None,
    labels: AnyPath | Sequence[str] | None = None,
) -> None:
    """Classify pictures over HTTP, until SIGTERM or Ctrl-C; main thread only.

    Args:
        models: ``.tflite`` files, each served under the name of its file.
        host: Address to listen at; ``0.0.0.0`` lets other computers in.
        port: Port to listen at.
        workers: Number of processes that decode and infer; 0 is one per core.
        num_threads: Threads of LiteRT in each of them.
        queue: Pictures that wait at most.
        max_megabytes: Largest body of a request in MB.
        max_megapixels: Largest picture in millions of pixels.
        max_pictures: Most pictures per request.
        max_connections: Most connections that are open at once.
        timeout: Seconds that a picture waits at most, and that it is worked on at most.
        receive_timeout: Seconds in which a request must arrive, and its answer be taken.
        shutdown_timeout: Seconds that accepted requests are given when the service ends.
        watch: Seconds between looks whether a model file has changed; 0 never looks.
        allow_origin: Origin of pages of another site that may ask; empty for none.
        token_file: File with the bearer token that requests must bring; by default that of the
            variable ``TFLCONV_TOKEN``, or none.
        golden: A golden contract, or a folder of pictures in folders named like their classes:
            what every model must tell right before it is served.
        normalize: How pixels become inputs, where the files do not say it.
        resize: How pictures are brought to the size of the models.
        labels: Names of the outputs, in their order, or a file with one per line.

    Raises:
        TflconvError: The extra ``serve`` is not installed, the port is in use, or a model cannot be
            served.
        KeyboardInterrupt: Ctrl-C ended it.

    Example:
        >>> serve("models/digits.tflite", port=8080)  # doctest: +SKIP
    """
    from tflconv.service.starting import serve as start

    config = ServiceConfig(
        host=host,
        port=port,
        workers=workers,
        num_threads=num_threads,
        queue=queue,
        max_megabytes=max_megabytes,
        max_megapixels=max_megapixels,
        max_pictures=max_pictures,
        max_connections=max_connections,
        timeout=timeout,
        receive_timeout=receive_timeout,
        shutdown_timeout=shutdown_timeout,
        watch=watch,
        allow_origin=allow_origin,
    )
    served = served_models(
        given.paths(models, "models"),
        normalize=normalize,
        resize=resize,
        labels=data.named_labels(labels),
    )
    token = read_token(given.path(token_file))
    start(served, config, token=token, golden=given.path(golden))
