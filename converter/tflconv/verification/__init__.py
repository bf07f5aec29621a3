"""Comparison of a converted model with its reference on the test split, picture by picture.

Two equal accuracies can hide that the models disagree on many pictures. So a verification reports
both: top-1 accuracy with Wilson's interval, and agreement, the share of pictures on which target
and reference choose the same class. The worst disagreements are listed with their margin: the
reference's logit of its own choice, less its logit of the target's choice. A disagreement at a
small margin is rounding; one at a large margin is a broken model.
"""

from tflconv.verification.comparing import WORST, compare
from tflconv.verification.outcome import ClassCount, Disagreement, Verification, parse_share
from tflconv.verification.running import reference_logits, resolve_card, verify

__all__ = [
    "WORST",
    "ClassCount",
    "Disagreement",
    "Verification",
    "compare",
    "parse_share",
    "reference_logits",
    "resolve_card",
    "verify",
]
