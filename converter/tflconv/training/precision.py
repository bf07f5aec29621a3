"""Precision of the arithmetic of a training step: float32, or bfloat16 where it is safe.

With bfloat16, TensorFlow rewrites the graph of a step (``auto_mixed_precision``, Micikevicius et
al. 2018): convolutions and matrix products take and give bfloat16; sums, means, the loss, the
statistics of BatchNormalization, the weights and the optimizer stay float32. bfloat16 has the range
of float32, so that no loss has to be scaled. The model itself is not changed, and what is computed
outside of a step, such as its evaluation, is float32 as ever.

Some processors compute this in fewer cycles and others cannot at all: TensorFlow may end the whole
process there. So it is asked of the processor first, and then tried with a product of matrices.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np

from tflconv.core import telling
from tflconv.core.tensorflow import optimizing, tf
from tflconv.training.config import Precision

_OPTION = "auto_mixed_precision_onednn_bfloat16"

_CPU = Path("/proc/cpuinfo")
_INSTRUCTIONS = {"amx_bf16", "avx512_bf16"}
"""What Linux calls the instructions of x86 that compute with bfloat16."""


def usable(wanted: Precision) -> Precision:
    """Return ``wanted``, or float32 with a warning where it cannot be computed with ``wanted``."""
    if wanted == "float32" or (_has_instructions() and _takes_effect()):
        return wanted
    telling.warn(
        "The training computes in float32: bfloat16 needs an x86 processor with the instructions"
        " amx_bf16 or avx512_bf16 on Linux, a TensorFlow with oneDNN, and no GPU."
    )
    return "float32"


def computing(precision: Precision) -> contextlib.AbstractContextManager[None]:
    """Let functions of TensorFlow that are called within the block compute with ``precision``."""
    return contextlib.nullcontext() if precision == "float32" else optimizing(**{_OPTION: True})


def _has_instructions() -> bool:
    try:
        return bool(_INSTRUCTIONS & set(_CPU.read_text().split()))
    except OSError:
        return False


def _takes_effect() -> bool:
    """Whether a product of matrices is another one with bfloat16."""
    values = tf.constant(np.random.default_rng(0).random((32, 32), np.float32))
    product = tf.function(lambda x: tf.nn.relu(tf.matmul(x, x)) + 1.0)
    with computing("bfloat16"):
        rounded = product(values).numpy()
    return not np.array_equal(rounded, product(values).numpy())
