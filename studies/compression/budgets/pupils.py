"""What networks that are trained side by side learn from, read from a plan of JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TARGETS = ("labels", "hard", "soft")


@dataclass(frozen=True, kw_only=True)
class Pupil:
    """A network and what it learns from.

    Attributes:
        name: Name of its files.
        model: File of the network, without suffix.
        fresh: Whether its weights are drawn anew.
        target: ``labels``; ``hard``, the teacher's label; or ``soft``, its softened logits.
        teachers: Files of its teachers, whose logits are averaged.
        temperature: What logits of teacher and student are divided by.
        label_share: Share of the loss on labels beside softened logits.
        smoothing: Label smoothing of the loss on labels.
        optimizer: ``sgd`` with Nesterov momentum or ``adamw``.
        learning_rate: At its highest.
        weight_decay: Of kernels.
        seed: Seed of weights that are drawn.
        sparsity: Share of each kernel that is zero at the end, 0 to below 1.
    """

    name: str
    model: str
    fresh: bool = True
    target: str = "labels"
    teachers: tuple[str, ...] = ()
    temperature: float = 1.0
    label_share: float = 0.0
    smoothing: float = 0.0
    optimizer: str = "sgd"
    learning_rate: float = 0.2
    weight_decay: float = 5e-4
    seed: int = 0
    sparsity: float = 0.0

    def __post_init__(self) -> None:
        if self.target not in TARGETS:
            raise ValueError(f"target must be one of {TARGETS}. Received: {self.target}.")
        object.__setattr__(self, "teachers", tuple(self.teachers))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the pupils of a plan have in common; ``fill`` is the pixel beyond the edge."""

    epochs: int = 100
    batch_size: int = 256
    warmup: float = 0.05
    shift: int = 4
    cutout: int = 0
    mirror: bool = True
    fill: int = 128
    ema_decay: float = 0.999
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Lessons(Settings):
    """What ``finish.py`` has beside the settings of ``train.py``.

    Attributes:
        views: Different views of each picture; an epoch shows one of them.
        rounded: Share of the schedule after which weights and values are rounded as in INT8.
    """

    views: int
    rounded: float = 1.0


def settings_of(**given: Any) -> Settings:
    """Return the settings of a plan: those of ``finish.py`` are the ones with ``views``."""
    return Lessons(**given) if "views" in given else Settings(**given)


def read_plan(path: Path) -> tuple[Settings, list[Pupil]]:
    """Read ``{"settings": {...}, "networks": [{...}, ...]}``."""
    read = json.loads(path.read_text(encoding="utf-8"))
    return settings_of(**read["settings"]), [Pupil(**network) for network in read["networks"]]
