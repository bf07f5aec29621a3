"""The step ``finetune``: a Keras model trained further as it is, on pictures of one's own."""

from __future__ import annotations

from pathlib import Path

from tflconv.compression.config import FinetuneConfig
from tflconv.compression.examples import Examples
from tflconv.compression.fine_tuning import fine_tune
from tflconv.compression.kernels import copied
from tflconv.compression.technique import Subject
from tflconv.core.progress import Callback
from tflconv.core.typing import KerasModel


def compress(
    subject: Subject[FinetuneConfig],
    examples: Examples | None,
    unfinished: Path,
    progress: Callback,
) -> KerasModel:
    """Train the model of ``subject`` on ``examples``.

    Raises:
        UsageError: It is no Keras model.
    """
    assert examples is not None  # this technique always needs pictures
    model = copied(subject.model)
    fine_tune(model, examples, subject.config, unfinished=unfinished, progress=progress)
    return model
