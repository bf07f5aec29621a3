"""Open the files in a list as anyone would, without tflconv, and mark those that do harm.

``python open_without_door.py LIST``: a line of LIST is a file, a tab, and the mark that the file is
to make. Each is opened in a process of its own, which may take 3 GB beyond what TensorFlow needs.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import numpy as np
from attacks import SECRET, STOLEN

from tflconv.core.tensorflow import keras2, keras3, tf


def _open(path: Path, mark: Path) -> None:
    """Open and call a model, and touch ``mark`` if it holds the content of another file."""
    if path.is_dir():
        _register(mark)
        tf.saved_model.load(str(path)).signatures["serving_default"](tf.zeros((1, 8, 8, 1)))
        return
    library = keras3() if path.parent.name.startswith("3") else keras2
    model = library.models.load_model(path, compile=False)
    words = [layer.get_vocabulary() for layer in model.layers if hasattr(layer, "get_vocabulary")]
    weights = [value for value in model.get_weights() if getattr(value, "dtype", None) == "float32"]
    if any(STOLEN in found for found in words) or any((w == SECRET).any() for w in weights):
        mark.touch()
    model(tf.zeros((1, *model.inputs[0].shape[1:])))


@tf.function
def _use(mark: Path) -> object:
    """Functions of the program's own, as of who reads its data by them: pyfunc_0 and pyfunc_1."""

    def touch() -> np.float32:
        mark.touch()
        return np.float32(1)

    return tf.numpy_function(touch, [], tf.float32), tf.py_function(touch, [], tf.float32)


def _register(mark: Path) -> None:
    _use.get_concrete_function(mark)


def _in_a_child(path: Path, mark: Path) -> None:
    child = os.fork()
    if child == 0:
        os.chdir(path.parent)
        os.environ["MARK"] = str(mark)
        sys.path.insert(0, str(path.parent))
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (3 << 30), used + (3 << 30)))
        try:
            _open(path, mark)
        except BaseException as error:
            if "memory" in str(error).lower() or "OOM" in str(error):
                mark.touch()
            print(path, repr(error)[:300], file=sys.stderr)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        mark.touch()


if __name__ == "__main__":
    keras3()
    for line in Path(sys.argv[1]).read_text().splitlines():
        _in_a_child(*map(Path, line.split("\t")))
