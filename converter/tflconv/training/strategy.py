"""Training on several devices: each computes its part of every batch, and gradients are added up.

``mirrored`` uses the devices of this computer, ``multiworker`` those of all processes that
``TF_CONFIG`` names, each of which is started with the same command. All see the same batches, drawn
from the same seed, and take every n-th picture. BatchNormalization has the statistics of one part.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tflconv.core.tensorflow import tf
from tflconv.errors import UsageError
from tflconv.training.config import Strategy

VARIABLE = "TF_CONFIG"


def of(name: Strategy) -> Any:
    """Return the strategy of TensorFlow called ``name``; for workers it waits until all are there.

    Raises:
        UsageError: It is not known which processes are workers, or TensorFlow has run before.
    """
    if name == "single":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        return tf.distribute.MirroredStrategy()
    _check_workers()
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        raise UsageError(
            "workers must be joined before TensorFlow has computed anything in this process.",
            hint="Train in a process of its own, such as by `tflconv train`.",
        ) from error


def check_parts(strategy: Any, batch_size: int) -> None:
    """Raise ``UsageError`` for batches that cannot be parted equally.

    Args:
        strategy: What ``of`` returned.
        batch_size: Pictures per step, of all devices together.
    """
    count = strategy.num_replicas_in_sync
    if batch_size % count:
        raise UsageError(
            f"batches of {batch_size} pictures cannot be parted equally among {count} devices.",
            hint=f"Say --batch-size {math.ceil(batch_size / count) * count}.",
        )


def parts(strategy: Any, tensors: Mapping[str, Any]) -> Any:
    """Return what each device of ``strategy`` takes of a batch: every n-th picture.

    Args:
        strategy: What ``of`` returned.
        tensors: Fields of a batch, one row per picture each.
    """
    count = strategy.num_replicas_in_sync
    if count == 1:
        return tensors

    def part(context: Any) -> Any:
        first = context.replica_id_in_sync_group
        return tf.nest.map_structure(lambda rows: tf.constant(rows[first::count]), tensors)

    return strategy.experimental_distribute_values_from_function(part)


@contextlib.contextmanager
def own_file(strategy: Any, output: Path) -> Iterator[Path]:
    """Yield where this process writes: ``output`` for the first worker, and a scratch file else.

    What other workers have written is removed when all is done.
    """
    resolver = strategy.cluster_resolver
    number = 0 if resolver is None or not resolver.task_type else int(resolver.task_id)
    if number == 0:
        yield output
        return
    scratch = output.with_name(f"{output.stem}.worker{number}{output.suffix}")
    yield scratch
    scratch.unlink(missing_ok=True)


def _check_workers() -> None:
    try:
        cluster = json.loads(os.environ.get(VARIABLE, ""))
        workers, task = cluster["cluster"]["worker"], cluster["task"]
        is_named = task["type"] == "worker" and 0 <= int(task["index"]) < len(workers)
    except (ValueError, KeyError, TypeError):
        is_named = False
    if not is_named:
        raise UsageError(
            f"multiworker needs {VARIABLE} to name all workers and which of them this one is.",
            hint="Set it in each, such as"
            ' {"cluster": {"worker": ["one:5000", "two:5000"]}, "task": {"type": "worker",'
            ' "index": 0}}.',
        )
