"""``python -m tflconv`` and the program ``tflconv``: the command line as the whole of a process."""

from __future__ import annotations

import os
import signal


def run() -> None:
    """Run the command line; Ctrl-C ends the process as documented, from the first line on."""
    signal.signal(signal.SIGINT, _end)
    from tflconv.cli import main

    main()


def _end(_number: int, _frame: object) -> None:
    """End at once: before ``main`` handles interrupts, there is nothing to clean up."""
    os.write(2, b"Interrupted.\n")
    os._exit(130)


if __name__ == "__main__":
    run()
