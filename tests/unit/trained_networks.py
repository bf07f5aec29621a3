"""What the READMEs of studies say of networks that were trained on a GPU, from their record."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tflconv.comparison.evidence import SamePictures
from tflconv.core import stats
from tflconv.core.files import sha256_file

STUDIES = Path(__file__).parents[2] / "studies"

Network = dict[str, Any]


def module(path: Path) -> ModuleType:
    """Import a script of a study."""
    spec = importlib.util.spec_from_file_location(f"study_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


plans = module(STUDIES / "resnet-service" / "plans.py")
KINDS = (plans.read_plan, plans.Settings, plans.Network)


def recorded(study: Path) -> dict[str, Network]:
    """What results.json of a study says, by network."""
    found: dict[str, Network] = json.loads((study / "results.json").read_text(encoding="utf-8"))
    return found


def percent(share: float) -> str:
    return f"{share:.2%}".replace("%", " %")


def spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def row(name: str, one: Network) -> str:
    """Cells of the table of all networks."""
    epochs = str(one["epochs"]) if "epochs" in one else "–"
    return " | ".join([f"`{name}`", epochs, f"{one['macs'] / 1e6:.1f} M", *_measured(one)])


def _measured(one: Network) -> list[str]:
    cost, validation, test = ["–", "–", "–"], "–", ["–", "–"]
    if "bytes" in one:
        counted = (one["instructions"][core] for core in ("cortex-a76", "cortex-a55"))
        cost = [spaced(one["bytes"]), *(f"{count / 1e6:.3f} M" for count in counted)]
    if "validation_correct" in one:  # else they were learned from, too
        validation = percent(one["validation_correct"] / one["validation_total"])
    if "right" in one:
        low, high = stats.wilson(one["correct"], one["total"])
        test = [percent(one["correct"] / one["total"]), f"{100 * low:.2f} to {100 * high:.2f}"]
    return [*cost, validation, *test]


def right(one: Network) -> Any:
    """Which test pictures a network gets right."""
    bits = np.frombuffer(bytes.fromhex(one["right"]), np.uint8)
    return np.unpackbits(bits)[: one["total"]].astype(bool)


def against(student: str, twin: str, networks: dict[str, Network]) -> str:
    """Cells of a comparison on the same pictures, in points of accuracy."""
    low, high = ahead(networks[student], networks[twin])
    points = (networks[student]["correct"] - networks[twin]["correct"]) / 100
    return " | ".join([f"`{student}`", f"`{twin}`", f"{points:+.2f}", f"{low:+.2f} to {high:+.2f}"])


def ahead(student: Network, twin: Network) -> tuple[float, float]:
    """Tango's 95 % interval of the points of accuracy that a network is ahead of another."""
    before, after = right(twin), right(student)
    drop = SamePictures(
        lost=int((before & ~after).sum()), won=int((after & ~before).sum()), total=len(before)
    )
    low, high = drop.interval(0.95)
    return -100 * high, -100 * low


def check_plans(
    networks: dict[str, Network], folder: Path, kinds: tuple[Any, Any, Any] = KINDS
) -> None:
    """Each network was trained as a plan of ``folder`` says; ``kinds`` read it."""
    read_plan, settings_of, network_of = kinds
    planned = [
        (asdict(settings), asdict(network))
        for settings, group in map(read_plan, sorted(folder.glob("*.json")))
        for network in group
    ]
    for one in networks.values():
        settings, network = settings_of(**one["settings"]), network_of(**one["network"])
        assert planned.count((asdict(settings), asdict(network))) == 1


def check_files(networks: dict[str, Network], folder: Path) -> None:
    """The kept files are those that were measured."""
    kept = sorted(folder.glob("*.tflite"))
    assert kept
    for file in kept:
        assert sha256_file(file) == networks[file.stem]["sha256"]
        assert file.stat().st_size == networks[file.stem]["bytes"]
