"""Is a converted model still the model that was trained? Picture by picture, on the test split.

Two accuracies that look alike can hide that the models disagree on many pictures, so both are
told: top-1 with Wilson's interval, and how often the target says what the reference says. The
worst disagreements are listed with the reference's margin: how far it preferred its own answer
over the target's. A flip at a small margin is rounding; a flip at a large one is a broken model.
"""

from tflconv.verification.comparing import WORST, compare
from tflconv.verification.outcome import ClassCount, Disagreement, Verification, parse_share
from tflconv.verification.running import known, reference_logits, verify

__all__ = [
    "WORST",
    "ClassCount",
    "Disagreement",
    "Verification",
    "compare",
    "known",
    "parse_share",
    "reference_logits",
    "verify",
]
