"""The docs say what the code does."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from tflconv import errors, recipe
from tflconv.cli import COMMANDS, EXIT_CODES

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), DOCS.parent / "README.md", DOCS.parent / "CONTRIBUTING.md"]


def test_the_cli_reference_is_what_the_commands_say() -> None:
    spec = importlib.util.spec_from_file_location("reference", DOCS / "make_cli_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (DOCS / "cli-reference.md").read_text(encoding="utf-8")
    assert written == module.reference(), "run: make docs"


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
    assert not [name for name in recipe.BUILT_IN if f"`{name}`" not in text]


def test_exit_codes_in_help_are_those_of_the_errors() -> None:
    kinds = [errors.TflconvError, *errors.TflconvError.__subclasses__()]
    for code in {kind.exit_code for kind in kinds}:
        assert re.search(rf"\b{code} \w+", EXIT_CODES)
