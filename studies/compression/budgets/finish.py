"""Train a network further on all training pictures, on a CPU, before answers made beforehand.

    python finish.py plans/whole.json PICTURES.npz FOLDER

Every epoch shows one view of each picture; the views of a plan come in turn. The teachers answer
once for each view, and the student learns from the mean of their logits for exactly what it sees.
Validation pictures are learned from, too, so nothing is left to choose by: the weights of the last
step are kept. In the last part of the training weights and values are rounded as the INT8 file
rounds them. A training that was cut off goes on after its last whole epoch.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import views
from networks import Network
from plans import next_share
from pupils import Lessons, Pupil, read_plan
from torch import Tensor
from train import Clock, Learner, answers, machine


class Desk:
    """A learner with its pictures and its teachers' answers."""

    def __init__(self, lessons: Lessons, pupil: Pupil, pictures: Path, folder: Path) -> None:
        self.device = torch.device("cpu")
        self.lessons, self.pupil, self.folder = lessons, pupil, folder
        with np.load(pictures) as found:
            data = {name: torch.from_numpy(found[name]) for name in found.files}
        every = torch.cat([data["x"], data["x_validation"]])
        self.padded = views.pad(every, lessons.shift, lessons.fill)
        self.labels = torch.cat([data["y"], data["y_validation"]]).long()
        self.answers = [self._answers(number) for number in range(lessons.views)]
        self.learner = Learner(pupil, folder, self.device)
        self.learner.network.computed = torch.bfloat16
        self.clock = Clock(self.device, lessons, len(self.labels) // lessons.batch_size)

    def _view(self, number: int) -> Tensor:
        """Return a view of each picture, always the same for a ``number``."""
        given = self.lessons
        torch.manual_seed(1000 * given.seed + number)
        every = torch.arange(len(self.padded))
        return views.draw(self.padded, every, given.shift, given.cutout, given.mirror, given.fill)

    def _answers(self, number: int) -> Tensor:
        """Return the mean of the teachers' logits for a view, ``[n, classes]``."""
        names = self.pupil.teachers
        kept = [self.folder / f"answers-{name}-{self.lessons.seed}-{number}.npy" for name in names]
        if not all(path.exists() for path in kept):
            view = self._view(number)
            for name, path in zip(names, kept, strict=True):
                if not path.exists():
                    self._ask(name, view, path)
        return torch.stack([torch.from_numpy(np.load(path)) for path in kept]).mean(0)

    def _ask(self, name: str, view: Tensor, path: Path) -> None:
        """Keep a teacher's logits for a view in a file."""
        teacher = Network(self.folder / f"{name}.npz", self.device)
        teacher.computed = torch.bfloat16
        said = [answers(teacher, teacher.parameters.vectors, part) for part in view.split(250)]
        part = path.with_suffix(".part.npy")
        np.save(part, torch.cat(said).float().numpy())
        part.replace(path)

    def epoch(self, number: int, begin: float, end: float) -> float:
        """Train from one share of the schedule to another; return the mean loss."""
        lessons, clock, learner = self.lessons, self.clock, self.learner
        clock.begin.fill_(begin)
        clock.end.fill_(end)
        clock.step.zero_()
        learner.loss.zero_()
        learner.network.rounded = begin >= lessons.rounded
        view, said = self._view(number % lessons.views), self.answers[number % lessons.views]
        torch.manual_seed(1000 * lessons.seed + 500 + number)
        order = torch.randperm(len(self.labels))
        for chosen in order.split(lessons.batch_size)[: clock.steps]:
            seen = view[chosen], self.labels[chosen], said[chosen]
            learner.step(*seen, clock.rate(), clock)
            clock.step += 1
            clock.made += 1
        return float(learner.loss) / clock.steps

    def state(self) -> list[Tensor]:
        """Return all that a training changes."""
        learner = self.learner
        moving = [learner.vectors, learner.average, learner.first, learner.second]
        seen = list(learner.network.statistics.values())
        return [*(tensor for group in moving for tensor in group), *seen, self.clock.made]


def finish(desk: Desk, seconds: float) -> None:
    """Train to the end, at the latest after ``seconds``; keep the state after each epoch."""
    start = time.perf_counter()
    lessons, pupil = desk.lessons, desk.pupil
    kept = desk.folder / f"{pupil.name}.state"
    history: list[dict[str, Any]] = []
    if kept.exists():
        history, before = torch.load(kept)
        for tensor, value in zip(desk.state(), before, strict=True):
            tensor.copy_(value)
    begin = history[-1]["share"] if history else 0.0
    while begin < 1:
        before = time.perf_counter()
        spent = sum(row["seconds"] for row in history) / max(1, len(history))
        end = next_share(begin, lessons.epochs, spent, seconds - (before - start))
        row: dict[str, Any] = {"epoch": len(history) + 1, "share": end}
        row["loss"] = round(desk.epoch(len(history), begin, end), 4)
        row["seconds"] = time.perf_counter() - before
        begin = end
        history.append(row)
        print(json.dumps(row), flush=True)
        torch.save((history, desk.state()), kept.with_suffix(".part"))
        kept.with_suffix(".part").replace(kept)
    save(desk, history)


def save(desk: Desk, history: list[dict[str, Any]]) -> None:
    """Write the weights of the last step, and the record."""
    learner, pupil = desk.learner, desk.pupil
    out = desk.folder / "trained"
    out.mkdir(parents=True, exist_ok=True)
    arrays = learner.network.weights(learner.vectors)
    config = json.dumps(learner.network.config)
    np.savez(
        out / f"{pupil.name}.npz", model=f"{pupil.model}.npz", options="{}", config=config, **arrays
    )
    record = {
        "network": asdict(pupil),
        "settings": asdict(desk.lessons),
        "parameters": learner.network.count(),
        "averaged": False,
        "epochs": len(history),
        "seconds": round(sum(row["seconds"] for row in history), 1),
        "history": history,
        **machine(desk.device),
    }
    (out / f"{pupil.name}.json").write_text(json.dumps(record))


def main() -> None:
    """Read the command line and train the network of a plan."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("plan", "pictures", "folder"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    given = parser.parse_args()
    lessons, (pupil,) = read_plan(given.plan)
    assert isinstance(lessons, Lessons), f"{given.plan} has no views"
    finish(Desk(lessons, pupil, given.pictures, given.folder), given.seconds)


if __name__ == "__main__":
    main()
