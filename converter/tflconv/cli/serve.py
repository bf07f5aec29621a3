"""``tflconv serve``."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tflconv import data
from tflconv.cli import commands, options
from tflconv.cli.console import say, say_next, waiting
from tflconv.model.pictures import Resize
from tflconv.service import ServiceConfig, read_token, served_models

if TYPE_CHECKING:
    from tflconv.service.service import Service

_TEXTS = {
    "host": "Address to listen at; 0.0.0.0 lets other computers in.",
    "port": "Port to listen at; 0 takes a free one.",
    "workers": "Number of processes that decode and infer; 0 is one per core.",
    "num_threads": "Threads of LiteRT in each of them.",
    "queue": "Pictures that wait at most; further ones are refused with 503.",
    "max_megabytes": "Largest body of a request in MB.",
    "max_megapixels": "Largest picture in millions of pixels.",
    "max_pictures": "Most pictures per request.",
    "max_connections": "Most connections that are open at once.",
    "timeout": "Seconds that a picture waits at most, and that it is worked on at most.",
    "receive_timeout": "Seconds in which a request must arrive, and its answer be taken.",
    "shutdown_timeout": "Seconds that accepted requests are given when the service ends.",
    "watch": "Seconds between looks whether a model file has changed; 0 never looks.",
    "allow_origin": "Origin of pages of another site that may ask, such as https://example.org.",
}


@commands.command(name="serve")
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.settings(ServiceConfig, _TEXTS)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File with the bearer token that requests must bring.  [default: $TFLCONV_TOKEN, or none]",
)
@click.option(
    "--golden",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A golden contract (NAME.golden.zip), or pictures in folders named like their classes:"
    " what every model must tell right before it is served, after a reload too.",
)
@options.preprocessing
def command(
    models: tuple[Path, ...],
    config: ServiceConfig,
    token_file: Path | None,
    golden: Path | None,
    normalize: str | None,
    resize: Resize | None,
    labels: Path | None,
) -> None:
    """Classify pictures over HTTP with MODELS (.tflite).

    Each model is served under the name of its file. Only this computer can ask, unless --host
    says otherwise. SIGTERM and Ctrl-C end the service after the requests that it has accepted;
    SIGHUP reloads the models. Needs: pip install 'tflconv[serve]'.

    \b
    Examples:
      tflconv serve resnet.tflite
      curl -F picture=@cat.jpg localhost:8000/models/resnet/classify
    """
    named = None if labels is None else data.read_labels(labels)
    served = served_models(models, normalize=normalize, resize=resize, labels=named)
    token = read_token(token_file)
    if not config.is_local:
        guard = "with the token" if token else "without a token"
        say(f"Anyone who reaches {config.host} may ask, {guard} and without encryption.", err=True)
    with contextlib.ExitStack() as before:
        before.enter_context(waiting("starting the service"))
        from tflconv.service.starting import serve

        def announce(address: str, service: Service) -> None:
            before.close()
            _announce(address, service)

        serve(served, config, token=token, golden=golden, announce=announce)


def _announce(address: str, service: Service) -> None:
    for model in service.models.values():
        say(f"{model.name}  {len(model.labels)} classes  sha256 {model.sha256[:16]}")
    say(f"Serving at {address}")
    name = next(iter(service.models))
    say_next("curl", "-F", "picture=@cat.jpg", f"{address}/models/{name}/classify")
