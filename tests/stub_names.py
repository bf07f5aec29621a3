"""What the stubs in ``stubs/`` name, held against the modules that they describe."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

STUBS = Path(__file__).parents[1] / "stubs"


def module_name(stub: Path) -> str:
    return ".".join(stub.relative_to(STUBS).with_suffix("").parts).removesuffix(".__init__")


def described_by(name: str) -> object:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:  # tensorflow.nn is no file, but an attribute
        package, _, rest = name.partition(".")
        return attrgetter(rest)(importlib.import_module(package))


def members(body: list[ast.stmt]) -> Iterator[str]:
    for statement in body:
        if isinstance(statement, ast.FunctionDef):
            yield statement.name
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id


def classes(body: list[ast.stmt]) -> list[ast.ClassDef]:
    found = (statement for statement in body if isinstance(statement, ast.ClassDef))
    return [described for described in found if not is_typed_dict(described)]


def is_typed_dict(described: ast.ClassDef) -> bool:
    return "TypedDict" in [ast.unparse(base) for base in described.bases]


def is_public(name: str) -> bool:
    """Whether the module must have ``name``: those with an underscore are the stub's own."""
    return not name.startswith("_")


def missing(stub: Path, name: str) -> list[str]:
    """Names in ``stub`` that the module called ``name`` does not have."""
    body, module = ast.parse(stub.read_text()).body, described_by(name)
    absent = [name for name in members(body) if is_public(name) and not hasattr(module, name)]
    for described in classes(body):
        if is_public(described.name):
            real = getattr(module, described.name)
            known = {*dir(real), *(dir(real()) if described.name.endswith("T") else ())}
            absent += [f"{described.name}.{m}" for m in members(described.body) if m not in known]
    return absent
