"""Imports run one way, and what must start at once imports no TensorFlow."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tflconv

ROOT = Path(tflconv.__file__).parent

TIERS: list[set[str]] = [
    {"_version", "errors", "quiet"},
    {"diagnosis", "files", "keras", "resources", "tflite_metadata"},
    {"artifact", "normalization", "recipe", "stats", "store", "workers"},
    {"model_card", "results"},
    {"data", "device", "graph", "interpreter", "models"},
    {"source"},
    {"benchmark", "comparison", "compression", "conversion", "training", "verification"},
    {"plan", "report", "retraining", "search"},
    {"lane"},
    {"study"},
    {"api"},
    {"cli"},
]
"""From the ground up: a module imports only from tiers below its own, or inside its own package."""

LIGHT = [
    ["--help"],
    ["bench", "--help"],
    ["datasets"],
    ["devices"],
    ["doctor"],
    ["inspect", "--help"],
    ["models", "-l"],
    ["recipes"],
    ["report", "--help"],
]


def part_of(module: str) -> str:
    """Top-level part of ``tflconv`` that ``module`` belongs to."""
    return module.split(".")[1] if "." in module else "__init__"


def tier_of(part: str) -> int:
    return next(tier for tier, parts in enumerate(TIERS) if part in parts)


def modules() -> list[Path]:
    return sorted(p for p in ROOT.rglob("*.py") if p.parent != ROOT or p.name[:2] != "__")


def imports(file: Path) -> set[str]:
    """Parts of tflconv that ``file`` imports, also those imported inside functions."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{file}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {part_of(name) for name in found if name.startswith("tflconv.")}


@pytest.mark.parametrize("file", modules(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_run_one_way(file: Path) -> None:
    own = file.relative_to(ROOT).parts[0].removesuffix(".py")
    upward = {part for part in imports(file) - {own} if tier_of(part) >= tier_of(own)}
    assert not upward, f"{file.relative_to(ROOT)} ({own}) imports {sorted(upward)}"


def test_tensorflow_is_imported_in_one_place() -> None:
    importers = [
        file.relative_to(ROOT).as_posix()
        for file in ROOT.rglob("*.py")
        if any(
            line.strip().startswith(("import tensorflow ", "import tf_keras", "from tensorflow "))
            for line in file.read_text().splitlines()
        )
    ]
    assert importers == ["keras.py"]


@pytest.mark.parametrize("arguments", LIGHT, ids=" ".join)
def test_light_commands_import_no_tensorflow(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "from tflconv.cli import main\n"
        "try:\n main(sys.argv[1:])\n"
        "except SystemExit as end:\n code = end.code\n"
        "heavy = {'tensorflow', 'tf_keras', 'keras', 'tensorflow_model_optimization'}\n"
        "print(sorted(heavy & set(sys.modules)), code, file=sys.stderr)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60
    )
    assert run.stderr.splitlines()[-1] == "[] 0", run.stderr


def test_importing_tflconv_imports_nothing_heavy() -> None:
    program = "import sys, tflconv; print('numpy' in sys.modules, 'tensorflow' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout
    assert out.split() == ["False", "False"]
