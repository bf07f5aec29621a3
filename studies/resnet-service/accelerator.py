"""Train and time networks of the registry with Keras 3 on whatever device JAX finds.

    python accelerator.py train PLAN.json PICTURES.npz OUT --teacher TEACHER.npz --seconds 500
    python accelerator.py time PICTURES.npz OUT.json --model resnet --options '{"width": 16}'

PLAN.json has ``settings`` (``plans.Settings``) and ``networks`` (``plans.Network`` each), all
trained side by side on the same views. PICTURES.npz has uint8 pictures ``x`` and labels ``y`` to
train on, and ``x_validation`` and ``y_validation``; ``adopt.py`` writes it, and the weights of the
teacher. Nothing here sees a test picture. TensorFlow is not needed; JAX, Keras 3 and optax are.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import students
import views
from plans import Network, Settings, next_share, read_plan
from students import Learner


def main() -> None:
    """Read the command line and run one of the two commands."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="Train a group of networks.")
    train.add_argument("plan", type=Path)
    train.add_argument("pictures", type=Path)
    train.add_argument("out", type=Path, help="Folder for weights and history.")
    train.add_argument("--teacher", type=Path, help="Weights of the teacher, from adopt.py.")
    train.add_argument(
        "--seconds", type=float, default=float("inf"), help="End the schedule after this time."
    )
    timing = commands.add_parser("time", help="Time training and inference, jit against not.")
    timing.add_argument("pictures", type=Path)
    timing.add_argument("out", type=Path, help="JSON file to write.")
    timing.add_argument("--model", default="resnet")
    timing.add_argument("--options", type=json.loads, default={})
    timing.add_argument("--batch-size", type=int, default=256)
    timing.add_argument("--steps", type=int, default=20, help="Timed steps with jit.")
    timing.add_argument("--eager-steps", type=int, default=2, help="Timed steps without jit.")
    timing.add_argument("--float32", action="store_true", help="Not in mixed bfloat16.")
    given = parser.parse_args()
    if given.command == "train":
        train_group(given.plan, given.pictures, given.out, given.teacher, given.seconds)
    else:
        write_json(given.out, time_network(given))


def train_group(
    plan: Path, pictures: Path, out: Path, teacher: Path | None, seconds: float
) -> None:
    """Train the networks of a plan and write weights and history, ten times on the way."""
    start = time.perf_counter()
    settings, networks = read_plan(plan)
    group = Group(settings, networks, pictures, teacher)
    out.mkdir(parents=True, exist_ok=True)
    history: list[dict[str, Any]] = []
    begin, spent, saved = 0.0, 0.0, 0.0
    while begin < 1:
        end = next_share(begin, settings.epochs, spent, seconds - (time.perf_counter() - start))
        before = time.perf_counter()
        row = group.train(begin, end)
        spent = time.perf_counter() - before if history else 0.0  # the first epoch compiles
        row["seconds"] = time.perf_counter() - before
        row |= {"epoch": len(history) + 1, "share": end}
        begin = end
        if end >= saved + 0.1 or end >= 1:
            saved = end
            row["validation"] = group.scores()
            group.save(out, [*history, row], time.perf_counter() - start)
            print(plan.stem, json.dumps(row), flush=True)
        history.append(row)


