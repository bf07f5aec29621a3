"""SavedModels that do harm when TensorFlow loads or calls them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tflconv.core.tensorflow import tf


def _graph(path: Path, harm: Callable[[Any], Any], **parts: Any) -> None:
    """Save a model that does ``harm`` when it is called."""
    module = tf.Module()
    for name, part in parts.items():
        setattr(module, name, part)

    @tf.function(input_signature=[tf.TensorSpec([None, 8, 8, 1], name="picture")])
    def serve(picture: Any) -> dict[str, Any]:
        with tf.control_dependencies([harm(picture)]):
            return {"scores": tf.reduce_mean(picture, axis=(1, 2))}

    module.serve = serve
    tf.saved_model.save(module, str(path), signatures={"serving_default": serve})


def _writing(mark: Path) -> Any:
    return tf.raw_ops.WriteFile(filename=str(mark), contents="x")


def _plain(path: Path, mark: Path) -> None:
    _graph(path, lambda _: _writing(mark))


def _nested(path: Path, mark: Path) -> None:
    inner = tf.function(lambda: [_writing(mark), tf.constant(1.0)][1])
    middle = tf.function(lambda: inner() + 1.0)
    _graph(path, lambda _: middle())


def _branch(path: Path, mark: Path) -> None:
    def write() -> Any:
        with tf.control_dependencies([_writing(mark)]):
            return tf.constant(1.0)

    _graph(path, lambda picture: tf.cond(tf.size(picture) > 0, write, lambda: tf.constant(0.0)))


def _loop(path: Path, mark: Path) -> None:
    def body(step: Any) -> list[Any]:
        with tf.control_dependencies([_writing(mark)]):
            return [step + 1]

    _graph(path, lambda _: tf.while_loop(lambda step: step < 1, body, [0])[0])


def _printed(path: Path, mark: Path) -> None:
    _graph(path, lambda _: tf.print("x", output_stream=f"file://{mark}"))


def _saver(path: Path, mark: Path) -> None:
    def save(picture: Any) -> Any:
        return tf.raw_ops.Save(filename=str(mark), tensor_names=["a"], data=[tf.constant(1.0)])

    _graph(path, save)


def _checkpoint(path: Path, mark: Path) -> None:
    def save(picture: Any) -> Any:
        saved = tf.raw_ops.SaveV2(
            prefix=str(mark.with_name("part")),
            tensor_names=["a"],
            shape_and_slices=[""],
            tensors=[tf.constant(1.0)],
        )
        with tf.control_dependencies([saved]):
            return _writing(mark)

    _graph(path, save)


def _at_load(path: Path, mark: Path) -> None:
    from tensorflow.python.trackable.resource import CapturableResource

    class Harm(CapturableResource):  # type: ignore[misc]
        def _create_resource(self) -> Any:
            return tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=[], shared_name="harm")

        def _initialize(self) -> Any:
            return _writing(mark)

    resource = Harm()

    def use(picture: Any) -> Any:
        return tf.identity(resource.resource_handle)

    mark.unlink(missing_ok=True)
    _graph(path, use, resource=resource)
    mark.unlink(missing_ok=True)


def _python(path: Path, mark: Path) -> None:
    """Call a Python function of whoever opens it; ``open_without_door`` has one, as many have."""
    _graph(path, lambda _: tf.raw_ops.PyFunc(input=[], token="pyfunc_0", Tout=[tf.float32])[0])


def _eager_python(path: Path, mark: Path) -> None:
    _graph(
        path,
        lambda _: tf.raw_ops.EagerPyFunc(
            input=[], token="pyfunc_1", Tout=[tf.float32], is_async=False
        )[0],
    )


GRAPHS: dict[str, Callable[[Path, Path], None]] = {
    "write": _plain,
    "write in a function of a function": _nested,
    "write in a branch": _branch,
    "write in a loop": _loop,
    "print into a file": _printed,
    "save into a file": _saver,
    "save a checkpoint": _checkpoint,
    "write at load": _at_load,
    "call Python": _python,
    "call Python eagerly": _eager_python,
}
