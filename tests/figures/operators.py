"""Operators of files, each in a file of its own: typical sizes of every kind."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from tflconv import conversion, recipe
from tflconv.conversion import Calibration
from tflconv.errors import TflconvError
from tflconv.inspection import delegation, work
from tflconv.network.keras.opened import open_once
from tflconv.tflite import editing, packing, reading
from tflconv.tflite.contents import Operator, Subgraph

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

import layout_graphs
import product_graphs
import stand_in_graphs
from product_graphs import Transposed

PRODUCTS = (
    "CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV",
)  # fmt: skip
SIZES = {True: 14, False: 5}
"""How many sizes of a kind are taken, of products and of others."""


RARE = (*stand_in_graphs.NAMES, "EQUAL", "GELU", "MAXIMUM", "SQRT", "TANH")
"""Operators of other people's files that no network of ``networks.py`` has, or not in float."""

SHAPES = ((1, 8, 8, 16), (1, 12, 12, 40), (1, 24, 24, 24))
WINDOWS = (3, 5)
"""Depthwise windows that fill a kernel."""

TRANSPOSED = (*map(Transposed.drawn, range(16)), *(
    Transposed(side=side, channels=16, made=8, window=2, stride=3, same=True) for side in (6, 12)
))  # fmt: skip
"""Transposed convolutions; XNNPACK leaves those that skip pixels to a built-in kernel."""

FEW = range(1, 8)
"""Float columns that XNNPACK multiplies two at a time."""


def rare_operators(folder: Path) -> Iterator[Path]:
    """Write files of operators of which networks have few to ``folder``, in float and in int8."""
    folder.mkdir(exist_ok=True)
    for shape in SHAPES:
        graphs = {name: stand_in_graphs.alone(name, shape) for name in RARE}
        graphs |= {f"WINDOW {n}": stand_in_graphs.depthwise(n, shape) for n in WINDOWS}
        graphs["JOINED"] = stand_in_graphs.joined(shape)
        for name, content in graphs.items():
            path = folder / f"{name} {shape[1]}.tflite"
            path.write_bytes(content)
            yield path
            drawn = np.random.default_rng(0).normal(size=(8, *shape[1:])).astype(np.float32)
            samples = Calibration.of_values("noise", stand_in_graphs.samples(name, drawn))
            lowered = conversion.prepare(open_once(path))
            try:
                content = lowered.make(recipe.get("static_wi8_ai8"), samples)
            except TflconvError:
                continue  # it has no int8 form
            path = path.with_stem(f"{path.stem} int8")
            path.write_bytes(content)
            yield path


def rare_products(folder: Path) -> Iterator[Path]:
    """Write files of products that fill no tile to ``folder``."""
    folder.mkdir(exist_ok=True)
    files = {
        f"TRANSPOSED {each} {kind}": each.content(kind)
        for each in TRANSPOSED
        for kind in product_graphs.KINDS
    }
    for made in FEW:
        for side, depth, window in ((9, 16, 3), (16, 32, 1)):
            content = product_graphs.convolved((1, side, side, depth), made, window)
            files[f"NARROW {made} of {window}"] = content
        for rows in (1, 48):
            files[f"DENSE {made} of {rows}"] = product_graphs.dense(rows, 64, made)
    for name, content in files.items():
        path = folder / f"{name}.tflite"
        path.write_bytes(content)
        yield path


def layouts(folder: Path) -> None:
    """Write files of operators over pictures whose channels come first or last to ``folder``."""
    folder.mkdir(exist_ok=True)
    for name, content in layout_graphs.samples().items():
        (folder / f"{name}.tflite").write_bytes(content)


def operators_alone(files: Iterable[Path], folder: Path) -> None:
    """Write typical operators of ``files`` to ``folder``, each as a model of its own."""
    folder.mkdir(exist_ok=True)
    kinds: dict[tuple[str, ...], dict[str, tuple[int, Path, int]]] = {}
    for path in files:
        model = reading.read(path)
        delegated = delegation.predict(model).delegated
        for operator in model.main.operators:
            if not operator.inputs or operator.name in ("RESHAPE", "SQUEEZE"):
                continue
            kind = (*_kind(model.main, operator), str(operator.index in delegated))
            entry = (_size(model.main, operator), path, operator.index)
            kinds.setdefault(kind, {}).setdefault(_described(model.main, operator), entry)
    for kind, found in kinds.items():
        for size, path, index in _spread(sorted(found.values()), SIZES[kind[0] in PRODUCTS]):
            content = alone(path.read_bytes(), index)
            name = hashlib.sha256(content).hexdigest()[:8]
            (folder / f"{kind[0]} {size} {name}.tflite").write_bytes(content)


def alone(content: bytes, index: int) -> bytes:
    """The model that is one operator of another."""
    model = packing.unpack(content)
    graph = model.subgraphs[0]
    operator = graph.operators[index]
    fed = [
        int(i)
        for i in operator.inputs
        if i >= 0 and not editing.has_values(model, graph.tensors[int(i)])
    ]
    graph.operators, graph.inputs = [operator], list(dict.fromkeys(fed))
    graph.outputs = list(map(int, operator.outputs))
    model.signatureDefs = model.metadata = model.metadataBuffer = None
    editing.drop_unused_tensors(model)
    return packing.pack(model)


def _kind(graph: Subgraph, operator: Operator) -> tuple[str, str, str]:
    """Operators of one kind differ in size only."""
    tensors, target = graph.input_tensors(operator), graph.output_tensors(operator)[0]
    if operator.name == "CONV_2D":
        form = "point" if tensors[1].shape[1:3] == (1, 1) else "window"
    else:
        form = "row" if target.shape and target.elements == target.shape[-1] else "rows"
    if not work.macs(graph, operator):
        return operator.name, target.dtype, form
    kind = work.kind(graph, operator)
    form += " narrow" if "narrow" in work.product_form(graph, operator, kind) else ""
    return operator.name, kind, form


def _size(graph: Subgraph, operator: Operator) -> int:
    tensors = (*graph.input_tensors(operator), *graph.output_tensors(operator))
    return work.macs(graph, operator) or sum(tensor.elements for tensor in tensors)


def _described(graph: Subgraph, operator: Operator) -> str:
    tensors = (*graph.input_tensors(operator), *graph.output_tensors(operator))
    options = sorted((key, str(value)) for key, value in operator.options.items())
    return str(([(t.shape, t.dtype, t.constant) for t in tensors], options, operator.activation))


def _spread(entries: list[tuple[int, Path, int]], count: int) -> list[tuple[int, Path, int]]:
    """At most ``count`` of ``entries``, from the smallest to the largest."""
    if len(entries) <= count:
        return entries
    return [entries[round(i * (len(entries) - 1) / (count - 1))] for i in range(count)]