class Group:
    """Networks with their data on the device, trained side by side."""

    def __init__(
        self, settings: Settings, networks: list[Network], pictures: Path, teacher: Path | None
    ) -> None:
        if settings.bfloat16:
            keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
        with np.load(pictures) as found:
            data = {name: found[name] for name in found.files}
        self.settings = settings
        shape, classes = data["x"].shape[1:], int(data["y"].max()) + 1
        self.learners = [Learner(network, settings, shape, classes) for network in networks]
        judge = students.Teacher(_read(teacher), shape, classes) if teacher else None
        self.room = students.Classroom(self.learners, settings, judge, classes)
        self.lesson = students.Lesson(
            views.pad(jnp.asarray(data["x"]), settings.shift, settings.fill),
            jnp.asarray(data["y"], jnp.int32),
            judge.values() if judge else None,
        )
        self.inputs = jnp.asarray(data["x_validation"])
        self.truth = jnp.asarray(data["y_validation"], jnp.int32)
        self.examinations = [students.Examination(learner) for learner in self.learners]
        self.key = jax.random.key(settings.seed)
        self.steps = 0

    def train(self, begin: float, end: float) -> dict[str, Any]:
        """Train for one epoch, from one share of the schedule to another."""
        self.key, key = jax.random.split(self.key)
        states = tuple(learner.state for learner in self.learners)
        made = jnp.float32(self.steps)
        states, losses = self.room.epoch(states, self.lesson, key, made, begin, end)
        for learner, state in zip(self.learners, states, strict=True):
            learner.state = state
        self.steps += len(self.lesson.labels) // self.settings.batch_size
        return {"loss": [round(float(loss), 4) for loss in losses]}

    def scores(self) -> dict[str, tuple[int, int]]:
        """Return how many validation pictures each network gets right: last step, average."""
        return {
            examination.learner.network.name: examination(self.inputs, self.truth)
            for examination in self.examinations
        }

    def save(self, out: Path, history: list[dict[str, Any]], seconds: float) -> None:
        """Write the better of last step and average of each network, and its record."""
        scores = history[-1]["validation"]
        for place, learner in enumerate(self.learners):
            network = learner.network
            last, averaged = scores[network.name]
            weights = learner.weights(averaged >= last)
            options = json.dumps(dict(network.options))
            np.savez(out / f"{network.name}.npz", model=network.model, options=options, **weights)
            record = students.described(network, self.settings) | {
                "parameters": int(learner.keras.count_params()),
                "validation_correct": max(last, averaged),
                "validation_total": len(self.truth),
                "averaged": averaged >= last,
                "epochs": len(history),
                "seconds": round(seconds, 1),
                "history": [row | {"loss": row["loss"][place]} for row in history],
                **machine(),
            }
            write_json(out / f"{network.name}.json", record)


def time_network(given: argparse.Namespace) -> dict[str, Any]:
    """Time training steps and inference of one network, compiled as a whole and op by op."""
    network = Network(name="timed", model=given.model, options=given.options)
    settings = Settings(batch_size=given.batch_size, bfloat16=not given.float32)
    if settings.bfloat16:
        keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    with np.load(given.pictures) as found:
        pictures, labels = found["x"][: settings.batch_size], found["y"][: settings.batch_size]
        per_epoch = len(found["y"]) // settings.batch_size
    classes = 10
    learner = Learner(network, settings, pictures.shape[1:], classes)
    view = views.normalized(jnp.asarray(pictures))
    targets = students.Targets(jax.nn.one_hot(labels, classes), None)
    rate = decay = jnp.float32(0)

    def step(state: students.State) -> Any:
        return learner.update(state, view, targets, rate, decay)[0]

    def infer(inputs: jax.Array) -> jax.Array:
        return learner.logits(learner.state.weights, learner.state.statistics, inputs, False)[0]

    found = {"model": given.model, "options": given.options, "batch_size": settings.batch_size}
    found["parameters"] = int(learner.keras.count_params())
    found["steps_per_epoch"] = per_epoch
    found["bfloat16"] = settings.bfloat16
    for way, compiled, count in (("jit", True, given.steps), ("eager", False, given.eager_steps)):
        wrap: Callable[..., Any] = jax.jit if compiled else (lambda function: function)
        found[f"{way}_train_step"] = _timed(wrap(step), learner.state, count)
        found[f"{way}_infer_batch"] = _timed(wrap(infer), view, count)
        found[f"{way}_infer_one"] = _timed(wrap(infer), view[:1], 5 * count)
        found[f"{way}_peak_bytes"] = peak_bytes()
    return found | machine()


def _timed(function: Callable[..., Any], argument: Any, count: int) -> dict[str, Any]:
    """Return seconds of the first call, and of each of ``count`` later ones."""
    samples = []
    for _ in range(count + 1):
        start = time.perf_counter()
        jax.block_until_ready(function(argument))
        samples.append(time.perf_counter() - start)
    return {"first": samples[0], "samples": samples[1:], "median": float(np.median(samples[1:]))}


def peak_bytes() -> int:
    """Return the peak memory of the device in bytes; on a CPU, that of this process."""
    statistics = jax.devices()[0].memory_stats() or {}
    return int(
        statistics.get(
            "peak_bytes_in_use", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        )
    )


def machine() -> dict[str, Any]:
    """Return the device, its peak memory and the versions of what ran on it."""
    device = jax.devices()[0]
    return {
        "device": f"{device.platform}: {device.device_kind}",
        "peak_bytes": peak_bytes(),
        "versions": {
            "python": platform.python_version(),
            "jax": jax.__version__,
            "keras": keras.__version__,
        },
    }


def write_json(path: Path, value: Any) -> None:
    """Write JSON, whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(value))
    partial.replace(path)


def _read(path: Path) -> dict[str, Any]:
    with np.load(path) as found:
        return {name: found[name] for name in found.files}


if __name__ == "__main__":
    sys.exit(main())
