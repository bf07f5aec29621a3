"""Who makes and who reads each activation of a float file, by the names of the activations."""

from __future__ import annotations

from dataclasses import dataclass, field

from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import editing


@dataclass(frozen=True, kw_only=True)
class WiredOperator:
    """One operator of a graph.

    Attributes:
        kind: Its name, such as ``CONV_2D``.
        reads: Names of the float activations that it reads, in their order; no constants.
        makes: Names of its results.
        operator: Itself.
    """

    kind: str
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    operator: fb.OperatorT = field(compare=False, repr=False)


class Wiring:
    """The main graph of a model.

    Args:
        model: A float model; its tensors have names.

    Attributes:
        steps: Its operators in the order of execution.
        inputs: Names of its inputs.
        outputs: Names of its outputs.
    """

    def __init__(self, model: fb.ModelT) -> None:
        main, named = model.subgraphs[0], editing.float_activations(model)
        self.inputs = frozenset(editing.names(main, main.inputs))
        self.outputs = frozenset(editing.names(main, main.outputs))
        self.steps = tuple(
            WiredOperator(
                kind=editing.operator_name(model, operator),
                reads=tuple(named[int(i)] for i in operator.inputs if int(i) in named),
                makes=tuple(editing.names(main, operator.outputs)),
                operator=operator,
            )
            for operator in main.operators
        )
        self._makers = {name: step for step in self.steps for name in step.makes}
        self._readers: dict[str, list[WiredOperator]] = {}
        for step in self.steps:
            for name in dict.fromkeys(step.reads):
                self._readers.setdefault(name, []).append(step)

    def maker(self, name: str) -> WiredOperator | None:
        """Return the operator that makes ``name``; None for an input."""
        return self._makers.get(name)

    def readers(self, name: str) -> list[WiredOperator]:
        """Return the operators that read ``name``."""
        return self._readers.get(name, [])

    def only_reader(self, name: str) -> WiredOperator | None:
        """Return the operator that alone reads ``name``; None too for an output."""
        readers = self.readers(name)
        return readers[0] if len(readers) == 1 and name not in self.outputs else None
