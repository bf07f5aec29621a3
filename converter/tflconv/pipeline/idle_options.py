"""Which options of a measurement, comparison, verification or compression would change nothing."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from tflconv.compression.technique import technique_of
from tflconv.errors import UsageError
from tflconv.model.card import ModelCard
from tflconv.pipeline.idle import IdleOptions, refuse

if TYPE_CHECKING:  # what measures is not imported to verify
    from tflconv.pipeline.comparison_request import ComparisonRequest
    from tflconv.pipeline.requests import BenchRequest, CompressionRequest
    from tflconv.pipeline.verification_request import VerificationRequest

_PICTURES = ("pictures", "normalize", "resize", "labels")
_PHONE = ("adb", "adb_servers", "runtime")


def bench(request: BenchRequest) -> None:
    """Raise ``UsageError`` for an option of a measurement without a use."""
    refuse(request, [_without_pictures(), _without_phones()])


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
    extends = IdleOptions(
        options=("max_blocks",),
        when=lambda _: settings.inconclusive != "extend",
        why="the measurement is not extended",
        hint="Add --inconclusive extend and a limit, or leave it out.",
    )
    config = [each.name for each in fields(request.config)]
    reads = IdleOptions(
        options=("devices", "dataset", *_PICTURES, *_PHONE, *config),
        when=lambda _: not measured,
        why="results are compared, and nothing is measured",
        hint="Name two .tflite files, which are measured now; or leave it out.",
    )
    refuse(request, [reads, extends, _without_pictures(), _without_phones()])


def verification(request: VerificationRequest) -> None:
    """Raise ``UsageError`` for an option of a verification without a use."""
    is_tflite = request.reference is not None and request.reference.suffix == ".tflite"
    refuse(
        request,
        [
            IdleOptions(
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
    refuse(
        request,
        [
            IdleOptions(
                options=("dataset",),
                when=lambda _: is_named and not learns,
                why=f"{request.recipe} learns from no pictures, and the outputs have names",
            )
        ],
    )


def _without_pictures() -> IdleOptions:
    return IdleOptions(
        options=_PICTURES,
        when=lambda request: (
            request.dataset is None and getattr(request, "reference", None) is None
        ),
        why="there are no test pictures",
        hint="Name them: --dataset DATASET.",
    )


def _without_phones() -> IdleOptions:
    return IdleOptions(
        options=_PHONE,
        when=lambda request: not any(name.startswith("adb") for name in request.devices),
        why="no phone is among the devices",
        hint="Name one with -s SERIAL, or leave it out.",
    )
