"""The stubs tell mypy about packages without types: what they name must be there."""

from __future__ import annotations

from pathlib import Path

import pytest

from stub_names import STUBS, missing, module_name

LIGHT = [path for top in ("ai_edge_litert", "flatbuffers") for path in (STUBS / top).glob("*.pyi")]


@pytest.mark.parametrize("stub", LIGHT, ids=module_name)
def test_what_a_stub_names_is_in_the_real_module(stub: Path) -> None:
    assert missing(stub, module_name(stub)) == []


def test_a_name_that_is_not_there_is_found(tmp_path: Path) -> None:
    stub = tmp_path / "schema_py_generated.pyi"
    stub.write_text(
        "class TensorT:\n    shape: list[int]\n    form: int\ndef Reshape() -> int: ...\n"
    )
    found = missing(stub, "ai_edge_litert.schema_py_generated")
    assert found == ["Reshape", "TensorT.form"]


def test_stubs_are_not_shipped() -> None:
    assert "stubs" not in (STUBS.parent / "setup.cfg").read_text()
