"""The golden contract of a model file: what an app must answer to a few pictures, bit by bit.

``NAME.golden.zip`` holds the pictures as files, the exact bytes that each becomes as the model's
input, the outputs that are expected with their tolerance, the labels and the preprocessing as JSON,
and a page of Kotlin that checks an app against all of it. An app team needs nothing else.

Equal contents give equal bytes: members are dated 1980 and not compressed.
"""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tflconv.core import bounded, inputs, resources
from tflconv.core.files import replacing_file, sha256_bytes
from tflconv.core.structuring import Structure, faults
from tflconv.core.text import clean_json, clean_name, to_json
from tflconv.errors import TflconvError, require
from tflconv.model import one_score
from tflconv.model.interpreter import TensorDetails
from tflconv.model.normalization import Normalization
from tflconv.model.pictures import Resize, View

SUFFIX = ".golden.zip"
CONTRACT = "golden.json"
KOTLIN = "GoldenCheck.kt"
VERSION = 1

MOST_SAMPLES = 1000
_MOST_VALUES = 1 << 26
_TYPES = ("float32", "int8", "uint8", "int16")
_MEMBER = re.compile(r"(pictures|inputs)/[0-9]{1,4}\.[a-z0-9]{1,5}")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_HINT = "Write it again: tflconv convert MODEL --golden 8."


@dataclass(frozen=True, kw_only=True)
class GoldenTensor:
    """The input or the output of the model.

    Attributes:
        shape: Its sides, with batch.
        dtype: NumPy's name of the type that it stores.
        scale: Step of its integers; None if it is not quantized.
        zero_point: The integer that stands for 0.
    """

    shape: tuple[int, ...]
    dtype: str
    scale: float | None = None
    zero_point: int = 0

    def __post_init__(self) -> None:
        sides = all(side > 0 for side in self.shape) and math.prod(self.shape) <= _MOST_VALUES
        step = self.scale is None or (math.isfinite(self.scale) and self.scale > 0)
        require(
            "golden",
            self,
            shape=(sides and len(self.shape) >= 2 and self.shape[0] == 1, "sides of one sample"),
            dtype=(self.dtype in _TYPES, ", ".join(_TYPES)),
            scale=(step, "above 0"),
            zero_point=(abs(self.zero_point) < 1 << 15, "of 16 bits"),
        )

    @property
    def details(self) -> TensorDetails:
        """The same, as an interpreter has it."""
        return TensorDetails(
            index=0,
            name="",
            shape=self.shape,
            dtype=self.dtype,
            scale=self.scale,
            zero_point=self.zero_point,
        )

    @property
    def bytes(self) -> int:
        """Bytes of one sample."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, kw_only=True)
class GoldenPreprocessing:
    """How a picture file becomes the input.

    Attributes:
        height: Of the input, in pixels.
        width: Of the input, in pixels.
        channels: 1 for grey, 3 for colour.
        resize: ``crop``, ``pad`` or ``stretch``.
        channel_order: ``rgb`` or ``bgr``.
        mean: Taken off each pixel (0..255), per channel or one for all.
        std: By which it is then divided.
        steps: The same in words.
    """

    height: int
    width: int
    channels: int
    resize: Resize
    channel_order: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    steps: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _ = self.view, self.normalization  # which refuse what is none

    @property
    def view(self) -> View:
        """The form that pictures are brought to."""
        size = (self.height, self.width)
        return View(size=size, channels=self.channels, resize=self.resize)

    @property
    def normalization(self) -> Normalization:
        """How pixels become numbers."""
        return Normalization(mean=self.mean, std=self.std, channel_order=self.channel_order)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One picture, and what the model makes of it.

    Attributes:
        name: What its dataset calls it.
        picture: Its file in the zip.
        input: File in the zip of the exact input bytes.
        input_sha256: Their hash.
        expected: The outputs as real numbers.
        label: Its class, where that is known.
    """

    name: str
    picture: str
    input: str
    input_sha256: str
    expected: tuple[float, ...]
    label: str | None = None

    def __post_init__(self) -> None:
        named = all(_MEMBER.fullmatch(name) for name in (self.picture, self.input))
        require(
            "golden",
            self,
            picture=(named, "pictures/0.png, and inputs/0.bin beside it"),
            expected=(all(map(math.isfinite, self.expected)), "finite numbers"),
        )


