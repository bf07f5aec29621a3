"""From two files to a verdict: does the converted model still say what its reference says?"""

from __future__ import annotations

from tflconv import data, verification
from tflconv.core.progress import Callback, Progress, silent
from tflconv.pipeline.requests import VerificationRequest
from tflconv.verification import Verification


def verify(request: VerificationRequest, *, progress: Callback = silent) -> Verification:
    """Compare the target with its reference on the test split, picture by picture.

    Args:
        request: What to compare with what, on which pictures.
        progress: Is told what is being done.

    Returns:
        Accuracies, agreement and the worst disagreements.

    Raises:
        UsageError: A model does not fit the pictures, or does not say how they become its input.
    """
    card = verification.resolve_card(
        request.target,
        normalize=request.normalize,
        labels=request.labels,
        resize=request.resize,
    )
    pictures = data.load_for(card, request.dataset, seed=request.seed)
    pictures.warn()
    progress(Progress(stage="verify", message=f"comparing {request.target.name}"))
    return verification.verify(
        request.reference,
        request.target,
        pictures,
        card=card,
        custom_objects=request.custom_objects,
        signature=request.signature,
    )
