"""The record of random networks: a line of text each, in the order in which they ran.

``12 2026-11-26 as-is=rrxr fp16=r optimized=rrrr Dense>ReLU|LSTM`` is network 12 with its layers,
the branches apart, and what became of its files: r right, f far, x refused, w wrong, c crash.
Letters of a graph stand for the recipes of ``KINDS``. Without files it is a network that Keras
cannot run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from fakes.random_layers import ALL, focus_of

KINDS = ("fp32", "dynamic_wi8_afp32", "static_wi8_ai8", "selective_wi8_ai8")
LETTERS = {"right": "r", "far": "f", "refused": "x", "wrong": "w", "crash": "c"}
WORDS = {letter: word for word, letter in LETTERS.items()}
WAYS = ("unfused fp32", *(f"{graph} {kind}" for graph in ("as-is", "optimized") for kind in KINDS))
ENOUGH = 10
"""How often each layer is to meet each of ``WAYS``."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What became of one network.

    Attributes:
        number: Its number.
        day: When it ran, as ``2026-11-26``.
        outcomes: By graph and recipe, as ``as-is fp32``, a word of ``LETTERS``.
        chains: Names of its layers, those of each branch one after the other.
    """

    number: int
    day: str
    outcomes: dict[str, str]
    chains: tuple[tuple[str, ...], ...]

    @property
    def layers(self) -> set[str]:
        """Its layers."""
        return {name for chain in self.chains for name in chain}

    @property
    def pairs(self) -> set[tuple[str, str]]:
        """Its neighbours."""
        return {pair for chain in self.chains for pair in pairwise(chain)}

    @property
    def is_faulty(self) -> bool:
        """Whether a file is wrong or was not made for no reason."""
        return not {"wrong", "crash"}.isdisjoint(self.outcomes.values())

    def __str__(self) -> str:
        letters = {way: LETTERS[outcome] for way, outcome in self.outcomes.items()}
        parts = []
        for graph in ("as-is", "optimized"):
            marks = "".join(letters.pop(f"{graph} {kind}", "-") for kind in KINDS)
            parts += [f"{graph}={marks}"] if set(marks) != {"-"} else []
        parts += [
            f"{way.removeprefix('as-is ').split()[0]}={mark}" for way, mark in letters.items()
        ]
        chains = "|".join(">".join(chain) for chain in self.chains if chain) or "-"
        return " ".join([str(self.number), self.day, *parts, chains])

    @classmethod
    def parse(cls, line: str) -> Tried:
        """Read what ``str`` wrote."""
        number, day, *parts, chains = line.rstrip("\n").split(" ")
        outcomes = {}
        for part in parts:
            name, _, marks = part.partition("=")
            for way, mark in zip(_ways(name), marks, strict=True):
                outcomes |= {way: WORDS[mark]} if mark != "-" else {}
        split = tuple(tuple(chain.split(">")) for chain in chains.split("|") if chain != "-")
        return cls(number=int(number), day=day, outcomes=outcomes, chains=split)

    @classmethod
    def of(cls, line: dict[str, Any]) -> Tried:
        """Take what a trial found out today."""
        outcomes = {way: said.split()[0].rstrip(":") for way, said in line["outcomes"].items()}
        chains = tuple(tuple(chain) for chain in line.get("chains", ()) if chain)
        today = str(date.today())
        return cls(number=line["number"], day=today, outcomes=outcomes, chains=chains)


def _ways(name: str) -> Sequence[str]:
    if name in ("as-is", "optimized"):
        return [f"{name} {kind}" for kind in KINDS]
    return [_ALONE.get(name, f"as-is {name}")]


_ALONE = {"unfused": "unfused fp32", "qat": "qat", "worker": "worker"}


def read(path: Path) -> list[Tried]:
    """Return what is in a record."""
    return [Tried.parse(line) for line in path.read_text().splitlines()] if path.exists() else []


def write(path: Path, record: Iterable[Tried]) -> None:
    """Write a record."""
    path.write_text("".join(f"{each}\n" for each in record))


def merged(record: Iterable[Tried], found: Iterable[Tried]) -> list[Tried]:
    """Return ``record`` with what was found now in place of what it had, behind all else."""
    new = {each.number: each for each in found}
    return [*(each for each in record if each.number not in new), *new.values()]


def order(record: Sequence[Tried], numbers: range) -> list[int]:
    """Return ``numbers`` as they should run: faulty ones, those that never ran, then the oldest.

    Of those that never ran come first the ones whose layer met its way of rewriting too seldom.
    """
    faulty = [each.number for each in record if each.is_faulty]
    known = [each.number for each in record if not each.is_faulty]
    missing = set(numbers).difference(faulty, known)
    met = _meetings(record)

    def meetings(number: int) -> int:
        return min(ENOUGH, met[focus_of(number), f"{rewrite(number)} fp32"])

    return [*faulty, *sorted(missing, key=lambda number: (meetings(number), number)), *known]


def rewrite(number: int) -> str:
    """Return the graph mode that a network meets besides as-is: each layer both equally often."""
    return ("unfused", "optimized")[number // len(ALL) % 2]


def _meetings(record: Iterable[Tried]) -> Counter[tuple[str, str]]:
    """How many networks brought a layer and a way with its recipe together."""
    met: Counter[tuple[str, str]] = Counter()
    for each in record:
        met.update((layer, way) for layer in each.layers for way in each.outcomes)
    return met


def summary(record: Iterable[Tried]) -> list[tuple[str, ...]]:
    """Return a table: how many files of each way and recipe came out how; the header first."""
    rows: dict[str, Counter[str]] = {}
    for each in record:
        for way, outcome in each.outcomes.items():
            rows.setdefault(way, Counter())[outcome] += 1
    header = ("way and recipe", *LETTERS)
    return [header, *((way, *(str(rows[way][kind]) for kind in LETTERS)) for way in sorted(rows))]


def coverage(record: Iterable[Tried]) -> str:
    """Return how often layers met ways and recipes, and how many pairs of neighbours came."""
    record = list(record)
    met = _meetings(record)
    pairs = {pair for each in record for pair in each.pairs}
    layers = {layer for layer, _ in met}
    often = sum(met[layer, way] >= ENOUGH for layer in layers for way in WAYS)
    return (
        f"{len(layers)} layers; {often} of {len(layers) * len(WAYS)} combinations with a way and"
        f" recipe at least ten times; {len(pairs)} pairs of neighbours"
    )
