"""Train networks side by side on one GPU with PyTorch, on the same views and before one teacher.

    python train.py PLAN.json PICTURES.npz FOLDER --seconds 200

A teacher answers for the very view that its students see, inside the training step (Beyer et al.
2022, "Knowledge distillation: a good teacher is patient and consistent",
https://arxiv.org/abs/2106.05237). The step of all networks of a plan is one CUDA graph with a
branch for each, since small networks alone leave a GPU idle. ``FOLDER`` has the networks that a
plan names, by ``adopt.py network``; the trained weights come to ``FOLDER/trained``.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functions
import views
from networks import Network
from plans import next_share
from pupils import Pupil, Settings, read_plan
from torch import Tensor


class Learner:
    """A network with its training state; all of it stays at one place of the device's memory."""

    def __init__(self, pupil: Pupil, folder: Path, device: torch.device) -> None:
        self.pupil = pupil
        self.network = Network(folder / f"{pupil.model}.npz", device)
        if pupil.fresh:
            self.network.draw(pupil.seed)
        self.vectors = self.network.parameters.vectors
        self.average = [vector.clone() for vector in self.vectors]
        self.first = [torch.zeros_like(vector) for vector in self.vectors]
        self.second = [torch.zeros_like(vector) for vector in self.vectors]
        self.kept = torch.ones_like(self.vectors[0])
        self.loss = torch.zeros((), device=device)

    def prune(self, share: float) -> None:
        """Set the least weights of each kernel to zero, after a ``share`` of the training.

        The zeros rise along the polynomial of Zhu and Gupta (2017, https://arxiv.org/abs/1710.01878)
        and stand after half of the training.
        """
        if self.pupil.sparsity:
            zeros = self.pupil.sparsity * (1 - (1 - min(1.0, 2 * share)) ** 3)
            self.kept.copy_(self.network.parameters.largest(self.vectors[0], 1 - zeros))
            self.vectors[0].mul_(self.kept)
            self.average[0].mul_(self.kept)

    def step(
        self, view: Tensor, labels: Tensor, answer: Tensor | None, rate: Tensor, state: Clock
    ) -> None:
        """Make one step."""
        parameters = self.network.parameters
        leaves = parameters.leaves(self.vectors, self.network.computed, self.network.rounded)
        logits = self.network(parameters.named(leaves), view, True)
        loss = self._loss(logits, labels, answer)
        gradients = torch.autograd.grad(loss, leaves[0] + leaves[1])
        self.loss += loss.detach()
        decay = state.ema_decay()
        flat = parameters.gather(list(gradients), len(leaves[0]))
        for place, gradient in enumerate(flat):
            self._move(place, gradient, rate * self.pupil.learning_rate, state)
            if place == 0 and self.pupil.sparsity:
                self.vectors[0].mul_(self.kept)
            self.average[place].lerp_(self.vectors[place], 1 - decay)

    def _move(self, place: int, gradient: Tensor, rate: Tensor, state: Clock) -> None:
        vector, first, second = self.vectors[place], self.first[place], self.second[place]
        fade = self.pupil.weight_decay if place == 0 else 0.0
        if self.pupil.optimizer == "sgd":
            gradient = gradient.add(vector, alpha=fade)
            first.mul_(0.9).add_(gradient)
            vector.sub_(gradient.add(first, alpha=0.9) * rate)
            return
        first.mul_(0.9).add_(gradient, alpha=0.1)
        second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
        made = state.made + 1
        step = first / (1 - 0.9**made) / ((second / (1 - 0.999**made)).sqrt() + 1e-8)
        vector.sub_(step.add(vector, alpha=fade) * rate)

    def _loss(self, logits: Tensor, labels: Tensor, answer: Tensor | None) -> Tensor:
        pupil = self.pupil
        by_labels = functions.cross_entropy(logits, labels, label_smoothing=pupil.smoothing)
        if pupil.target == "labels" or answer is None:
            return by_labels
        if pupil.target == "hard":
            return functions.cross_entropy(logits, answer.argmax(-1))
        heat = pupil.temperature
        by_teacher = heat**2 * functions.cross_entropy(logits / heat, (answer / heat).softmax(-1))
        return pupil.label_share * by_labels + (1 - pupil.label_share) * by_teacher

    @torch.no_grad()
    def right(self, pictures: Tensor, labels: Tensor) -> tuple[int, int]:
        """Return how many pictures the last step and the average get right."""
        return tuple(
            sum(
                int(
                    (
                        answers(self.network, vectors, views.normalized(part)).argmax(-1) == truth
                    ).sum()
                )
                for part, truth in zip(pictures.split(1000), labels.split(1000), strict=True)
            )
            for vectors in (self.vectors, self.average)
        )


