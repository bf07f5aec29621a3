"""What keeps LiteRT's CPU runtime from running a file, as far as the file itself tells it.

Custom operators are no part of LiteRT: whoever wrote the file must bring their code. Compilers for
NPUs leave one that stands for what they compiled, and TensorFlow's own operators (Flex) need
TensorFlow. Text cannot be made of random numbers, so a model that reads it cannot be measured.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from tflconv.core.versions import versions
from tflconv.errors import TflconvError
from tflconv.inspection import delegation
from tflconv.tflite import kernels, outline
from tflconv.tflite.contents import Operator, Subgraph, TfliteModel, TfliteTensor
from tflconv.tflite.steps import COMPARISONS

_HELD = {
    "AudioSpectrogram", "Mfcc", "NumericVerify", "TFLite_Detection_PostProcess",
    "aeq.hadamard_rotation",
}  # fmt: skip
"""Custom operators that LiteRT's CPU runtime has kernels of."""

_COMPILED_FOR = {
    "edgetpu-custom-op": "a Coral Edge TPU",
    "ethos-u": "an Arm Ethos-U",
    "DISPATCH_OP": "a vendor's NPU",
}
_NO_NUMBERS = {
    "string": "text (a string)",
    "resource": "a resource of TensorFlow",
    "variant": "a list of tensors (a variant)",
}
_SCHEMA, _LITERT = 3, "ai-edge-litert"
_FLOATS, _LISTED = ("float16", "float32", "float64"), 3
_LOWEST, _HIGHEST = -(2**15), 2**16 - 1


def obstacles(model: TfliteModel) -> list[str]:
    """Return why LiteRT's CPU runtime cannot run a model, one clause each: "it needs ...".

    Args:
        model: The model as read.

    Returns:
        Nothing if nothing in the file speaks against it.
    """
    return [
        *_missing(model.subgraphs),
        *_too_new(model),
        *_no_numbers(model.main),
        *_odd_ends(model),
        *_even(model),
    ]


def check(model: TfliteModel) -> None:
    """Raise ``TflconvError`` for a model that cannot be measured on LiteRT's CPU runtime."""
    if reasons := obstacles(model):
        raise TflconvError(
            f"{model.path} cannot run: {'; '.join(reasons)}.",
            hint="Use the file before it was compiled for another chip, or convert the model with"
            " built-in operators, and with inputs and outputs that are numbers and have names of"
            " their own.",
        )
    for tensor in _boundary(model.main):
        if odd := _odd_quantization(tensor):
            raise TflconvError(
                f"{model.path}: '{tensor.name}' is quantized with {odd}, which stands for no"
                " numbers.",
                hint="Convert the model again.",
            )


def open_sides(model: TfliteModel) -> list[str]:
    """Return which inputs leave sides open besides the batch, and with which all figures are.

    Args:
        model: The model as read.

    Returns:
        A clause for each such input.
    """
    tensors = [model.main.tensors[index] for index in dict.fromkeys(model.main.inputs)]
    return [
        f"the figures are those of an input '{tensor.name}' of shape {list(tensor.shape)}: the file"
        f" leaves sides open, {list(tensor.signature)}"
        for tensor in tensors
        if -1 in tensor.signature[1:]
    ]


def broken_weights(model: TfliteModel) -> list[str]:
    """Return which weights are no numbers, one clause for all.

    Args:
        model: The model as read.

    Returns:
        Nothing where all are numbers; infinite ones may be meant, as in a mask.
    """
    names = {
        tensor.name: None
        for graph in model.subgraphs
        for tensor in graph.tensors
        if tensor.dtype in _FLOATS and not tensor.sparse and _has_nan(tensor)
    }
    if not names:
        return []
    some = ", ".join(f"'{name}'" for name in list(names)[:_LISTED])
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return [f"there is NaN among the weights {some}{more}: its training or conversion went wrong"]


