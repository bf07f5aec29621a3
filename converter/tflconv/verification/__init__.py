"""Comparison of a converted model with its reference on the test split, picture by picture.

Two equal accuracies can hide that the models disagree on many pictures. So a verification reports
both: top-1 accuracy with Wilson's interval, and agreement, the share of pictures on which target
and reference choose the same class. The worst disagreements are listed with their margin: the
reference's logit of its own choice, less its logit of the target's choice. A disagreement at a
small margin is rounding; one at a large margin is a broken model.

Example:
    A file agrees with itself on every picture.

    >>> import tempfile, tflconv
    >>> from tflconv import data, models
    >>> digits = data.load("mnist-sample")
    >>> network = models.build("resnet", width=4, blocks=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     (file,) = tflconv.convert(
    ...         network, ["fp32"], folder, normalize="0..1", labels=digits.classes
    ...     )
    ...     card = resolve_card(file)
    ...     logits = reference_logits(file, digits.test.images)
    ...     verification = verify(file, file, digits)
    >>> card.input_shape, logits.shape == (len(digits.test), 10), verification.agreement
    ((28, 28, 1), True, 1.0)
"""

from tflconv.core.amounts import parse_drop, parse_share
from tflconv.model.resolving import resolve_card
from tflconv.results import Disagreement
from tflconv.verification.comparing import WORST, compare
from tflconv.verification.metrics import METRICS, MetricFunction, MetricName
from tflconv.verification.on_samples import verify_samples
from tflconv.verification.outcome import ClassCount, Verification
from tflconv.verification.running import reference_logits, verify

__all__ = [
    "METRICS",
    "WORST",
    "ClassCount",
    "Disagreement",
    "MetricFunction",
    "MetricName",
    "Verification",
    "compare",
    "parse_drop",
    "parse_share",
    "reference_logits",
    "resolve_card",
    "verify",
    "verify_samples",
]
