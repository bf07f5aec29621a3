"""``tflconv inspect MODEL.keras``: what each layer costs, and what it could do without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflconv import cli, models
from tflconv.compression.redundancy import Redundancy, redundancy


def inspected(*words: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main(["inspect", *map(str, words)])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out + said.err


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mobilenet_v2", {}),
        ("resnet", {}),
        ("squeezenet", {}),
        ("vit", {"depth": 1}),
        ("vit_int8", {"depth": 1}),
    ],
)
def test_costs_are_those_of_the_description(name: str, options: dict[str, Any]) -> None:
    found = redundancy(models.build(name, (28, 28, 1), 10, **options))
    cost = models.cost(name, (28, 28, 1), 10, **options)
    assert (found.parameters, found.macs) == (cost.parameters, cost.macs)
    assert sum(layer.share for layer in found.layers) == pytest.approx(1)
    assert found.flops > 2 * found.macs


def judged(kit: Any) -> Redundancy:
    """A convolution of two equal filters, and a norm of which one scale is weak."""
    layers = kit.layers
    pixels = layers.Input((4, 4, 3))
    x = layers.Conv2D(2, 1, use_bias=False, name="twins")(pixels)
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 1, name="all")(x))
    model = kit.Model(pixels, layers.Dense(2, name="scores")(layers.Flatten()(x)))
    model.get_layer("twins").set_weights([np.ones((1, 1, 3, 2))])
    norm = model.get_layer("norm")
    norm.set_weights([np.array([1.0, 1.0, 0.01, 0.5]), *norm.get_weights()[1:]])
    return redundancy(model)


def test_what_is_redundant_is_seen(kit: Any) -> None:
    found = judged(kit)
    by_name = {layer.name: layer for layer in found.layers}
    assert by_name["twins"].rank == pytest.approx(0.5)
    assert by_name["norm"].weak == pytest.approx(0.25)
    assert found.scales == (1, 0, 0, 0, 0, 1, 0, 0, 0, 2)
    assert by_name["all"].macs == 4 * 4 * 2 * 4
    assert by_name["all"].values == 4 * 4 * 4


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "m.keras"
    models.build("resnet", (8, 8, 1), 3, width=4, blocks=1).save(file)
    code, text = inspected(file, capsys=capsys)
    assert (code, "effective rank" in text, "multiply-accumulates" in text) == (0, True, True)
    code, text = inspected(file, "--json", capsys=capsys)
    value = json.loads(text)
    assert (code, value["activation_bytes"]["int8"]) == (0, value["values"])
    assert sum(layer["macs"] for layer in value["layers"]) == value["macs"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["m.keras", "other.tflite"], "neither compared, drawn nor measured"),
        (["m.keras", "--svg", "g.svg"], "neither compared, drawn nor measured"),
        (["m.tflite", "--custom-objects", "code.py"], "--custom-objects has no meaning"),
    ],
)
def test_what_has_no_meaning_is_refused(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code.py").write_text("")
    code, text = inspected(*words, capsys=capsys)
    assert code == 2
    assert message in text
