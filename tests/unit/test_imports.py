"""Imports run one way, and what must start at once imports no TensorFlow."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

import tflconv

ROOT = Path(tflconv.__file__).parent

TIERS: list[set[str]] = [
    {"_version", "errors"},
    {"core"},
    {"models", "recipe", "results", "tflite"},
    {"model"},
    {"data", "device", "inspection", "network"},
    {"benchmark", "comparison", "conversion", "training", "verification"},
    {"compression", "history"},
    {"report", "service"},
    {"pipeline"},
    {"api"},
    {"cli"},
]
"""From the ground up: a module imports only from tiers below its own, or inside its own package."""

HEAVY = {"keras", "tensorflow", "tensorflow_model_optimization", "tf_keras"}
DOOR = "core/tensorflow.py"

WITHOUT_TENSORFLOW = ("inspection", "network", "service", "tflite")
"""Packages that never touch TensorFlow, not even inside of a function; ``network/keras`` may."""

WITH_TENSORFLOW = ("compression", "conversion", "models/layers.py", "network/keras", "training")
"""The only places that may import it together with the module; others do inside of functions."""

LIGHT = [
    ["--help"],
    ["bench", "--help"],
    ["compare", "--help"],
    ["list", "datasets"],
    ["devices"],
    ["doctor"],
    ["inspect", "--help"],
    ["list", "models"],
    ["list", "recipes"],
    ["report", "--help"],
    ["serve", "--help"],
]


def part_of(module: str) -> str:
    """Top-level part of ``tflconv`` that ``module`` belongs to."""
    return module.split(".")[1] if "." in module else "__init__"


def tier_of(part: str) -> int:
    return next(tier for tier, parts in enumerate(TIERS) if part in parts)


def modules() -> list[Path]:
    return sorted(p for p in ROOT.rglob("*.py") if p.parent != ROOT or p.name[:2] != "__")


def named_in(nodes: Iterable[ast.AST], file: Path) -> set[str]:
    """Full names of what the import statements among ``nodes`` bring in."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{file}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def all_imports(file: Path) -> set[str]:
    """What ``file`` imports, also inside of functions."""
    return named_in(ast.walk(ast.parse(file.read_text())), file)


def imports_with_the_module(file: Path) -> set[str]:
    """What ``file`` imports when it is itself imported."""
    waiting, reached = [ast.parse(file.read_text())], list[ast.AST]()
    while waiting:
        node = waiting.pop()
        reached.append(node)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not is_typing_only(
            node
        ):
            waiting += ast.iter_child_nodes(node)
    return named_in(reached, file)


def is_typing_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports(file: Path) -> set[str]:
    """Parts of tflconv that ``file`` imports, also those imported inside functions."""
    return {part_of(name) for name in all_imports(file) if name.startswith("tflconv.")}


def place(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def through_the_door(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith("tflconv.core.tensorflow")}


@pytest.mark.parametrize("file", modules(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_run_one_way(file: Path) -> None:
    own = file.relative_to(ROOT).parts[0].removesuffix(".py")
    upward = {part for part in imports(file) - {own} if tier_of(part) >= tier_of(own)}
    assert not upward, f"{file.relative_to(ROOT)} ({own}) imports {sorted(upward)}"


def test_no_modules_import_one_another() -> None:
    """Not even for types: who reads one of them would have to read all of a circle."""
    names = {name_of(file): all_imports(file) for file in modules()}
    needs = {
        name: {owner_of(each, names) for each in wanted if each.startswith("tflconv.")} - {name}
        for name, wanted in names.items()
    }
    while free := {name for name, needed in needs.items() if not needed & needs.keys()}:
        needs = {name: needed for name, needed in needs.items() if name not in free}
    while above := needs.keys() - set().union(*needs.values()):
        needs = {name: needed for name, needed in needs.items() if name not in above}
    assert not needs, f"in circles: {sorted(needs)}"


def name_of(file: Path) -> str:
    """The full name of a module."""
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def owner_of(name: str, known: Iterable[str]) -> str:
    """The module that a full name is of: itself, or the one that it is a part of."""
    return name if name in known else name.rpartition(".")[0]


def test_the_tiers_are_the_folders() -> None:
    parts = {file.relative_to(ROOT).parts[0].removesuffix(".py") for file in modules()}
    assert set().union(*TIERS) == parts


def test_at_most_eight_files_stand_at_the_root() -> None:
    assert len([file for file in ROOT.glob("*.py") if not file.name.startswith("__")]) <= 8


def test_tensorflow_is_imported_in_one_place() -> None:
    importers = {
        place(file)
        for file in modules()
        if {name.split(".")[0] for name in all_imports(file)} & HEAVY
    }
    assert importers == {DOOR}


def test_downloads_have_one_door() -> None:
    """Whatever can reach a server is in one file; ``urllib.parse`` only takes addresses apart."""
    reaching = ("urllib.request", "urllib3", "requests", "http.client", "socket", "ssl", "ftplib")
    importers = {
        place(file)
        for file in modules()
        if any(name.startswith(reaching) for name in all_imports(file))
    }
    listening = {name for name in importers if name.startswith("service/")}
    assert importers - listening == {"core/downloads.py"}
    for name in listening:  # which only takes connections, and talks to its own processes
        text = (ROOT / name).read_text()
        assert not {each for each in reaching if f"import {each}" in text} - {"socket"}, name
        assert ".connect(" not in text, name


def test_light_packages_never_touch_tensorflow() -> None:
    for file in modules():
        if not place(file).startswith(WITHOUT_TENSORFLOW) or "network/keras" in place(file):
            continue
        names = all_imports(file)
        assert not through_the_door(names), place(file)
        assert not {name for name in names if name.startswith("tflconv.network.keras")}, place(file)


def test_only_heavy_packages_import_tensorflow_with_themselves() -> None:
    heavy = {
        place(file)
        for file in modules()
        if through_the_door(imports_with_the_module(file)) and place(file) != DOOR
    }
    assert all(name.startswith(WITH_TENSORFLOW) for name in heavy), heavy


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
