"""Read ``.keras`` and ``.h5`` files as data, and hand Keras a clean copy of what was checked.

Keras opens the copy, which holds the configuration that the door let through and the weights that
were looked at, and nothing else: no compile configuration, no further members, no other arrays of
the archive with the same names.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tflconv.core import bounded, recognizing
from tflconv.core.jsonvalue import JsonValue
from tflconv.core.limits import READING_SECONDS, limited
from tflconv.core.private import scratch_folder
from tflconv.errors import TflconvError
from tflconv.model import weights

_CONFIG, _METADATA, _WEIGHTS, _ASSETS = (
    "config.json",
    "metadata.json",
    "model.weights.h5",
    "assets/",
)
_ATTRIBUTE = "model_config"
_MOST_ASSETS = 1000


@dataclass(frozen=True, kw_only=True)
class KerasFile:
    """What a model file says of itself.

    Attributes:
        path: The file.
        version: The version of Keras that wrote it.
        config: The description of its layers, as JSON.
    """

    path: Path
    version: str
    config: JsonValue

    @property
    def is_archive(self) -> bool:
        """Whether it is a ``.keras`` archive, and no ``.h5`` file."""
        return zipfile.is_zipfile(self.path)


@dataclass(frozen=True, kw_only=True)
class CleanCopy:
    """A file that Keras may open, and the number of elements in its weights."""

    path: Path
    elements: int


def read(path: Path) -> KerasFile:
    """Read the version and the configuration of the file at ``path``.

    Raises:
        TflconvError: The file is no Keras model, holds weights only, or is damaged.
    """
    with (
        bounded.explained(path, "the description of the model"),
        limited(path, seconds=READING_SECONDS),
    ):
        if zipfile.is_zipfile(path):
            return _of_archive(path)
        return _of_hdf5(path)


@contextmanager
def clean_copy(file: KerasFile, config: JsonValue) -> Iterator[CleanCopy]:
    """Yield a temporary copy of ``file`` that holds ``config`` and the weights only.

    Args:
        file: The file.
        config: Its configuration as the door returned it.

    Raises:
        TflconvError: Its weights are damaged, too large, or point elsewhere.
    """
    with scratch_folder() as folder:
        with (
            bounded.explained(file.path, "what holds the weights"),
            limited(file.path, seconds=READING_SECONDS),
        ):
            make = _copy_archive if file.is_archive else _copy_hdf5
            copy = make(file, config, folder)
        yield copy


def _of_archive(path: Path) -> KerasFile:
    with bounded.open_zip(path) as archive:
        if _METADATA not in archive.namelist():
            raise _refusal(f"{path} is not a Keras model", path)
        metadata = bounded.read_json(bounded.read_text(archive, _METADATA))
        config = bounded.read_json(bounded.read_text(archive, _CONFIG))
    assert isinstance(metadata, dict)
    return KerasFile(path=path, version=str(metadata["keras_version"]), config=config)


def _of_hdf5(path: Path) -> KerasFile:
    import h5py

    if not h5py.is_hdf5(path):
        raise _refusal(f"{path} is neither a .keras nor an .h5 file", path)
    with h5py.File(path, "r") as file:
        if _ATTRIBUTE not in file.attrs:
            raise TflconvError(
                f"{path} holds weights only, not a model.",
                hint="Save the whole model: model.save('model.keras').",
            )
        text = file.attrs[_ATTRIBUTE]
        if len(text) > bounded.max_text_bytes():
            raise bounded.too_large(f"{path}: {_ATTRIBUTE}", bounded.max_text_bytes())
        version = file.attrs.get("keras_version", "2")
    config = bounded.read_json(text)
    return KerasFile(path=path, version=_text(version), config=config)


def _refusal(message: str, path: Path) -> TflconvError:
    kinds = "Models come as .keras, .h5, a SavedModel folder or a float .tflite."
    with path.open("rb") as stream:
        return recognizing.refusal(message, stream, hint=kinds)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _copy_archive(file: KerasFile, config: JsonValue, folder: Path) -> CleanCopy:
    target, content = folder / "model.keras", folder / "weights"
    with bounded.open_zip(file.path) as archive, zipfile.ZipFile(target, "w") as copy:
        names = set(archive.namelist())
        if _WEIGHTS not in names:
            raise TflconvError(f"{file.path} has no {_WEIGHTS}.", hint="Is the file whole?")
        with content.open("wb") as stream:
            bounded.copy_member(archive, _WEIGHTS, stream)
        elements = _elements(content, str(file.path))
        copy.writestr(_METADATA, json.dumps({"keras_version": file.version}))
        copy.writestr(_CONFIG, json.dumps(config))
        copy.write(content, _WEIGHTS)
        for name in _assets(archive, file.path):
            copy.writestr(name, bounded.read_text(archive, name))
    content.unlink()
    return CleanCopy(path=target, elements=elements)


def _assets(archive: zipfile.ZipFile, path: Path) -> list[str]:
    """Names of the texts that layers keep, such as their words; all together have one limit."""
    names = sorted({name for name in archive.namelist() if name.startswith(_ASSETS)})[:_MOST_ASSETS]
    limit = bounded.limit_for(path.stat().st_size)
    if sum(archive.getinfo(name).file_size for name in names) > limit:
        raise bounded.too_large(f"{path}: {_ASSETS}", limit)
    return names


def _copy_hdf5(file: KerasFile, config: JsonValue, folder: Path) -> CleanCopy:
    import h5py

    target = folder / "model.h5"
    shutil.copyfile(file.path, target)
    elements = _elements(target, str(file.path))
    with h5py.File(target, "r+") as copy:
        copy.attrs[_ATTRIBUTE] = json.dumps(config)
    return CleanCopy(path=target, elements=elements)


def _elements(path: Path, source: str) -> int:
    import h5py

    with h5py.File(path, "r") as file:
        return weights.count_elements(file, source)
