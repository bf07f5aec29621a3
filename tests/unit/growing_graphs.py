"""A graph that grows by one random choice after the other. Not a test module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from tiny_graphs import FLOAT, HALF, INT8, INT32, UINT8, Builder

INT16 = fb.TensorType.INT16
_ACTIVATIONS = (0, 0, 0, 0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Value:
    """A tensor of the graph under construction."""

    index: int
    shape: tuple[int, ...]
    dtype: int
    scale: float | None = None


class GrowingGraph:
    """Adds tensors and operators; a graph of a seed is always the same."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.builder = Builder()
        self.inputs: list[int] = []
        self.earlier: list[Value] = []
        self.opened = self.chance(0.3)

    def chance(self, share: float) -> bool:
        """Whether something happens that does in this share of cases."""
        return bool(self.random.random() < share)

    def pick(self, *choices: Any) -> Any:
        """One of ``choices``."""
        return choices[int(self.random.integers(len(choices)))]

    def tensor(self, shape: tuple[int, ...], dtype: int, values: Any = None, **more: Any) -> Value:
        """Add a tensor with a random scale if its type needs one."""
        if dtype in (INT8, UINT8, INT16) and "scale" not in more:
            more["scale"] = float(self.pick(0.1, 0.1, 0.1, 0.02, 0.003, 1e-5))
        if self.opened and values is None and shape[:1] == (1,):
            more["signature"] = (-1, *shape[1:])
        scale = more.get("scale")
        index = self.builder.tensor(shape, dtype, values=values, **more)
        return Value(index, shape, dtype, scale if isinstance(scale, float) else None)

    def input(self, shape: tuple[int, ...], dtype: int) -> Value:
        """Add an input of the model."""
        value = self.tensor(shape, dtype)
        self.inputs.append(value.index)
        return value

    def result(
        self,
        name: str,
        sources: list[int],
        shape: tuple[int, ...],
        dtype: int,
        options: Any = None,
        **more: Any,
    ) -> Value:
        """Add an operator with one output."""
        target = self.tensor(shape, dtype, **more)
        self.builder.op(name, sources, [target.index], options)
        return target

    def like(self, name: str, sources: list[int], value: Value, options: Any = None) -> Value:
        """Add an operator whose output is as ``value``, mostly with its scale, too."""
        more = {} if value.scale is None or self.chance(0.2) else {"scale": value.scale}
        return self.result(name, sources, value.shape, value.dtype, options, **more)

    def operand(self, shape: tuple[int, ...], dtype: int) -> Value:
        """A second operand: input, constant, unpacked constant, or variable."""
        way = self.pick("input", "constant", "constant", "half", "int8", "variable")
        if way == "input":
            return self.input(shape, dtype)
        if dtype == FLOAT and way in ("half", "int8"):
            packed = self.tensor(shape, HALF if way == "half" else INT8, 1)
            return self.result("DEQUANTIZE", [packed.index], shape, FLOAT)
        if way == "variable" and dtype in (FLOAT, INT8):
            return self.variable(self.input(shape, dtype))
        return self.tensor(shape, dtype, 1)

    def variable(self, value: Value) -> Value:
        """Assign ``value`` to a variable and read it."""
        options = fb.VarHandleOptionsT()
        options.container, options.sharedName = b"", f"v{value.index}".encode()
        handle = self.builder.tensor((), fb.TensorType.RESOURCE)
        self.builder.op("VAR_HANDLE", [], [handle], options)
        self.builder.op("ASSIGN_VARIABLE", [handle, value.index], [])
        return self.like("READ_VARIABLE", [handle], value)

    def steering(self, values: list[int], dtype: int = INT32) -> int:
        """A shape or an axis: mostly constant."""
        shape = (len(values),)
        if self.chance(0.1):
            return self.input(shape, dtype).index
        return self.builder.tensor(shape, dtype, values=values)

    def fused(self, options: Any) -> Any:
        """``options`` with a random activation."""
        options.fusedActivationFunction = self.pick(*_ACTIVATIONS)
        return options
