"""Names of tensors that lead to the layers of a model, as short as they can be."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile

from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import schema


def layer_names(titles: Iterable[str]) -> Callable[[str], str]:
    """Return what turns the name of a tensor into that of its layer.

    TensorFlow joins the names of all that an operator does, ``model/conv/Relu;model/conv/Conv2D``.

    Args:
        titles: Names of all tensors that operators make. What all begin with is left out.

    Example:
        >>> layer_names(["model/conv/Relu;model/conv/Conv2D", "model/Add"])("model/conv/Relu")
        'conv'
    """
    firsts = {title.split(";")[0].partition("/")[0] for title in titles if "/" in title}
    common = f"{firsts.pop()}/" if len(firsts) == 1 else ""

    def layer(title: str) -> str:
        path = title.split(";")[0].removeprefix(common)
        return path.rpartition("/")[0] or path

    return layer


def common(names: Sequence[str]) -> str:
    """Return the scope that all ``names`` are in, or that one of them is.

    Example:
        >>> common(["block/look/key", "block/look/value", "block/look"])
        'block/look'
    """
    parts = [name.split("/") for name in names]
    shared = takewhile(lambda each: len(set(each)) == 1, zip(*parts, strict=False))
    return "/".join(each[0] for each in shared)


def scope(place: int) -> str:
    """Return the scope that the node at ``place`` computes in, by which ``name`` knows it."""
    return f"tflconv{place}"


_SCOPE = re.compile(r"(?:^|/)tflconv(\d+)(?:_\d+)?/")


def name(model: fb.ModelT, layers: Sequence[str], ends: Sequence[str]) -> None:
    """Name what operators of a lowered ``model`` make by the layers that they belong to.

    A constant is called by its number, for a network with many heads has thousands of them.

    Args:
        model: A model that was traced with a scope for each node.
        layers: What is to be said of the node at each place.
        ends: The same of each output.
    """
    main, names = model.subgraphs[0], Names(model)
    known = dict(zip(map(int, main.outputs), ends, strict=True))
    for graph in model.subgraphs:
        made = {int(index) for operator in graph.operators for index in operator.outputs}
        for index, tensor in enumerate(graph.tensors):
            scope = _SCOPE.search(schema.text(tensor.name))
            layer = known.get(index) if graph is main else None
            if scope and int(scope[1]) < len(layers):  # a layer may have such a name, too
                layer = layers[int(scope[1])]
            wanted = layer if index in made else str(index)
            if wanted is not None and index not in graph.inputs:
                tensor.name = names.free(wanted).encode()


class Names:
    """The names of the tensors of a model; one that is wanted again gets a number."""

    def __init__(self, model: fb.ModelT) -> None:
        self._taken = {schema.text(t.name) for graph in model.subgraphs for t in graph.tensors}
        self._counts = Counter[str]()

    def free(self, wanted: str) -> str:
        """Return ``wanted``, with a number where it is taken."""
        name = wanted
        while name in self._taken:
            self._counts[wanted] += 1
            name = f"{wanted}_{self._counts[wanted] + 1}"
        self._taken.add(name)
        return name
