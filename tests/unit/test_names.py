"""One name means one thing: no two classes of the package are called alike."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import tflconv

PACKAGE = Path(tflconv.__file__).parent


def test_no_two_public_classes_have_one_name() -> None:
    homes = defaultdict[str, list[str]](list)
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(file.relative_to(PACKAGE).as_posix())
    assert len(homes) > 400
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}
