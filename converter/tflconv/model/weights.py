"""Look at the weights in an HDF5 file before anything is made of them: what, how many, where."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflconv.core import bounded
from tflconv.core.bounded import max_member_bytes, too_large
from tflconv.core.limits import READING_SECONDS, limited
from tflconv.core.typing import Nested
from tflconv.errors import TflconvError

if TYPE_CHECKING:
    import h5py

_SAVE = "Save them by layer: model.save_weights('only.h5') of Keras 2, or take the whole model."
_WITHOUT_WEIGHTS = 1 << 20
"""Elements that the variables of a model may have beyond its file, such as states of generators."""


def count_elements(file: h5py.File, source: str) -> int:
    """Return the number of elements of all arrays in an HDF5 file, without reading any.

    Args:
        file: The open file.
        source: Its name, for errors.

    Raises:
        TflconvError: It points to other files or places, holds objects, or unpacks to too much.
    """
    elements = packed = 0
    for data in _arrays(file, source):
        if data.external or data.is_virtual:
            raise _refused(source, data.name, "lies in another file")
        if data.dtype.hasobject or data.dtype.kind not in "biufV":
            raise _refused(source, data.name, "holds objects, not numbers")
        elements += data.size
        packed += max(0, data.nbytes - data.id.get_storage_size())
    if packed > max_member_bytes():
        raise too_large(f"{source}: the content of the weights", max_member_bytes())
    return elements


@contextmanager
def by_layer(path: Path) -> Iterator[dict[str, list[h5py.Dataset]]]:
    """Yield the weights in an HDF5 file as Keras writes them by layer, in their order, unread.

    Args:
        path: A file of weights (``model.save_weights("only.h5")``, ``keras.applications``), or of
            a whole model in that format.

    Raises:
        TflconvError: It is another file, it is damaged, or it points to other files.
    """
    import h5py

    with bounded.explained(path, "the weights"), limited(path, seconds=READING_SECONDS):
        if not path.is_file() or not h5py.is_hdf5(path):
            raise TflconvError(f"{path} is not an .h5 file of weights.", hint=_SAVE)
        with h5py.File(path, "r") as file:
            count_elements(file, str(path))
            root = file.get("model_weights", file)
            if not _words(root, "layer_names"):
                raise TflconvError(f"{path} names no layers of Keras.", hint=_SAVE)
            yield {name: _arrays_of(root[name]) for name in _words(root, "layer_names")}


def _arrays_of(layer: h5py.Group) -> list[h5py.Dataset]:
    import h5py

    arrays = [layer[name] for name in _words(layer, "weight_names")]
    if not all(isinstance(each, h5py.Dataset) for each in arrays):
        raise ValueError("a weight is not an array")
    return arrays


def _words(group: h5py.Group, key: str) -> list[str]:
    """The names in an attribute, which Keras cuts into ``key0``, ``key1``, ... where it is long."""
    parts = [key] if key in group.attrs else sorted(_parts(group, key), key=len)
    words = [word for part in parts for word in group.attrs[part]]
    return [word.decode() if isinstance(word, bytes) else str(word) for word in words]


def _parts(group: h5py.Group, key: str) -> list[str]:
    return sorted(name for name in group.attrs if re.fullmatch(f"{key}[0-9]{{1,4}}", name))


@contextmanager
def limited_variables(source: str, elements: int) -> Iterator[None]:
    """Let a model that is built within the block have no more variables than its file fills.

    A file of 10 kB can declare a layer of 10 GB, which would be made before its weights are missed.

    Args:
        source: Name of the file, for errors.
        elements: The number of elements in its weights.

    Raises:
        TflconvError: The model needs more.
    """
    from tflconv.core.tensorflow import tf

    left, missing = elements + _WITHOUT_WEIGHTS, False

    def take(count: int) -> None:
        nonlocal left, missing
        left -= count
        if left < 0:
            missing = True
            raise MemoryError("the file declares more than it holds")

    def create(next_creator: Callable[..., object], **arguments: object) -> object:
        take(_size(arguments))
        return next_creator(**arguments)

    try:
        with tf.variable_creator_scope(create), _counted_by_keras3(take):
            yield
    except Exception as error:
        if not missing:
            raise
        raise TflconvError(
            f"{source} declares layers with more parameters than the {elements} that it holds.",
            hint="Is the file whole? Save the whole model again: model.save('model.keras').",
        ) from error


@contextmanager
def _counted_by_keras3(take: Callable[[int], None]) -> Iterator[None]:
    """Count the variables of Keras 3, which tells TensorFlow no shapes before their values."""
    from tflconv.core.tensorflow import keras3

    if "keras" not in sys.modules:
        yield
        return
    kind = keras3().Variable
    initialize = kind._initialize_with_initializer

    def counted(variable: Any, initializer: object) -> None:
        take(math.prod(variable._shape))
        initialize(variable, initializer)

    kind._initialize_with_initializer = counted
    try:
        yield
    finally:
        kind._initialize_with_initializer = initialize


def _size(arguments: Mapping[str, object]) -> int:
    shape = arguments.get("shape")
    if shape is None:
        shape = getattr(arguments.get("initial_value"), "shape", ())
    return math.prod(int(side or 0) for side in _sides(shape))


def _sides(shape: Nested[int] | object) -> list[int]:
    as_list = getattr(shape, "as_list", None)
    sides = as_list() if callable(as_list) else shape
    return list(sides) if isinstance(sides, list | tuple) else []


def _arrays(group: h5py.Group, source: str) -> Iterator[h5py.Dataset]:
    """All arrays in a file, each once; only links within the file are followed."""
    import h5py

    waiting, seen = [group], set()
    while waiting:
        group = waiting.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise _refused(source, f"{group.name}/{name}", "is a link to somewhere else")
            part = group[name]
            place = h5py.h5o.get_info(part.id).addr
            if place in seen:
                continue
            seen.add(place)
            if isinstance(part, h5py.Group):
                waiting.append(part)
            elif isinstance(part, h5py.Dataset):
                yield part


def _refused(source: str, name: str, why: str) -> TflconvError:
    return TflconvError(
        f"{source} is not opened: the array '{name[-100:]}' {why}.",
        hint="Save the model again with Keras, which writes plain arrays only.",
    )
