"""Names and codes of the TFLite schema.

The schema is public (``tensorflow/compiler/mlir/lite/schema/schema.fbs``) and its Python classes
come with ai-edge-litert, so TensorFlow is not needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ai_edge_litert import schema_py_generated as fb

IDENTIFIER = b"TFL3"
"""Bytes 4 to 8 of every ``.tflite`` file."""


def _names(table: type) -> dict[int, str]:
    return {value: name for name, value in vars(table).items() if name.isupper()}


OPERATORS = _names(fb.BuiltinOperator)
"""Name of each builtin operator by its code: ``CONV_2D``."""

TENSOR_TYPES = {code: name.lower() for code, name in _names(fb.TensorType).items()}
"""Name of each type of values by its code: ``float32``."""

ACTIVATIONS = {
    code: name for code, name in _names(fb.ActivationFunctionType).items() if name != "NONE"
}
"""Name of each activation that can be fused, by its code: ``RELU6``."""

OPTIONS = {
    code: name for name, code in vars(fb.BuiltinOptions).items() if isinstance(code, int) and code
}
"""Name of each table of options by its code: ``Conv2DOptions``."""

BITS = {
    "float32": 32, "float16": 16, "bfloat16": 16, "float64": 64, "int2": 2, "int4": 4, "int8": 8,
    "uint4": 4, "uint8": 8, "int16": 16, "uint16": 16, "int32": 32, "uint32": 32, "int64": 64,
    "uint64": 64, "bool": 8, "complex64": 64, "complex128": 128,
}  # fmt: skip
"""Bits per element by the type's name."""

CUSTOM = fb.BuiltinOperator.CUSTOM
"""Code of operators that are no part of the schema."""


def builtin_code(code: int, deprecated: int) -> int:
    """Return the code of an operator, which old files store in the deprecated field only."""
    return max(code, deprecated)


def operator_name(builtin: int, custom: bytes | None) -> str:
    """Return the name of an operator by its codes: ``CONV_2D``, or ``FlexErf`` of a custom one.

    Example:
        >>> operator_name(3, None)
        'CONV_2D'
    """
    if builtin == CUSTOM:
        return text(custom) or OPERATORS[builtin]
    return named(OPERATORS, builtin, "operator")


def named(names: Mapping[int, str], code: int, what: str) -> str:
    """Return a name of the schema.

    Raises:
        ValueError: There is none; newer schemas may have it.
    """
    if code not in names:
        raise ValueError(f"it has an {what} of code {code}, which only newer tools may know")
    return names[code]


def signed_names(ends: Sequence[int], signature: Iterable[tuple[int, str]]) -> list[str]:
    """Return what a signature calls the inputs or outputs of a graph.

    Args:
        ends: Indices of their tensors; one may be there twice, and has as many names then.
        signature: Index and name of each tensor that it names.

    Returns:
        Their names; an empty one for what the signature leaves out.

    Example:
        >>> signed_names([4, 7, 4], [(4, "left"), (4, "right")])
        ['left', '', 'right']
    """
    left: dict[int, list[str]] = {}
    for index, name in signature:
        left.setdefault(index, []).append(name)
    names = (left.get(index, [""]) for index in ends)
    return [each.pop(0) if len(each) > 1 else each[0] for each in names]


def text(value: bytes | None) -> str:
    """Return a string in the file; empty for one that is left out."""
    return "" if value is None else value.decode("utf-8", errors="replace")
