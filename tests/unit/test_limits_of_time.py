"""The limit of CPU time begins where Linux counts from, however far that is from the time used."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits hold on Linux")

_LOADED = """
import resource, time
from tflconv.core import limits

def judged():
    return time.clock_gettime(~0 << 3)

def used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime

tick = 1 / {ticks}
ends = time.monotonic() + 12
while judged() - used() < 2.1 and time.monotonic() < ends:
    following = (int(time.monotonic() / tick) + 1) * tick
    time.sleep(max(0, following - time.monotonic() - 0.0002))
    while time.monotonic() < following + 0.00015:
        pass  # at work while the tick is counted, and hardly ever else
skew, begun = judged() - used(), used()
limits.keep()
with limits.limited(seconds=1):
    while used() < begun + 0.3:
        pass
print(skew)
"""
"""A process that is told to have worked for seconds, and has not."""


def test_a_process_that_is_charged_for_more_than_it_used_is_not_ended() -> None:
    """As after a training beside others: the kernel counts who runs at its ticks."""
    run = subprocess.run(
        [sys.executable, "-c", _LOADED.format(ticks=250)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    if float(run.stdout) < 2.1:
        pytest.skip("this kernel counts what was really used")


def test_the_limit_is_that_many_seconds_from_now() -> None:
    script = (
        "import resource, time\nfrom tflconv.core import limits\nlimits.keep()\n"
        "with limits.limited(seconds=7):\n"
        "    print(resource.getrlimit(resource.RLIMIT_CPU)[0] - time.clock_gettime(~0 << 3))\n"
    )
    left = float(subprocess.check_output([sys.executable, "-c", script], text=True))
    assert 7 < left <= 8
