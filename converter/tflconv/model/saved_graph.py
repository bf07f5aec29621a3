"""Look through a SavedModel before anything of it is loaded: its graph is a program.

``tf.saved_model.load`` and a call of a signature run what the file says, and TensorFlow has
operations that write files, read them and call Python. So ``saved_model.pb`` is parsed alone, and
each operation in each function must be on the list of those that only compute. Functions that save
and restore the variables hold a few more; they may be called by TensorFlow's own saver only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tflconv.errors import TflconvError
from tflconv.model.graph_ops import PURE, SAVING

FILE = "saved_model.pb"
_OTHER_FORMS = ("saved_model.cpb", "saved_model.pbtxt")
"""Forms of the same content that TensorFlow reads as well, and that are not looked through."""


def check(folder: Path) -> None:
    """Check that the SavedModel in ``folder`` does nothing but to compute.

    Raises:
        TflconvError: It has other operations, is damaged or of TensorFlow 1, or no SavedModel.
    """
    for graph in _graphs(folder):
        _check_graph(folder, graph)


def _graphs(folder: Path) -> list[Any]:
    from tflconv.core.tensorflow import meta_graphs

    path = folder / FILE
    if not path.is_file() or any((folder / name).exists() for name in _OTHER_FORMS):
        raise TflconvError(
            f"{folder} is not a SavedModel with one {FILE}.",
            hint="Save the model with model.export(folder).",
        )
    for part in folder.rglob("*"):
        if not part.is_file() and not part.is_dir():  # a pipe would be waited for without end
            raise TflconvError(f"{folder} is not opened: {part.name} is neither file nor folder.")
    try:
        return meta_graphs(path.read_bytes())
    except Exception as error:  # protobuf's errors have a class of their own
        raise TflconvError(f"{path} is damaged: it is not a graph of TensorFlow.") from error


def _check_graph(folder: Path, graph: Any) -> None:
    if not graph.HasField("object_graph_def"):
        raise TflconvError(
            f"{folder} was written by TensorFlow 1, whose graphs are not opened.",
            hint="Save the model with TensorFlow 2: tf.saved_model.save or model.export. Or make a"
            " float .tflite: tf.compat.v1.lite.TFLiteConverter.from_saved_model(DIR).convert().",
        )
    functions = {function.signature.name: function for function in graph.graph_def.library.function}
    saver = {graph.saver_def.save_tensor_name.partition(":")[0], graph.saver_def.restore_op_name}
    calls = [node for node in graph.graph_def.node if node.name in saver]
    saving = _called(calls)
    others = [node for node in graph.graph_def.node if node.name not in saver]
    others += [node for name, f in functions.items() if name not in saving for node in f.node_def]
    inner = [node for name in saving & set(functions) for node in functions[name].node_def]
    _check_operations(folder, [*calls, *others], PURE)
    _check_operations(folder, inner, PURE | SAVING)
    if again := saving & (_called([*others, *inner]) | _offered(graph.object_graph_def)):
        raise _refused(folder, f"calls '{min(again)}', which writes files")


def _offered(objects: Any) -> set[str]:
    """Names of the functions that the loaded object would have as its own."""
    names = set(objects.concrete_functions)
    for node in objects.nodes:
        names |= {node.bare_concrete_function.concrete_function_name}
        names |= set(node.function.concrete_functions)
    return names


def _check_operations(folder: Path, nodes: Iterable[Any], allowed: frozenset[str]) -> None:
    for node in nodes:
        if node.op not in allowed:
            raise _refused(folder, f"holds the operation {node.op[:100]} ('{node.name[:100]}')")


def _called(nodes: Iterable[Any]) -> set[str]:
    """Names of the functions that ``nodes`` call."""
    return {name for node in nodes for value in node.attr.values() for name in _functions(value)}


def _functions(value: Any) -> Iterator[str]:
    kind = value.WhichOneof("value")
    called = [value.func] if kind == "func" else value.list.func if kind == "list" else []
    for function in called:
        yield function.name
        for inner in function.attr.values():
            yield from _functions(inner)


def _refused(folder: Path, why: str) -> TflconvError:
    return TflconvError(
        f"{folder} is not opened: its graph {why}, which does more than to compute.",
        hint="Models become .tflite files of pure arithmetic: export the model without it.",
    )
