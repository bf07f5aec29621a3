"""Runs a service behind uvicorn until a signal ends it: listening, signals, and a graceful end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import resource
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator, Sequence

import uvicorn

from tflconv.core.private import scratch_folder
from tflconv.errors import TflconvError
from tflconv.service import process
from tflconv.service.app import make_app
from tflconv.service.connections import Deadlines
from tflconv.service.generation import Golden
from tflconv.service.guards import Guards
from tflconv.service.logs import Log
from tflconv.service.metrics import Metrics
from tflconv.service.quick import Quick
from tflconv.service.service import Service
from tflconv.service.settings import ServedModel, ServiceConfig

_KEEP_ALIVE_SECONDS = 5
_BACKLOG, _AT_ONCE = 1024, 64
"""Connections that wait to be taken, and those that are taken before one is answered."""

Announce = Callable[[str, Service], None]


def run(
    models: Sequence[ServedModel],
    config: ServiceConfig,
    *,
    token: str | None = None,
    golden: Golden | None = None,
    command: Sequence[str] = process.COMMAND,
    announce: Announce = lambda *_: None,
) -> None:
    """Serve ``models`` until SIGTERM or Ctrl-C; requests that were accepted are answered first.

    Args:
        models: What to serve.
        config: Where, and the limits.
        token: What requests must bring; None for nothing.
        golden: Labels and pictures that each model must tell right before it is served.
        command: The program of a worker.
        announce: Is called with the address and the service when it is ready.

    Raises:
        TflconvError: The port is in use, or a model cannot be served.
        KeyboardInterrupt: Ctrl-C ended it.
    """
    with contextlib.ExitStack() as stack:
        _allow_files(config)
        stack.enter_context(_taking_turns())
        listening = stack.enter_context(_listening(config))
        folder = stack.enter_context(scratch_folder())
        metrics = Metrics()
        log = Log(lost=metrics.log_lines_lost.inc)
        stack.callback(log.end)
        stack.enter_context(_libraries_logging_to(log))
        service = Service(
            models, config, folder, log=log, metrics=metrics, golden=golden, command=command
        )
        interrupted = asyncio.run(_serve(service, listening, token, announce))
    if interrupted:
        raise KeyboardInterrupt


async def _serve(
    service: Service, listening: socket.socket, token: str | None, announce: Announce
) -> bool:
    """Start, answer and end; return whether Ctrl-C was the reason."""
    config, signals = service.config, list[int]()
    loop = asyncio.get_running_loop()
    server = _Server(_uvicorn_config(service, token))
    starting = asyncio.ensure_future(service.start())

    def end(number: int) -> None:
        signals.append(number)
        starting.cancel()
        server.should_exit = True
        server.force_exit = signals.count(signal.SIGINT) > 1

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, number)
    working, has_served = set[asyncio.Task[object]](), False
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    try:
        await starting
        working.add(loop.create_task(service.watch()))
        loop.add_signal_handler(signal.SIGHUP, _begin, service.reload, working)
        host = f"[{config.host}]" if ":" in config.host else config.host
        announce(f"http://{host}:{listening.getsockname()[1]}/", service)
        has_served = True
        service.log.event("serving", models={n: m.sha256 for n, m in service.models.items()})
        await server.serve([listening])
    except asyncio.CancelledError:
        if not signals:
            raise
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        await service.close()
        if has_served:
            service.log.event("ended")
    return signal.SIGINT in signals


def _begin(
    act: Callable[[], Coroutine[None, None, object]], working: set[asyncio.Task[object]]
) -> None:
    task = asyncio.get_running_loop().create_task(act())
    working.add(task)
    task.add_done_callback(working.discard)


class _Server(uvicorn.Server):
    """uvicorn without its handlers of signals: ours also end what is still starting."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, with a queue that is longer than what is taken of it at once."""
        await super().startup(sockets)
        for each in sockets or ():
            each.listen(_BACKLOG)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _uvicorn_config(service: Service, token: str | None) -> uvicorn.Config:
    config = service.config
    guarded = Guards(
        make_app(service, needs_token=token is not None),
        token=token,
        local=config.is_local,
        allow_origin=config.allow_origin,
    )
    bounded = type("Bounded", (Deadlines,), {
        "most": config.max_connections, "seconds": config.receive_timeout, "leaving": {},
        "added": guarded.lines, "takes": staticmethod(Quick(service, guarded).takes),
    })  # fmt: skip
    return uvicorn.Config(
        guarded,
        http=bounded,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=config.shutdown_timeout,  # type: ignore[arg-type]
        backlog=_AT_ONCE,
    )


def _allow_files(config: ServiceConfig) -> None:
    """Raise the number of files that may be open to that of the connections, where it is lower.

    Beyond it, connections would be taken no more in place of being answered.
    """
    wanted = 2 * config.max_connections + _AT_ONCE + 16 * config.processes + 100
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


@contextlib.contextmanager
def _taking_turns() -> Iterator[None]:
    """Let service and workers, which inherit this, finish what they are at where they share a core.

    By default Linux stops an inference for every byte that comes, and each change of processes
    empties the caches of both. Who has chosen another policy keeps it.
    """
    if not hasattr(os, "SCHED_BATCH") or os.sched_getscheduler(0) != os.SCHED_OTHER:
        yield
        return
    _follow(os.SCHED_BATCH)
    try:
        yield
    finally:
        _follow(os.SCHED_OTHER)


def _follow(policy: int) -> None:
    with contextlib.suppress(PermissionError):  # a sandbox may forbid it
        os.sched_setscheduler(0, policy, os.sched_param(0))


@contextlib.contextmanager
def _listening(config: ServiceConfig) -> Iterator[socket.socket]:
    """Yield a socket that listens, so that a port in use is told before models are opened."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    # asyncio sends without delay only where a socket says that it is TCP
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((config.host, config.port))
            listening.listen(_BACKLOG)
        except OSError as error:
            raise _cannot_listen(config, error) from error
        yield listening


def _cannot_listen(config: ServiceConfig, error: OSError) -> TflconvError:
    hints = {
        errno.EADDRINUSE: "Another program listens there: choose another port with --port.",
        errno.EACCES: "Choose a port above 1023 with --port.",
    }
    return TflconvError(
        f"cannot listen at {config.host}, port {config.port}: {error.strerror}.",
        hint=hints.get(error.errno or 0, "Choose an address of this computer with --host."),
    )


@contextlib.contextmanager
def _libraries_logging_to(log: Log) -> Iterator[None]:
    """Have libraries log to ``log``: by default Python writes to stderr, and waits there."""
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.addHandler(log)
    try:
        yield
    finally:
        root.removeHandler(log)
