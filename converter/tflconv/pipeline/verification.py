"""From two files to a verdict: does the converted model still say what its reference says?"""

from __future__ import annotations

from tflconv import data, verification
from tflconv.core import telling
from tflconv.core.progress import Callback, Progress, announce, silent
from tflconv.data import Samples
from tflconv.data.loading import named_for
from tflconv.inspection import runnable
from tflconv.model import golden
from tflconv.model.card import ModelCard, read_card
from tflconv.model.interpreter import Interpreter
from tflconv.pipeline import checking
from tflconv.pipeline.verification_request import VerificationRequest
from tflconv.tflite import reading
from tflconv.verification import Verification, metrics
from tflconv.verification.golden import verify_golden


def verify(request: VerificationRequest, *, progress: Callback = silent) -> Verification:
    """Compare the target with its reference on the test split, picture by picture.

    Warns where the reference itself seems to know nothing.

    Args:
        request: What to compare with what, on which pictures.
        progress: Is told what is being done.

    Returns:
        Accuracies, agreement and the worst disagreements.

    Raises:
        UsageError: A model does not fit the pictures, or does not say how they become its input.
    """
    checking.verification(request)
    check(request)
    announce(progress, verify=0 if data.is_own(request.dataset) else 2)
    progress(Progress(stage="verify", message=f"comparing {request.target.name}"))
    verified = _compared(request, progress)
    for doubt in verified.doubts:
        telling.warn(doubt)
    return verified


def check(request: VerificationRequest) -> None:
    """Look for what the files themselves say against comparing them, before anything runs.

    Raises:
        UsageError: The target does not say how pictures become its input.
        TflconvError: A file is damaged, or LiteRT cannot run it.
    """
    for model in (request.reference, request.target):
        if model is not None and model.suffix == ".tflite":
            runnable.check(reading.read(model))
    if request.golden is None and not data.is_own(request.dataset):
        named_for(_card(request), request.dataset)


def _compared(request: VerificationRequest, progress: Callback) -> Verification:
    if request.golden is not None:
        contract, metric = golden.read(request.golden), metrics.resolve(request.metric)
        return verify_golden(contract, request.target, log=request.app_log, metric=metric)
    if data.is_own(request.dataset):
        return _on_samples(request)
    return _on_dataset(request, progress)


def _on_dataset(request: VerificationRequest, progress: Callback) -> Verification:
    card = _card(request)
    pictures = data.load_for(card, request.dataset, seed=request.seed)
    pictures.warn()
    if request.pictures is not None:
        pictures = data.with_fewer(pictures, request.pictures, request.seed)
    assert request.reference is not None  # the request says so
    return verification.verify(
        request.reference,
        request.target,
        pictures,
        card=card,
        custom_objects=request.custom_objects,
        signature=request.signature,
        metric=metrics.resolve(request.metric),
        progress=progress,
    )


def _on_samples(request: VerificationRequest) -> Verification:
    ranks = [len(tensor.shape) for tensor in Interpreter(request.target).inputs]
    samples = data.read_own(request.dataset, ranks=ranks)
    assert samples is not None  # it is data of one's own
    if request.pictures is not None:
        samples = samples.drawn(request.pictures, request.seed)
    assert request.reference is not None  # the request says so
    return verification.verify_samples(
        request.reference,
        request.target,
        samples,
        card=_card_for(samples, request),
        metric=metrics.resolve(request.metric),
        custom_objects=request.custom_objects,
        signature=request.signature,
    )


def _card(request: VerificationRequest) -> ModelCard:
    """Return what is known about the target: what it says, changed by what the request says."""
    return verification.resolve_card(
        request.target, normalize=request.normalize, labels=request.labels, resize=request.resize
    )


def _card_for(samples: Samples, request: VerificationRequest) -> ModelCard | None:
    """Return the same, or None where samples are inputs already and nothing is known."""
    settings = (request.normalize, request.labels, request.resize)
    own_card = read_card(request.target)
    if samples.pixels is None and own_card is None and settings == (None, None, None):
        return None
    return _card(request)
