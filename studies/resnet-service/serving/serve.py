"""Runs the service with a runtime: ``serve.py KIND MODEL.tflite SOURCE PORT WORKERS``."""

from __future__ import annotations

import sys
from pathlib import Path

from tflconv.service import ServiceConfig, process, served_models, server


def main() -> None:
    """Serve until SIGTERM."""
    kind, model, source, port, workers = sys.argv[1:]
    backends = str(Path(__file__).with_name("backends.py"))
    command = process.COMMAND if kind == "litert" else (sys.executable, backends, kind, source)
    config = ServiceConfig(port=int(port), workers=int(workers), watch=0, timeout=30)
    server.run(
        served_models([Path(model)]), config, command=command,
        announce=lambda address, _: print(address, flush=True),
    )  # fmt: skip


if __name__ == "__main__":
    main()
