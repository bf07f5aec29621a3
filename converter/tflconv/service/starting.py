"""The one call behind the command and the Python function: check what was asked, then serve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tflconv.errors import TflconvError
from tflconv.service.settings import ServedModel, ServiceConfig

if TYPE_CHECKING:
    from tflconv.service.service import Service


def serve(
    models: Sequence[ServedModel],
    config: ServiceConfig,
    *,
    token: str | None = None,
    golden: Path | None = None,
    announce: Callable[[str, Service], None] = lambda *_: None,
) -> None:
    """Serve ``models`` until the process is told to end.

    Args:
        models: What to serve.
        config: Where, and the limits.
        token: What requests must bring; None for nothing.
        golden: A golden contract, or a folder of pictures in folders named like their classes:
            what every model must tell right.
        announce: Is called with the address and the service when it is ready.

    Raises:
        TflconvError: The extra ``serve`` is not installed, the port is in use, or a model cannot be
            served.
        KeyboardInterrupt: Ctrl-C ended it.
    """
    try:
        from tflconv.service import server
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("tflconv"):
            raise
        raise TflconvError(
            f"the service needs the package {error.name}.", hint="pip install 'tflconv[serve]'"
        ) from error
    pictures = () if golden is None else golden_pictures(golden)
    every = {model.name: pictures for model in models}
    server.run(models, config, token=token, golden=every, announce=announce)


def golden_pictures(folder: Path) -> tuple[tuple[str, bytes], ...]:
    """Read pictures whose class is known: of a golden contract, or the name of their folder.

    Raises:
        TflconvError: There are none, or one cannot be read.
    """
    from tflconv.model import golden as contract  # a folder does without LiteRT

    if contract.is_golden(folder):
        golden = contract.read(folder)
        contents = (golden.files[name] for name in golden.names)
        return tuple(zip(golden.answers, contents, strict=True))
    if not folder.is_dir():
        raise TflconvError(
            f"{folder} is neither a golden contract nor a folder of pictures.",
            hint="tflconv convert --golden 8 makes a contract beside the model.",
        )
    try:
        files = sorted(file for file in folder.glob("*/*") if file.is_file())
        pictures = tuple((file.parent.name, file.read_bytes()) for file in files)
    except OSError as error:
        raise TflconvError(f"cannot read {folder}: {error.strerror}.") from error
    if not pictures:
        raise TflconvError(
            f"{folder} has no pictures in folders named like their classes.",
            hint="Make one folder per class in it, with pictures.",
        )
    return pictures
