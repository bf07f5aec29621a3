"""Show litert-quantizer operators that it does not know in the guise of ones with the same rules.

Which ranges an operator needs is all that is asked of it, and a LEAKY_RELU asks for what a GELU
does: one range for what comes in, one for what goes out. So its code becomes that of a GELU while
the model is quantized, and comes back after it; everything else of the operator stays as it is.
"""

from __future__ import annotations

import copy
from types import MappingProxyType

from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import editing

_IN_16_BITS = {
    "ABS": "GELU",  # a range of its own
    "EXP": "GELU",
    "LEAKY_RELU": "GELU",
    "LOG": "GELU",
    "MINIMUM": "MAXIMUM",  # the range of all that it chooses from
    "REDUCE_MAX": "REDUCE_MIN",  # the range of its input
}
_IN_8_BITS = _IN_16_BITS | {
    "ELU": "GELU",
    "GREATER": "EQUAL",  # a range for each side
    "GREATER_EQUAL": "EQUAL",
    "L2_NORMALIZATION": "TANH",  # from -1 to 1
    "LESS": "EQUAL",
    "LESS_EQUAL": "EQUAL",
    "PRELU": "MUL",  # a range of its own, and one for the constants
    "RELU_0_TO_1": "RELU",
    "RELU6": "RELU",
    "RELU_N1_TO_1": "GELU",
}
STAND_INS = MappingProxyType({8: _IN_8_BITS, 16: _IN_16_BITS})
"""Who stands in for whom, by the bits of activations for which TFLite has kernels of the latter."""

Codes = dict[int, fb.OperatorCodeT]
"""What codes of operators were, by their place in the model."""


def disguise(model: fb.ModelT, bits: int) -> Codes:
    """Give operators that have a stand-in the code of that.

    Args:
        model: A float model.
        bits: Of the activations that it gets, 8 or 16.

    Returns:
        What ``reveal`` takes.
    """
    codes: Codes = {}
    for place, code in enumerate(model.operatorCodes):
        stand_in = STAND_INS[bits].get(editing.code_name(code))
        if stand_in is not None:
            codes[place] = copy.copy(code)
            editing.set_builtin(code, getattr(fb.BuiltinOperator, stand_in))
            code.version = 1
    return codes


def reveal(model: fb.ModelT, codes: Codes) -> None:
    """Give operators the codes back that ``disguise`` took from them.

    Args:
        model: The model after it was quantized, which has more codes at the end.
        codes: What ``disguise`` returned.
    """
    for place, code in codes.items():
        model.operatorCodes[place] = code