class Clock:
    """Where a training stands, on the device."""

    def __init__(self, device: torch.device, settings: Settings, steps: int) -> None:
        self.settings, self.steps = settings, steps
        self.begin, self.end, self.made = (torch.zeros((), device=device) for _ in range(3))
        self.step = torch.zeros((), dtype=torch.long, device=device)

    def rate(self) -> Tensor:
        """Return the share of the learning rate: linear warmup, then half a cosine to 0."""
        progress = self.begin + (self.end - self.begin) * self.step / self.steps
        warmup = self.settings.warmup
        fallen = 0.5 * (1 + torch.cos(math.pi * (progress - warmup) / (1 - warmup)))
        return torch.where(progress < warmup, progress / warmup, fallen)

    def ema_decay(self) -> Tensor:
        """Return the decay of the moving average, less in the first steps."""
        return ((1 + self.made) / (10 + self.made)).clamp(max=self.settings.ema_decay)


class Classroom:
    """Learners side by side on the pictures of a set."""

    def __init__(
        self, settings: Settings, pupils: Sequence[Pupil], pictures: Path, folder: Path
    ) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(settings.seed)
        with np.load(pictures) as found:
            data = {name: torch.from_numpy(found[name]).to(self.device) for name in found.files}
        self.settings = settings
        self.padded = views.pad(data["x"], settings.shift, settings.fill)
        self.labels = data["y"].long()
        self.judged = data["x_validation"], data["y_validation"].long()
        self.learners = [Learner(pupil, folder, self.device) for pupil in pupils]
        named = {name for pupil in pupils for name in pupil.teachers}
        self.teachers = {name: Network(folder / f"{name}.npz", self.device) for name in named}
        steps = len(self.labels) // settings.batch_size
        self.clock = Clock(self.device, settings, steps)
        self.order = torch.arange(len(self.labels), device=self.device)
        self.replay = self._captured() if self.device.type == "cuda" else self._step

    def _step(self) -> None:
        """Make one step of every learner, each on a stream of its own."""
        settings, clock = self.settings, self.clock
        size = settings.batch_size
        batch = torch.arange(size, device=self.device)
        chosen = self.order[clock.step * size + batch]
        view = views.draw(
            self.padded, chosen, settings.shift, settings.cutout, settings.mirror, settings.fill
        )
        labels, rate = self.labels[chosen], clock.rate()
        with torch.no_grad():
            said = {
                name: answers(teacher, teacher.parameters.vectors, view)
                for name, teacher in self.teachers.items()
            }
        for number, learner in enumerate(self.learners):
            mine = [said[name] for name in learner.pupil.teachers]
            answer = sum(mine) / len(mine) if mine else None
            with self._branch(number):
                learner.step(view, labels, answer, rate, clock)
        self._join()
        clock.step += 1
        clock.made += 1

    def _captured(self) -> Any:
        """Return a function that replays a step as a CUDA graph, after three that warm it up."""
        self.streams = [torch.cuda.Stream() for _ in self.learners]
        kept = [[tensor.clone() for tensor in self._state(learner)] for learner in self.learners]
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):
                self._step()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step()
        for learner, tensors in zip(self.learners, kept, strict=True):
            for tensor, before in zip(self._state(learner), tensors, strict=True):
                tensor.copy_(before)
        for tensor in (self.clock.step, self.clock.made):
            tensor.zero_()
        return graph.replay

    @staticmethod
    def _state(learner: Learner) -> list[Tensor]:
        seen = list(learner.network.statistics.values())
        return [
            *learner.vectors,
            *learner.average,
            *learner.first,
            *learner.second,
            learner.loss,
            *seen,
        ]

    def _branch(self, number: int) -> Any:
        if self.device.type != "cuda":
            return torch.enable_grad()
        stream = self.streams[number]
        stream.wait_stream(torch.cuda.current_stream())
        return torch.cuda.stream(stream)

    def _join(self) -> None:
        if self.device.type == "cuda":
            for stream in self.streams:
                torch.cuda.current_stream().wait_stream(stream)

    def scores(self) -> list[tuple[int, int]]:
        """Return what each learner gets right; no kernel is worth searching for that."""
        with torch.backends.cudnn.flags(enabled=True, benchmark=False):
            return [learner.right(*self.judged) for learner in self.learners]

    def epoch(self, begin: float, end: float) -> list[float]:
        """Train from one share of the schedule to another; return the mean losses."""
        self.order.copy_(torch.randperm(len(self.labels), device=self.device))
        self.clock.begin.fill_(begin)
        self.clock.end.fill_(end)
        self.clock.step.zero_()
        for learner in self.learners:
            learner.loss.zero_()
            learner.prune(end)
        for _ in range(self.clock.steps):
            self.replay()
        return [float(learner.loss) / self.clock.steps for learner in self.learners]


