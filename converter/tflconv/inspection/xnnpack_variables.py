"""Variables in the XNNPACK delegate: it takes those whose values have one type and one shape.

A handle is delegated if one of its accesses is; an access is if the handle was made before it.
"""

from __future__ import annotations

from tflconv.inspection.xnnpack_checks import described, is_float, is_q8
from tflconv.tflite.contents import Operator, Subgraph, TfliteTensor

_MISMATCH = "the variable is used with another type or shape"


def refusals(graph: Subgraph) -> dict[int, str | None]:
    """Return why XNNPACK refuses each operator of variables, or None for one that it takes."""
    reasons: dict[int, str | None] = {}
    handles: dict[int, int] = {}
    values: dict[int, TfliteTensor] = {}
    for operator in graph.operators:
        if operator.name == "VAR_HANDLE" and operator.outputs:
            handles[operator.outputs[0]] = operator.index
            reasons[operator.index] = "the values of the variable stay outside"
        elif operator.name in ("ASSIGN_VARIABLE", "READ_VARIABLE"):
            reasons[operator.index] = _access(graph, operator, handles, values)
    for handle in values:
        reasons[handles[handle]] = None
    return reasons


def _access(
    graph: Subgraph, operator: Operator, handles: dict[int, int], values: dict[int, TfliteTensor]
) -> str | None:
    reads = operator.name == "READ_VARIABLE"
    ends = operator.outputs if reads else operator.inputs[1:]
    if len(ends) != 1 or not operator.inputs or ends[0] < 0:
        return "an input is left out"
    handle, value = operator.inputs[0], graph.tensors[ends[0]]
    if not is_float(value) and not is_q8(value):
        return f"no kernel for {described(value)}"
    if (reads and not value.shape) or handle not in handles:
        return "the shape of the variable is not known"
    first = values.setdefault(handle, value)
    same = (first.dtype, first.shape) == (value.dtype, value.shape)
    return None if same else _MISMATCH
