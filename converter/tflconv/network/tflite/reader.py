"""Read the main graph of a float ``.tflite`` file into a ``Network``.

First come the groups of operators that say one thing (``norms``, ``functions``, ``attention``),
then the others one by one (``operators``). An operator that no node describes stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tflconv.network.nodes import Network, Node, NodeOptions
from tflconv.network.tflite import attention, functions, norms, operators
from tflconv.network.tflite.graph import MainGraph, Region, unreadable
from tflconv.network.tflite.operators import Steps, batched
from tflconv.tflite.contents import TfliteModel
from tflconv.tflite.naming import common, layer_names

_FINDERS = (attention.find, norms.find, functions.find)


def read(model: TfliteModel, *, inputs: Sequence[str], outputs: Sequence[str]) -> Network:
    """Read the network of a float file.

    Args:
        model: The file.
        inputs: Names of its inputs, in their order.
        outputs: Names of its outputs, in their order.

    Raises:
        CannotRewrite: The file is quantized, has several signatures, or keeps values in variables.
    """
    _check(model)
    reader = _Reader(MainGraph(model))
    reader.read(inputs)
    made = reader.outputs
    return Network(
        name=model.path.stem,
        nodes=_needed(reader.nodes, made),
        outputs=made,
        output_names=tuple(outputs),
    )


def _check(model: TfliteModel) -> None:
    graph, name = model.main, model.path.stem
    if len(model.signatures) > 1:
        raise unreadable(name, f"it has {len(model.signatures)} signatures, and passes expect one")
    if any(tensor.dtype in ("resource", "variant") for tensor in graph.tensors):
        raise unreadable(name, "it keeps values in variables")
    if any(tensor.quantization for tensor in graph.tensors):
        raise unreadable(name, "it is quantized")
    if any(-1 in graph.tensors[index].signature[1:] for index in graph.inputs):
        raise unreadable(name, "the shape of its input is open")


class _Reader:
    def __init__(self, graph: MainGraph) -> None:
        self.graph = graph
        self.layer = layer_names(
            graph.title(tensor) for operator in graph.operators for tensor in operator.outputs
        )
        self.nodes: dict[str, Node] = {}
        self.names: dict[int, str] = {}

    def read(self, inputs: Sequence[str]) -> None:
        """Add the inputs by their names, then what computes with them."""
        graph = self.graph
        for tensor, name in zip(graph.inputs, inputs, strict=True):
            shape = batched(graph.shape(tensor))[1:]
            options: NodeOptions = {"shape": shape}
            dtype = graph.dtype(tensor)
            if "float" not in dtype:
                options["dtype"] = dtype
            node = Node(name=name, kind="input", options=options)
            self.nodes[name], self.names[tensor] = node, name
        regions = _regions(graph)
        covered = {index for region in regions.values() for index in region.operators}
        for operator in graph.operators:
            region = regions.get(operator.index)
            if region is not None:
                self._add_region(region)
            elif operator.index not in covered:
                for steps, tensor in zip(
                    operators.read(graph, operator), operator.outputs, strict=True
                ):
                    self._add(steps, tensor)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the nodes that make the outputs."""
        fixed = [tensor for tensor in self.graph.outputs if tensor not in self.names]
        if fixed:
            raise unreadable(self.graph.name, f"output {self.graph.title(fixed[0])} is constant")
        return tuple(self.names[tensor] for tensor in self.graph.outputs)

    def _add_region(self, region: Region) -> None:
        nodes, width = [region.node], len(self.graph.shape(region.output))
        if region.node.kind == "attention" and width != 3:
            shape = batched(self.graph.shape(region.output))
            nodes.append(Node(name="", kind="reshape", options={"shape": shape[1:]}))
        inside = [o for o in self.graph.operators if o.index in region.operators]
        # a projection may be called by the norm that was folded into it, a product never is
        inside = [o for o in inside if o.name == "BATCH_MATMUL"] or inside
        layers = [self.layer(self.graph.title(tensor)) for o in inside for tensor in o.outputs]
        steps = Steps(inputs=region.inputs, nodes=tuple(nodes))
        self._add(steps, region.output, common(layers) or layers[-1])

    def _add(self, steps: Steps, tensor: int, layer: str = "") -> None:
        """Add ``steps``, of which the last that computes anything has the name of its ``layer``."""
        fixed = [source for source in steps.inputs if source not in self.names]
        if fixed:
            raise unreadable(self.graph.name, f"{self.graph.title(fixed[0])} varies with nothing")
        sources = tuple(self.names[source] for source in steps.inputs)
        title = self._free(layer or self.layer(self.graph.title(tensor)))
        computing = [node for node in steps.nodes if node.kind != "reshape"] or steps.nodes
        for node in steps.nodes:
            name = title if node is computing[-1] else self._free(f"{title}/{node.kind}")
            self.nodes[name] = replace(node, name=name, inputs=sources)
            sources = (name,)
        (self.names[tensor],) = sources

    def _free(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self.nodes:
            number += 1
            name = f"{wanted}_{number}"
        return name


def _regions(graph: MainGraph) -> dict[int, Region]:
    """Regions that share no operator, by the operator that each ends with."""
    chosen, covered = dict[int, Region](), set[int]()
    for find in _FINDERS:
        for region in find(graph):
            if covered.isdisjoint(region.operators):
                chosen[graph.producers[region.output].index] = region
                covered |= region.operators
    return chosen


def _needed(nodes: dict[str, Node], outputs: Sequence[str]) -> dict[str, Node]:
    """The inputs, and those nodes that the outputs depend on."""
    needed = {name for name, node in nodes.items() if node.kind == "input"}
    waiting = list(outputs)
    while waiting:
        name = waiting.pop()
        needed.add(name)
        waiting.extend(source for source in nodes[name].inputs if source not in needed)
    return {name: node for name, node in nodes.items() if name in needed}