def answers(network: Network, vectors: list[Tensor], view: Tensor) -> Tensor:
    """Return the logits of a network that does not learn."""
    leaves = network.parameters.leaves(vectors, network.computed, network.rounded)
    return network(network.parameters.named(leaves), view, False).detach()


def train(
    settings: Settings, pupils: Sequence[Pupil], pictures: Path, folder: Path, seconds: float
) -> dict[str, float]:
    """Train the pupils of a plan; return the share of validation pictures each gets right."""
    start = time.perf_counter()
    room = Classroom(settings, pupils, pictures, folder)
    history: list[dict[str, Any]] = []
    begin = spent = saved = 0.0
    while begin < 1:
        before = time.perf_counter()
        end = next_share(begin, settings.epochs, spent, seconds - (before - start))
        row: dict[str, Any] = {"epoch": len(history) + 1, "share": end}
        row["loss"] = [round(loss, 4) for loss in room.epoch(begin, end)]
        spent = row["seconds"] = time.perf_counter() - before
        if end >= saved + 0.1 or end >= 1:
            saved = end
            row["validation"] = room.scores()
            print(json.dumps(row), flush=True)
        history.append(row)
        begin = end
    took = time.perf_counter() - start
    return {
        learner.pupil.name: save(room, place, folder / "trained", history, took)
        for place, learner in enumerate(room.learners)
    }


def save(
    room: Classroom, place: int, out: Path, history: list[dict[str, Any]], seconds: float
) -> float:
    """Write the better of last step and average, and the record; return its accuracy."""
    out.mkdir(parents=True, exist_ok=True)
    learner = room.learners[place]
    pupil, total = learner.pupil, len(room.judged[1])
    last, averaged = history[-1]["validation"][place]
    chosen = learner.average if averaged >= last else learner.vectors
    arrays = learner.network.weights(chosen)
    config = json.dumps(learner.network.config)
    np.savez(
        out / f"{pupil.name}.npz", model=f"{pupil.model}.npz", options="{}", config=config, **arrays
    )
    rows = [
        {key: row[key] for key in ("epoch", "share", "seconds")}
        | {"loss": row["loss"][place]}
        | ({"validation": {pupil.name: row["validation"][place]}} if "validation" in row else {})
        for row in history
    ]
    record = {
        "network": asdict(pupil),
        "settings": asdict(room.settings),
        "parameters": learner.network.count(),
        "validation_correct": max(last, averaged),
        "validation_total": total,
        "averaged": averaged >= last,
        "epochs": len(history),
        "seconds": round(seconds, 1),
        "history": rows,
        **machine(room.device),
    }
    (out / f"{pupil.name}.json").write_text(json.dumps(record))
    return max(last, averaged) / total


def machine(device: torch.device) -> dict[str, Any]:
    """Return the device, its peak memory and the versions of what ran on it."""
    cuda = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name() if cuda else platform.processor(),
        "peak_bytes": torch.cuda.max_memory_allocated() if cuda else 0,
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }


def main() -> None:
    """Read the command line and train a plan."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("plan", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    given = parser.parse_args()
    torch.backends.cudnn.benchmark = True
    settings, pupils = read_plan(given.plan)
    print(train(settings, pupils, given.pictures, given.folder, given.seconds))


if __name__ == "__main__":
    main()
