"""What a group of networks is trained with, read from a plan of JSON. Needs nothing but Python."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

TARGETS = ("labels", "hard", "soft")


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network and what it learns from.

    Attributes:
        name: Name of its files.
        model: Name in the registry, with ``options``; or an ``.npz`` of ``adopt.py network``.
        target: ``labels``; ``hard``, the teacher's label; or ``soft``, its softened logits.
        temperature: What logits of teacher and student are divided by.
        label_share: Share of the loss on labels beside softened logits.
        smoothing: Label smoothing of the loss on labels.
        seed: Seed of the initial weights.
        fresh: Whether the weights of a file are drawn anew, as those of its twin from scratch are.
    """

    name: str
    model: str
    options: Mapping[str, int | float] = field(default_factory=dict)
    target: str = "labels"
    temperature: float = 2.0
    label_share: float = 0.0
    smoothing: float = 0.0
    seed: int = 0
    fresh: bool = False

    def __post_init__(self) -> None:
        if self.target not in TARGETS:
            raise ValueError(f"target must be one of {TARGETS}. Received: {self.target}.")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a group is trained: SGD with Nesterov momentum, or AdamW, by half a cosine.

    ``fill`` is the pixel beyond the edge and of a square that is left out.
    """

    epochs: int = 100
    batch_size: int = 256
    optimizer: str = "sgd"
    learning_rate: float = 0.2
    weight_decay: float = 5e-4
    warmup: float = 0.05
    shift: int = 4
    cutout: int = 0
    mirror: bool = True
    fill: int = 128
    mixup: float = 0.0
    ema_decay: float = 0.999
    seed: int = 0
    bfloat16: bool = True


def read_plan(path: Path) -> tuple[Settings, list[Network]]:
    """Read ``{"settings": {...}, "networks": [{...}, ...]}``."""
    read = json.loads(path.read_text(encoding="utf-8"))
    return Settings(**read["settings"]), [Network(**network) for network in read["networks"]]


def next_share(begin: float, epochs: int, spent: float, left: float) -> float:
    """Return the share of the schedule at the end of the next epoch.

    The schedule is one of ``epochs``, or of the time that is left where that is less: so a training
    always ends with the learning rate at 0.

    Args:
        begin: Share at which the epoch begins.
        epochs: Number of epochs of the whole schedule.
        spent: Seconds of the epoch before; 0 where that is not known yet.
        left: Seconds that are left.

    Example:
        >>> next_share(0.5, 100, 2.0, 1000.0)  # time for 500 epochs: the schedule stands
        0.51
        >>> next_share(0.5, 100, 2.0, 20.0)  # time for 10: half of the schedule in 10 epochs
        0.55
    """
    remaining = max(1.0, left / spent) if spent else float("inf")
    share = max(begin + 1 / epochs, begin + (1 - begin) / remaining)
    return 1.0 if share > 1 - 1e-9 else share
