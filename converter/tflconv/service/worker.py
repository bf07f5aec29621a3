"""The process that decodes pictures and runs the network: native code over bytes of strangers.

It holds no secrets and no connections, only one socket to the service; when that ends, so does the
process. Started as ``python -m tflconv.service.worker FD``; its first message says what to open.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import socket
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tflconv.errors import TflconvError, UsageError
from tflconv.model.pictures import UnreadablePicture
from tflconv.service import wire
from tflconv.service.classifier import Answer, Classifier, check_golden, likeliest, open_litert
from tflconv.service.settings import ServedModel

_DIE_WITH_PARENT = 1
"""``PR_SET_PDEATHSIG`` of Linux."""

Opener = Callable[..., Classifier]


def main(argv: list[str], open_model: Opener = open_litert) -> None:
    """Answer jobs until the service is gone.

    Args:
        argv: The number of the socket's file descriptor.
        open_model: Opens a model; studies hand in others than LiteRT.
    """
    _prepare()
    # a service that is gone needs no answer
    with contextlib.suppress(ConnectionError), socket.socket(fileno=int(argv[0])) as connection:
        messages = wire.messages(connection)
        first = next(messages, None)
        if first is None:
            return
        try:
            models, ready = _open_all(*first, open_model)
        except TflconvError as error:
            wrong = {"failed": error.message, "hint": error.hint}
            usage = isinstance(error, UsageError)
            connection.sendall(wire.pack({**wrong, "usage": usage}))
            return
        connection.sendall(wire.pack({"ready": ready}))
        for _, body in messages:
            connection.sendall(_done(models, wire.Question.unpack(body)))


def _prepare() -> None:
    """Leave signals of the terminal to the service, die with it, and write nothing anywhere."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")  # a picture must not write lines to the log
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def _open_all(
    setup: wire.Message, golden: bytes, open_model: Opener
) -> tuple[dict[str, Classifier], dict[str, Any]]:
    models, ready = dict[str, Classifier](), dict[str, Any]()
    for each in setup["models"]:
        labels = None if each["labels"] is None else tuple(each["labels"])
        model = ServedModel(**{**each, "path": Path(each["path"]), "labels": labels})
        opened = open_model(model, max_pixels=setup["max_pixels"], threads=setup["threads"])
        check_golden(opened, _golden(setup["golden"].get(model.name, ()), golden))
        models[model.name] = opened
        assert opened.view.size is not None
        shape = [*opened.view.size, opened.view.channels]
        ready[model.name] = {"labels": opened.labels, "shape": shape}
    return models, ready


def _golden(listed: list[tuple[str, int, int]], content: bytes) -> tuple[tuple[str, bytes], ...]:
    return tuple((label, content[start:end]) for label, start, end in listed)


def _done(models: Mapping[str, Classifier], asked: wire.Question) -> bytes:
    """Return the answer to a question; whatever goes wrong in it is an answer, too."""
    try:
        return _packed(models[asked.model].answer(asked.content), asked)
    except UnreadablePicture as error:
        problem, detail = "unreadable-picture", str(error)[:200]
    except Exception as error:  # a bug, which costs its picture and no other
        problem, detail = "internal", type(error).__name__
    return wire.pack({"id": asked.number, "problem": problem, "detail": detail})


def _packed(answer: Answer, asked: wire.Question) -> bytes:
    return wire.Classes(
        number=asked.number,
        top=likeliest(answer.probabilities, asked.top),
        decode_ms=round(answer.decode_ms, 3),
        inference_ms=round(answer.inference_ms, 3),
    ).pack()


if __name__ == "__main__":
    main(sys.argv[1:])
    os._exit(0)
