"""No command takes 500 MB more for a file below 10 MB than for a sound one, and all end well."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes import bombs_by_command as sweeping

HEADER = ("command", "files", "MB for a sound one", "most beyond, MB", "for which")


@pytest.mark.timeout(0)
def test_commands_take_little_memory_for_small_files(
    tmp_path: Path,
    count: Callable[[int], int],
    tell: Callable[[str, str], None],
    table: Callable[[str, list[tuple[str, ...]]], None],
) -> None:
    pairs = [(kind, words) for kind, each in sweeping.COMMANDS.items() for words in each]
    chosen = pairs[:: math.ceil(len(pairs) / count(len(pairs)))]
    folder, rows, files = sweeping.prepared(tmp_path), [HEADER], 0
    for kind, words in chosen:
        swept = sweeping.sweep(kind, words, folder)
        files += swept.bombs
        beyond = f"{max(0, swept.most - swept.idle):.0f}"
        named = " ".join(word for word in words if word not in sweeping.QUICK)
        rows.append((named, str(swept.bombs), f"{swept.idle:.0f}", beyond, swept.bomb))
    table("Memory of commands for small files that ask for much", rows)
    tell(
        f"{files} runs of {len(chosen)} commands with files of at most 10 MB",
        f"none takes {sweeping.LIMIT} MB more than with a sound file; no traceback",
    )
