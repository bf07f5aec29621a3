"""Outputs that are one tensor: each is quantized once, and given as often as the model gives it.

litert-quantizer puts one conversion behind an output that stands in the list twice, and lets the
caller have the integers before it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import editing


@dataclass(frozen=True, kw_only=True)
class Twins:
    """Outputs of a model, some of which are one tensor.

    Attributes:
        names: Their names.
        places: The place of each among those that differ.
    """

    names: tuple[str, ...]
    places: tuple[int, ...]


def part(model: fb.ModelT) -> Twins | None:
    """Leave one of each output of ``model``; return what is needed to join them again.

    Returns:
        None, and the model is as it was, if no output stands there twice.
    """
    graph = model.subgraphs[0]
    outputs, names = [int(index) for index in graph.outputs], editing.output_names(model)
    single = list(dict.fromkeys(outputs))
    if len(single) == len(outputs):
        return None
    _give(model, single, [names[outputs.index(index)] for index in single])
    return Twins(names=tuple(names), places=tuple(single.index(index) for index in outputs))


def join(model: fb.ModelT, twins: Twins) -> None:
    """Let ``model`` give the outputs of ``twins`` again."""
    outputs = [int(index) for index in model.subgraphs[0].outputs]
    _give(model, [outputs[place] for place in twins.places], twins.names)


def _give(model: fb.ModelT, outputs: list[int], names: tuple[str, ...] | list[str]) -> None:
    graph = model.subgraphs[0]
    inputs = editing.input_names(model)
    graph.outputs = outputs
    editing.sign(model, inputs, list(names))
