"""One worker process as the event loop sees it: messages out, messages in, and its end."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from tflconv.errors import TflconvError, UsageError
from tflconv.service import wire

COMMAND = (sys.executable, "-m", "tflconv.service.worker")
START_SECONDS = 60.0
"""Time that a worker has to open its models and try them."""

_ENDING_SECONDS, _LOOK_SECONDS = 2.0, 0.002
_PART = 1 << 16


class WorkerProcess(asyncio.BufferedProtocol):
    """A worker that was started.

    Args:
        on_answer: Is called with each answer.
        on_end: Is called once when the worker is gone, however that came.
    """

    def __init__(
        self, on_answer: Callable[[wire.Message, bytes], None], on_end: Callable[[], None]
    ) -> None:
        self._on_answer, self._on_end = on_answer, on_end
        self._incoming, self._part = wire.Incoming(), memoryview(bytearray(_PART))
        self._transport: asyncio.WriteTransport | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ending, self._is_killed = 0.0, False
        self.is_gone = False
        self.ready: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    async def start(
        self, command: Sequence[str], setup: wire.Message, golden: bytes
    ) -> dict[str, Any]:
        """Start the process, and return what it says about the models that it opened.

        Raises:
            TflconvError: It cannot open a model, died over it, or took too long.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            descriptor = theirs.fileno()
            self._process = subprocess.Popen(
                [*command, str(descriptor)],
                pass_fds=[descriptor],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=os.environ | {"OMP_NUM_THREADS": str(setup["threads"])},
            )
        ours.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: self, sock=ours)
        self.send(wire.pack(setup, golden))
        try:
            return await asyncio.wait_for(asyncio.shield(self.ready), START_SECONDS)
        except asyncio.TimeoutError as error:
            self.kill()
            raise TflconvError(f"a model took over {START_SECONDS:.0f} s to open.") from error

    @property
    def pid(self) -> int:
        """Its number in the system."""
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended; negative for a signal."""
        return None if self._process is None else self._process.poll()

    def send(self, message: bytes) -> None:
        """Send a message; to a process that is gone, nothing."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(message)

    def kill(self) -> None:
        """End it at once, and hear nothing more of it; ``on_end`` follows."""
        self._is_killed = True
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            if self._transport is None:  # nobody would hear of its end
                self._process.wait()

    def close(self) -> None:
        """Let it end by itself: it does when its socket does."""
        if self._transport is not None:
            self._transport.abort()  # what it was not given yet, nobody waits for

    def connection_made(self, transport: asyncio.WriteTransport) -> None:  # type: ignore[override]
        """Keep the way out."""
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend the place for what it says: a new one each time would cost more than the answer."""
        return self._part

    def buffer_updated(self, nbytes: int) -> None:
        """Hand on what it says; one that says what is no message is killed."""
        try:
            for head, body in self._incoming.feed(self._part[:nbytes]):
                self._heard(head, body)
        except (ValueError, RecursionError):
            self.kill()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that it is gone."""
        self.is_gone, self._ending = True, time.monotonic()
        self._reap()

    def _reap(self) -> None:
        """Wait for its exit code, a moment behind the end of its socket; kill what does not go."""
        code = self.exit_code
        if code is None:
            if time.monotonic() > self._ending + _ENDING_SECONDS:
                self.kill()
            asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._reap)
            return
        if not self.ready.done():
            self.ready.set_exception(_died(code))
            self.ready.exception()  # heard, also where nobody waits
        self._on_end()

    def _heard(self, head: wire.Message, body: bytes) -> None:
        if self._is_killed:
            return
        if self.ready.done():
            self._on_answer(head, body)
        elif "ready" in head:
            self.ready.set_result(head["ready"])
        else:
            kind = UsageError if head.get("usage") else TflconvError
            self.ready.set_exception(kind(str(head.get("failed")), hint=head.get("hint")))


def _died(code: int) -> TflconvError:
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    return TflconvError(
        f"a worker ended {how} while it opened the models.",
        hint="A file may be damaged, or made to do so; tflconv inspect shows what is in it.",
    )
