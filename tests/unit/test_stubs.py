"""The stubs in ``stubs/`` tell mypy about packages without types: what they name must be there."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

STUBS = Path(__file__).parents[2] / "stubs"


def module_name(stub: Path) -> str:
    return ".".join(stub.relative_to(STUBS).with_suffix("").parts).removesuffix(".__init__")


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
    """Names with an underscore are the stub's own, as in typeshed."""
    return not name.startswith("_")


def missing(stub: Path, module: ModuleType) -> list[str]:
    body = ast.parse(stub.read_text()).body
    absent = [name for name in members(body) if is_public(name) and not hasattr(module, name)]
    for described in classes(body):
        if is_public(described.name):
            real = getattr(module, described.name)
            known = {*dir(real), *(dir(real()) if described.name.endswith("T") else ())}
            absent += [f"{described.name}.{m}" for m in members(described.body) if m not in known]
    return absent


@pytest.mark.parametrize("stub", sorted(STUBS.rglob("*.pyi")), ids=module_name)
def test_what_a_stub_names_is_in_the_real_module(stub: Path) -> None:
    assert missing(stub, importlib.import_module(module_name(stub))) == []


def test_a_name_that_is_not_there_is_found(tmp_path: Path) -> None:
    stub = tmp_path / "schema_py_generated.pyi"
    stub.write_text(
        "class TensorT:\n    shape: list[int]\n    form: int\ndef Reshape() -> int: ...\n"
    )
    module = importlib.import_module("ai_edge_litert.schema_py_generated")
    assert missing(stub, module) == ["Reshape", "TensorT.form"]