def _has_nan(tensor: TfliteTensor) -> bool:
    width = np.dtype(tensor.dtype).itemsize
    whole = tensor.data[: len(tensor.data) // width * width]
    return bool(np.isnan(np.frombuffer(whole, np.dtype(tensor.dtype).newbyteorder("<"))).any())


def _missing(graphs: Sequence[Subgraph]) -> Iterator[str]:
    """Custom operators that neither LiteRT nor XNNPACK has kernels of."""
    counts = Counter(
        operator.name
        for graph in graphs
        if any(operator.custom for operator in graph.operators)
        for operator in _outside_xnnpack(graph)
        if operator.custom and operator.name not in _HELD
    )
    if counts:
        needed = " and ".join(_described(name, count) for name, count in counts.items())
        yield f"it needs {needed}, which LiteRT's CPU runtime lacks"


def _outside_xnnpack(graph: Subgraph) -> list[Operator]:
    delegated = delegation.of_graph(graph).delegated
    return [operator for operator in graph.operators if operator.index not in delegated]


def _described(name: str, count: int) -> str:
    times = f" ({count} times)" if count > 1 else ""
    if name.startswith("Flex"):
        return f"TensorFlow's operator {name.removeprefix('Flex')}{times} (Flex)"
    chip = f", compiled for {_COMPILED_FOR[name]}" if name in _COMPILED_FOR else ""
    return f"the custom operator {name}{times}{chip}"


def _too_new(model: TfliteModel) -> Iterator[str]:
    """Versions of the schema and of operators that LiteRT does not know."""
    if model.version != _SCHEMA:
        yield f"its schema is of version {model.version}, and LiteRT reads {_SCHEMA}"
    used = {(o.name, o.version) for g in model.subgraphs for o in g.operators if not o.custom}
    for name, version in sorted(used):
        if not kernels.known(name, version):
            newest = kernels.newest(name, version)
            knows = f"up to {newest}" if newest else "none"
            yield (
                f"it needs version {version} of {name}, of which LiteRT"
                f" {versions(_LITERT)[_LITERT]} knows {knows}"
            )


def _no_numbers(graph: Subgraph) -> Iterator[str]:
    for role, indices in (("input", graph.inputs), ("output", graph.outputs)):
        for position, tensor in enumerate(graph.tensors[index] for index in indices):
            if what := _NO_NUMBERS.get(tensor.dtype):
                name = f"'{tensor.name}'" if tensor.name else str(position)
                yield f"its {role} {name} is {what}, not numbers"


def _even(model: TfliteModel) -> Iterator[str]:
    """Comparisons of integers whose kernels end the process: they know no step of just 1."""
    for graph in model.subgraphs:
        for operator in graph.operators:
            if operator.name in COMPARISONS:
                operands = [graph.tensors[i].quantization for i in operator.inputs if i >= 0]
                if any(each is not None and 1 in each.scales for each in operands):
                    outputs = " and ".join(f"'{graph.tensors[i].name}'" for i in operator.outputs)
                    what = f"{operator.name} {outputs}"
                    yield f"{what} compares integers in steps of 1, which ends LiteRT"


def _odd_ends(model: TfliteModel) -> Iterator[str]:
    """Ends that LiteRT has no buffers for; those of one name end its process."""
    graph, ends = model.main, outline.of(model)
    if not graph.outputs:
        yield "it has no outputs"
    for index in dict.fromkeys(graph.inputs):
        if 0 in graph.tensors[index].shape:
            name, shape = graph.tensors[index].name, list(graph.tensors[index].shape)
            yield f"its input '{name}' of shape {shape} has no values"
    for role, names, indices in (
        ("inputs", ends.inputs, graph.inputs),
        ("outputs", ends.outputs, graph.outputs),
    ):
        meant = dict[str, set[int]]()
        for name, index in zip(names, indices, strict=True):
            meant.setdefault(name, set()).add(index)
        for name, tensors in meant.items():
            if len(tensors) > 1:
                yield f"{len(tensors)} of its {role} have the name '{name}'"


def _boundary(graph: Subgraph) -> list[TfliteTensor]:
    return [graph.tensors[index] for index in dict.fromkeys((*graph.inputs, *graph.outputs))]


def _odd_quantization(tensor: TfliteTensor) -> str | None:
    quantization = tensor.quantization
    if quantization is None or quantization.channelwise:
        return None
    (scale,) = quantization.scales
    if not (math.isfinite(scale) and scale > 0):
        return f"a scale of {scale:g}"
    odd = [zero for zero in quantization.zero_points if not _LOWEST <= zero <= _HIGHEST]
    return f"a zero point of {odd[0]}" if odd else None
