"""The docs say what the code does."""

from __future__ import annotations

import configparser
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tflconv import errors, recipe
from tflconv.cli import COMMANDS, EXIT_CODES
from tflconv.compression import technique

DOCS = Path(__file__).parents[2] / "docs"
README = DOCS.parent / "README.md"
PAGES = [*sorted(DOCS.rglob("*.md")), README, README.with_name("CONTRIBUTING.md")]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_cli_reference_is_what_the_commands_say() -> None:
    """Asked in a process of its own: click remembers how a test called a command first."""
    program = "import make_cli_reference as made; print(made.reference(), end='')"
    run = subprocess.run([sys.executable, "-c", program], cwd=DOCS, capture_output=True, text=True)
    assert run.stdout == (DOCS / "cli-reference.md").read_text(encoding="utf-8"), "run: make docs"


def test_the_table_in_the_readme_is_the_recorded_run() -> None:
    written = README.read_text(encoding="utf-8")
    assert "<!-- table:" in written
    assert written == script("make_readme_table").with_tables(written), "run: make docs"


def test_the_readme_has_no_measured_number_outside_of_its_table() -> None:
    text = re.sub(
        r"<!-- (?:table|summary).*?<!-- end -->", "", README.read_text(encoding="utf-8"), flags=re.S
    )
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    assert not re.findall(r"[\d.]+\s?(?:%|ms|µs|KB|MB|×|points)", prose)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in link:
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_command_is_in_the_tour() -> None:
    tour = (DOCS / "how-it-works.md").read_text(encoding="utf-8")
    missing = [name for name in COMMANDS if f"tflconv {name}" not in tour]
    assert not missing


def test_every_recipe_is_explained() -> None:
    text = (DOCS / "recipes.md").read_text(encoding="utf-8")
    assert not [name for name in recipe.SCHEMES if f"`{name}`" not in text]
    assert not [name for name in technique.TECHNIQUES if not re.search(rf"`{name}\d*_", text)]


def test_exit_codes_in_help_are_those_of_the_errors() -> None:
    kinds = [errors.TflconvError, *errors.TflconvError.__subclasses__()]
    for code in {kind.exit_code for kind in kinds}:
        assert re.search(rf"\b{code} \w+", EXIT_CODES)


def test_every_dependency_is_explained_once() -> None:
    """Name and version as in setup.cfg, whichever of its lists they stand in."""
    setup = configparser.ConfigParser()
    setup.read(DOCS.parent / "setup.cfg", encoding="utf-8")
    lists = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    named = {line.strip() for text in lists for line in text.splitlines() if line.strip()}
    required = {line for line in named if not line.startswith("tflconv[")}
    page = (DOCS / "dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| ([^|]+) \| [^|]+ \| [^|]+ \|$", page, flags=re.M)
    explained = [f"{name} {version}" for name, version in rows]
    assert sorted(explained) == sorted(required)


def test_every_long_check_has_its_row_in_the_record() -> None:
    record = (DOCS / "nightly.md").read_text(encoding="utf-8")
    files = (DOCS.parent / "tests" / "nightly").glob("test_*.py")
    checks = [
        name for file in files for name in re.findall(r"^def test_(\w+)", file.read_text(), re.M)
    ]
    assert checks
    assert not [name for name in checks if f"| {name.replace('_', ' ')}" not in record]
    assert "FAILED" not in record
