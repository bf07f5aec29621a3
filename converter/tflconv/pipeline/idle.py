"""Options that would change nothing beside what else a request says; they are refused.

``meaning`` does the same for what recipes use. A row of a table names options, when nothing uses
them, and why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflconv.compression.technique import technique_of
from tflconv.errors import UsageError
from tflconv.model.card import ModelCard

if TYPE_CHECKING:  # what measures is not imported to verify
    from tflconv.pipeline.comparing import ComparisonRequest
    from tflconv.pipeline.requests import BenchRequest, CompressionRequest, TrainingRequest
    from tflconv.pipeline.verification_request import VerificationRequest

_SPELLED = {"devices": "device", "adb_servers": "adb-server"}
"""Options that are not called as the field of the request."""


@dataclass(frozen=True, kw_only=True)
class _Row:
    """Options that have no use where ``when`` is true.

    Attributes:
        options: Names of fields of the request, or of its ``config``.
        when: Whether nothing uses them.
        why: The same in words.
        hint: What to do.
    """

    options: Sequence[str]
    when: Callable[[Any], bool]
    why: str
    hint: str = field(default="Leave it out.")


_PICTURES = ("pictures", "normalize", "resize", "labels")
_PHONE = ("adb", "adb_servers", "runtime")


def bench(request: BenchRequest) -> None:
    """Raise ``UsageError`` for an option of a measurement without a use."""
    _check(request, [_without_pictures(), _without_phones()])


def comparison(request: ComparisonRequest, *, measured: bool) -> None:
    """Raise ``UsageError`` for an option of a comparison without a use.

    Args:
        request: What is compared.
        measured: Whether files are measured now; else results are read.
    """
    settings = request.settings
    if settings.inconclusive != "pass" and not settings.limits:
        raise UsageError(
            f"--inconclusive {settings.inconclusive} would change nothing: there are no limits"
            " that could be open.",
            hint="Name limits: --fail-on latency:5%.",
        )
    extends = _Row(
        options=("max_blocks",),
        when=lambda _: settings.inconclusive != "extend",
        why="the measurement is not extended",
        hint="Add --inconclusive extend and a limit, or leave it out.",
    )
    config = [each.name for each in fields(request.config)]
    reads = _Row(
        options=("devices", "dataset", *_PICTURES, *_PHONE, *config),
        when=lambda _: not measured,
        why="results are compared, and nothing is measured",
        hint="Name two .tflite files, which are measured now; or leave it out.",
    )
    _check(request, [reads, extends, _without_pictures(), _without_phones()])


def verification(request: VerificationRequest) -> None:
    """Raise ``UsageError`` for an option of a verification without a use."""
    is_tflite = request.reference is not None and request.reference.suffix == ".tflite"
    _check(
        request,
        [
            _Row(
                options=("custom_objects", "signature"),
                when=lambda _: is_tflite,
                why=f"{request.reference} is a .tflite file, which has nothing of that kind",
            )
        ],
    )


def compression(request: CompressionRequest, card: ModelCard | None) -> None:
    """Raise ``UsageError`` for an option of a compression without a use.

    Args:
        request: What is asked for.
        card: The card in the file of the model.
    """
    learns = any(
        technique_of(step).needs_pictures(request.config_of(step)) for step in request.steps
    )
    is_named = bool(request.labels or (card is not None and card.labels))
    _check(
        request,
        [
            _Row(
                options=("dataset",),
                when=lambda _: is_named and not learns,
                why=f"{request.recipe} learns from no pictures, and the outputs have names",
            )
        ],
    )


def training(request: TrainingRequest) -> None:
    """Raise ``UsageError`` for an option of a training without a use."""
    teacher = None if request.teacher is None else Path(request.teacher).suffix
    _check(
        request,
        [
            _Row(
                options=("custom_objects",),
                when=lambda each: each.teacher is None and each.weights is None,
                why="no model file is opened",
                hint="Name one: --teacher FILE or --weights FILE.",
            ),
            _Row(
                options=("teacher_normalize",),
                when=lambda _: teacher == ".npy",
                why="the teacher is a file of logits, which were computed before",
            ),
        ],
    )


def _without_pictures() -> _Row:
    return _Row(
        options=_PICTURES,
        when=lambda request: (
            request.dataset is None and getattr(request, "reference", None) is None
        ),
        why="there are no test pictures",
        hint="Name them: --dataset DATASET.",
    )


def _without_phones() -> _Row:
    return _Row(
        options=_PHONE,
        when=lambda request: not any(name.startswith("adb") for name in request.devices),
        why="no phone is among the devices",
        hint="Name one with -s SERIAL, or leave it out.",
    )


def _check(request: Any, rows: Sequence[_Row]) -> None:
    said = {**_said(request), **_said(getattr(request, "config", None))}
    for row in rows:
        idle = [name for name in said if name in row.options]
        if idle and row.when(request):
            flags = ", ".join(f"--{_SPELLED.get(name, name).replace('_', '-')}" for name in idle)
            raise UsageError(f"{flags} would change nothing: {row.why}.", hint=row.hint)


def _said(values: Any) -> Mapping[str, object]:
    """Return what is not as by default."""
    if values is None:
        return {}
    return {
        each.name: value
        for each in fields(values)
        if not _is_usual(value := getattr(values, each.name), each)
    }


def _is_usual(value: object, field: Any) -> bool:
    usual = field.default if field.default is not MISSING else field.default_factory
    return value is usual or (usual is not None and bool(value == usual))  # arrays stand for None
