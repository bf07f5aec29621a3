"""The limits of a service: every number that bounds what a stranger can make it do."""

from __future__ import annotations

import ipaddress
import math
import os
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tflconv.core import inputs
from tflconv.core.text import clean_name
from tflconv.errors import TflconvError, UsageError, require
from tflconv.model import normalization
from tflconv.model.pictures import Resize

VARIABLE = "TFLCONV_TOKEN"
LEAST_TOKEN = 16

_LARGEST_PORT = 65535
URL_SAFE = string.ascii_letters + string.digits + "._-"
_UNFIT = re.compile(rf"[^{URL_SAFE}]+")


@dataclass(frozen=True, kw_only=True)
class ServiceConfig:
    """Where a service listens, and what it takes.

    Attributes:
        host: The address to listen at.
        port: The port; 0 takes a free one.
        workers: Number of processes that decode and infer; 0 is one per core.
        num_threads: Threads of LiteRT in each of them.
        queue: Pictures that wait at most; further ones are refused with 503.
        max_megabytes: Size of the body of a request in MB.
        max_megapixels: Pixels of a picture in millions.
        max_pictures: Pictures per request.
        max_connections: Connections that are open at once.
        timeout: Seconds that a picture waits at most, and seconds that it is worked on at most.
        receive_timeout: Seconds in which a request must have arrived, and an answer been taken.
        shutdown_timeout: Seconds that a stopping service gives the requests that it accepted.
        watch: Seconds between two looks at the model files; 0 never looks.
        allow_origin: Origin of pages of other sites that may ask; empty for none.

    Raises:
        UsageError: A setting is out of its range.

    Example:
        >>> ServiceConfig(max_megabytes=2).max_bytes
        2000000
    """

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 0
    num_threads: int = 1
    queue: int = 64
    max_megabytes: float = 16.0
    max_megapixels: float = 50.0
    max_pictures: int = 16
    max_connections: int = 512
    timeout: float = 10.0
    receive_timeout: float = 10.0
    shutdown_timeout: float = 30.0
    watch: float = 2.0
    allow_origin: str = ""

    def __post_init__(self) -> None:
        counts = ("num_threads", "queue", "max_pictures", "max_connections")
        spans = ("max_megabytes", "max_megapixels", "timeout", "receive_timeout")
        require(
            "service",
            self,
            host=(bool(self.host.strip()), "an address"),  # an empty one would be all of them
            port=(0 <= self.port <= _LARGEST_PORT, f"between 0 and {_LARGEST_PORT}"),
            workers=(self.workers >= 0, "at least 0"),
            watch=(0 <= self.watch < math.inf, "at least 0"),
            shutdown_timeout=(0 <= self.shutdown_timeout < math.inf, "at least 0"),
            allow_origin=(_is_origin(self.allow_origin), "an origin such as https://example.org"),
            **{name: (getattr(self, name) >= 1, "at least 1") for name in counts},
            **{name: (0 < getattr(self, name) < math.inf, "above 0") for name in spans},
        )

    @property
    def max_bytes(self) -> int:
        """Size of the body of a request."""
        return int(self.max_megabytes * 1_000_000)

    @property
    def max_pixels(self) -> int:
        """Pixels of a picture."""
        return int(self.max_megapixels * 1_000_000)

    @property
    def processes(self) -> int:
        """Number of workers, counted."""
        if self.workers or not hasattr(os, "sched_getaffinity"):
            return self.workers or os.cpu_count() or 1
        return len(os.sched_getaffinity(0))

    @property
    def is_local(self) -> bool:
        """Whether only this computer can reach it."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False  # a name may lead anywhere


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """A model file, and what it does not say about itself.

    Attributes:
        name: Its name in addresses.
        path: The ``.tflite`` file.
        normalize: How pixels become inputs, where the file does not say it.
        resize: How pictures are brought to its size; by default as its card says, or ``crop``.
        labels: Names of its outputs, where the file does not say them.
    """

    name: str
    path: Path
    normalize: str | None = None
    resize: Resize | None = None
    labels: tuple[str, ...] | None = None


def served_models(
    paths: Sequence[Path],
    *,
    normalize: str | None = None,
    resize: Resize | None = None,
    labels: Sequence[str] | None = None,
) -> tuple[ServedModel, ...]:
    """Name the models in files, each like its file.

    Raises:
        UsageError: No file is given, two have the same name, or ``normalize`` is none.
    """
    if normalize is not None:
        normalization.parse(normalize)
    names = [name_of(path) for path in paths]
    if not names:
        raise UsageError("no model is given.", hint="Name a .tflite file.")
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two models are called {name}.", hint="Rename one of the files.")
    label_names = None if labels is None else tuple(labels)
    return tuple(
        ServedModel(name=name, path=path, normalize=normalize, resize=resize, labels=label_names)
        for name, path in zip(names, paths, strict=True)
    )


def name_of(path: Path) -> str:
    """Return the name in addresses of the model in the file ``path``.

    Example:
        >>> name_of(Path("models/my net (2).tflite"))
        'my-net-2'
    """
    return _UNFIT.sub("-", clean_name(path.stem)).strip("-.") or "model"


def read_token(file: Path | None) -> str | None:
    """Return the bearer token in ``file``, or else in ``TFLCONV_TOKEN``; None for none.

    Raises:
        TflconvError: The file cannot be read, or the token is short or no printable ASCII.
    """
    try:
        text = os.environ.get(VARIABLE, "") if file is None else inputs.read_text(file, "ascii")
    except (OSError, UnicodeDecodeError) as error:
        why = inputs.why_unread(error)
        raise TflconvError(
            f"cannot read a token from {file}: {why}.", hint="Make one: openssl rand -hex 32 > FILE"
        ) from error
    token = text.strip()
    if not token and file is None:
        return None
    if len(token) < LEAST_TOKEN or not (token.isascii() and token.isprintable()) or " " in token:
        raise UsageError(
            f"the token must have at least {LEAST_TOKEN} printable characters.",
            hint="Make one: openssl rand -hex 32",
        )
    return token


def _is_origin(text: str) -> bool:
    scheme, _, host = text.partition("://")
    return not text or (scheme in ("http", "https") and bool(host) and host.isascii()
                        and host.isprintable() and not set(host) & set("/ \"'<>,;"))  # fmt: skip