@dataclass(frozen=True, kw_only=True)
class Contract:
    """What ``golden.json`` says.

    Attributes:
        version: Of this form.
        model: Name of the model file.
        model_sha256: Its hash.
        input: Its input.
        output: Its output.
        preprocessing: How a picture becomes the input.
        labels: Names of the outputs.
        outputs: ``probabilities`` or ``logits``; None where that is not known.
        tolerance: Largest difference of an output that another processor explains.
        samples: The pictures.
    """

    version: int
    model: str
    model_sha256: str
    input: GoldenTensor
    output: GoldenTensor
    preprocessing: GoldenPreprocessing
    tolerance: float
    samples: tuple[Sample, ...]
    labels: tuple[str, ...] = ()
    outputs: str | None = None

    def __post_init__(self) -> None:
        count = math.prod(self.output.shape)
        fitting = all(len(sample.expected) == count for sample in self.samples)
        require(
            "golden",
            self,
            version=(self.version == VERSION, f"{VERSION}; a newer tflconv reads others"),
            tolerance=(math.isfinite(self.tolerance) and self.tolerance >= 0, "0 or more"),
            samples=(0 < len(self.samples) <= MOST_SAMPLES and fitting, "1 to 1000, as outputs"),
            labels=(not self.labels or one_score.names_fit(self.labels, count), "one per output"),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Golden:
    """A golden contract with its files.

    Attributes:
        contract: What it says.
        files: Content of pictures and inputs by their names in the zip.
        path: The zip that it was read from.
    """

    contract: Contract
    files: Mapping[str, bytes] = field(repr=False)
    path: Path | None = None

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return "the golden pictures" if self.path is None else self.path.name

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the pictures in the zip."""
        return tuple(sample.picture for sample in self.contract.samples)

    @cached_property
    def values(self) -> NDArray[np.float32]:
        """The inputs as the real numbers that their bytes stand for, ``[n, ...]``."""
        tensor = self.contract.input
        content = [self.files[sample.input] for sample in self.contract.samples]
        stored = [np.frombuffer(each, tensor.dtype).reshape(tensor.shape[1:]) for each in content]
        return tensor.details.dequantize(np.stack(stored))

    @cached_property
    def expected(self) -> NDArray[np.float32]:
        """The expected outputs ``[n, outputs]``."""
        return np.array([sample.expected for sample in self.contract.samples], np.float32)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; numbers where the outputs have no names."""
        count = max(self.expected.shape[1], one_score.CLASSES)
        return self.contract.labels or tuple(map(str, range(count)))

    @property
    def answers(self) -> tuple[str, ...]:
        """The class that is expected for each picture."""
        scores = self.expected
        if scores.shape[1] == 1:
            probability = self.contract.outputs == "probabilities"
            scores = one_score.as_two(scores, probability=probability)
        return tuple(self.classes[index] for index in scores.argmax(axis=1))


def write(golden: Golden, target: Path) -> Path:
    """Write ``golden`` to ``target``, whole or not at all; equal contents, equal bytes."""
    contract = to_json(_STRUCTURE.to_json(golden.contract)) + "\n"
    members = {CONTRACT: contract.encode(), KOTLIN: kotlin(), **golden.files}
    with replacing_file(target) as made, zipfile.ZipFile(made, "w") as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # the same on every system
            archive.writestr(entry, content)
    return target


def read(path: Path) -> Golden:
    """Read the golden contract at ``path``.

    Raises:
        TflconvError: It is missing, damaged, too large, or no such contract.
    """
    if not path.is_file():
        raise TflconvError(f"there is no golden contract at {path}.", hint=_HINT)
    with bounded.explained(path, "the golden contract", hint=_HINT):
        inputs.require_finite(path)
        with bounded.open_zip(path) as archive:
            _check_size(archive, path)
            contract = _contract(bounded.read_text(archive, CONTRACT))
            files = {
                name: bounded.read_member(archive, name)
                for sample in contract.samples
                for name in (sample.picture, sample.input)
            }
    golden = Golden(contract=contract, files=files, path=path)
    _check_inputs(golden)
    return golden


def is_golden(path: Path) -> bool:
    """Return whether ``path`` is named like a golden contract."""
    return path.name.endswith(SUFFIX)


def kotlin() -> bytes:
    """Return the Kotlin that checks an app against a contract."""
    return resources.golden_check().read_bytes()


def _check_size(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse what unpacks to too much in all; ``zipfile`` reads no more than a member declares."""
    limit = bounded.limit_for(path.stat().st_size)
    if sum(info.file_size for info in archive.infolist()) > limit:
        raise bounded.too_large(str(path), limit)


def _contract(text: str) -> Contract:
    try:
        contract = _STRUCTURE.of(clean_json(bounded.read_json(text)), Contract)
    except ValueError as error:
        raise ValueError("; ".join(faults(error)[:3])) from error
    return replace(
        contract,
        model=clean_name(contract.model),
        labels=tuple(map(clean_name, contract.labels)),
    )


def _check_inputs(golden: Golden) -> None:
    for sample in golden.contract.samples:
        content = golden.files[sample.input]
        if len(content) != golden.contract.input.bytes:
            raise TflconvError(
                f"{golden.path}: {sample.input} has {len(content)} bytes, and the input has"
                f" {golden.contract.input.bytes}.",
                hint=_HINT,
            )
        if sha256_bytes(content) != sample.input_sha256:
            raise TflconvError(
                f"{golden.path}: {sample.input} is not what its contract hashed.", hint=_HINT
            )


_STRUCTURE = Structure()
