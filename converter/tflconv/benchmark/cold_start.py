"""Measure start-up with and without XNNPACK's weight cache, each start in a process of its own.

XNNPACK brings weights into the order of its kernels when a model is opened. With a cache it writes
them to a file once, and later processes map that file: they pack nothing, and pages of the file are
loaded when they are used and can be dropped by the system. Resident memory counts mapped pages,
too.
"""

from __future__ import annotations

from tflconv.benchmark.protocol import HarnessOutput
from tflconv.benchmark.session import Session
from tflconv.results import ColdStart, Start

STARTS = 5
"""Starts of each kind; they take turns."""


def measure(session: Session) -> ColdStart:
    """Return the starts of ``session`` without a cache, with the one it writes, and that write.

    Raises:
        DeviceError: The device was lost, or the runtime crashed.
        TflconvError: The model cannot run, or the cache cannot be written.
    """
    with session.harness.device.temporary_file() as cache:
        writing = session.start(weight_cache=cache)
        pairs = [(session.start(), session.start(weight_cache=cache)) for _ in range(STARTS)]
    return ColdStart(
        without=tuple(_start(plain) for plain, _ in pairs),
        cached=tuple(_start(mapped) for _, mapped in pairs),
        writing=_start(writing),
    )


def _start(output: HarnessOutput) -> Start:
    return Start(
        init_ns=output.init.init_ns,
        first_inference_ns=output.init.first_inference_ns,
        after_init_bytes=output.memory.after_init_bytes,
        peak_bytes=output.memory.peak_bytes,
    )
