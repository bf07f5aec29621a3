"""The models that are served at one time: copies of their files, and workers that have them open.

A model file is copied to a place named by its hash before LiteRT maps it: the file that a user
replaces or cuts short is not the one that is mapped, which would end the process by SIGBUS.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

from tflconv.core.inputs import missing
from tflconv.core.text import to_json
from tflconv.errors import TflconvError
from tflconv.service import process
from tflconv.service.pool import Pool
from tflconv.service.settings import ServedModel, ServiceConfig

_CHUNK = 1 << 20

Golden = Mapping[str, Sequence[tuple[str, bytes]]]
"""Labels and picture files that must be told right, by name of the model."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """A model as requests see it.

    Attributes:
        name: Its name in addresses.
        sha256: Hash of its file.
        bytes: Size of its file.
        labels: Names of its classes.
        shape: Height, width and channels of its input.
    """

    name: str
    sha256: str
    bytes: int
    labels: tuple[str, ...]
    shape: tuple[int, ...]

    @cached_property
    def identity(self) -> str:
        """Name and hash as JSON."""
        return to_json({"name": self.name, "sha256": self.sha256}, indent=None)

    @cached_property
    def class_openings(self) -> tuple[str, ...]:
        """What an answer says of each class before its probability."""
        return tuple(
            f'{{"label": {to_json(label, indent=None)}, "index": {index}, "probability": '
            for index, label in enumerate(self.labels)
        )


@dataclass(frozen=True, kw_only=True)
class Generation:
    """Models by name, and the workers that answer for them."""

    models: Mapping[str, Served]
    pool: Pool


async def begin(
    models: Sequence[ServedModel],
    config: ServiceConfig,
    folder: Path,
    *,
    golden: Golden,
    command: Sequence[str] = process.COMMAND,
    on_lost: Callable[[str], None] = lambda _: None,
) -> Generation:
    """Copy the files of ``models`` to ``folder``, and start workers that have tried them.

    Raises:
        TflconvError: A file cannot be read, or a model fails; the message names the file.
    """
    # in a thread: requests are answered while a large file is read
    copies = [await asyncio.to_thread(copy, model, folder) for model in models]
    listed, content = _golden(golden)
    setup = {
        "models": [asdict(model) | {"path": str(model.path)} for model in copies],
        "max_pixels": config.max_pixels,
        "threads": config.num_threads,
        "golden": listed,
    }
    pool = Pool(config, setup, content, command=command, on_lost=on_lost)
    try:
        await pool.start()
    except TflconvError as error:
        raise _of_originals(error, models, copies) from error
    served = {
        model.name: Served(
            name=model.name,
            sha256=model.path.stem,
            bytes=model.path.stat().st_size,
            labels=tuple(pool.models[model.name]["labels"]),
            shape=tuple(pool.models[model.name]["shape"]),
        )
        for model in copies
    }
    return Generation(models=served, pool=pool)


def copy(model: ServedModel, folder: Path) -> ServedModel:
    """Copy the file of ``model`` to ``folder``, named by its hash.

    Raises:
        TflconvError: It is missing, changed meanwhile, or cannot be copied.
    """
    path, draft = model.path, folder / f"{model.name}.new"
    try:
        with open(path, "rb", opener=_without_waiting) as source, draft.open("wb") as target:
            before, digest = os.fstat(source.fileno()), hashlib.sha256()
            if not stat.S_ISREG(before.st_mode):
                raise TflconvError(f"{path} is not a file.", hint="Name a .tflite file.")
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                target.write(chunk)
            if _mark(os.fstat(source.fileno())) != _mark(before):
                raise TflconvError(f"{path} changed while it was read.", hint="Try again.")
    except IsADirectoryError as error:
        raise TflconvError(f"{path} is not a file.", hint="Name a .tflite file.") from error
    except FileNotFoundError as error:
        hint = "Make it with tflconv convert."
        raise missing(path, what="model file", hint=hint) from error
    except OSError as error:
        raise TflconvError(f"cannot copy {path}: {error.strerror}.") from error
    return replace(model, path=draft.rename(folder / f"{digest.hexdigest()}.tflite"))


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe is opened, too, and not waited for until somebody writes to it."""
    return os.open(path, flags | os.O_NONBLOCK)


def marks(models: Sequence[ServedModel]) -> tuple[object, ...]:
    """Return what changes where one of the files changes."""
    return tuple(_mark_of(model.path) for model in models)


def _mark_of(path: Path) -> object:
    try:
        return _mark(path.stat())
    except OSError:
        return None


def _mark(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _golden(golden: Golden) -> tuple[dict[str, list[tuple[str, int, int]]], bytes]:
    """Return all golden pictures one behind the other, and where each begins and ends."""
    listed, content = dict[str, list[tuple[str, int, int]]](), bytearray()
    for name, pictures in golden.items():
        listed[name] = []
        for label, picture in pictures:
            listed[name].append((label, len(content), len(content) + len(picture)))
            content += picture
    return listed, bytes(content)


def _of_originals(
    error: TflconvError, models: Sequence[ServedModel], copies: Sequence[ServedModel]
) -> TflconvError:
    """Return ``error`` with the files that the user knows in place of their copies."""
    message, hint = error.message, error.hint
    for model, copied in zip(models, copies, strict=True):
        message = message.replace(str(copied.path), str(model.path))
        hint = None if hint is None else hint.replace(str(copied.path), str(model.path))
    return type(error)(message, hint=hint)
