"""What the study of other converters says is what was recorded."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

STUDY = Path(__file__).parents[2] / "studies" / "rivals"
README = (STUDY / "README.md").read_text(encoding="utf-8")
RECORDED = json.loads((STUDY / "measured.json").read_text(encoding="utf-8"))


def test_the_tables_are_those_of_the_records() -> None:
    spec = importlib.util.spec_from_file_location("rivals_tables", STUDY / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    for name, rows in RECORDED.items():
        assert f"<!-- {name} -->\n{tables.table(rows)}\n<!-- end -->" in README


def test_the_tools_are_there_for_every_network() -> None:
    tools = {"TFLiteConverter", "litert-quantizer", "tflconv", "onnxruntime", "executorch"}
    for rows in RECORDED.values():
        assert {tool for row in rows for tool in tools if row["file"].startswith(tool)} == tools


def test_auto_is_closer_than_full_int8_of_others_for_next_to_nothing() -> None:
    rows = {row["file"]: row for row in RECORDED["resnet20-cifar-10"]}
    ours = rows["tflconv-auto.tflite"]
    text = " ".join(README.split())
    for maker in ("TFLiteConverter", "litert-quantizer"):
        theirs = rows[f"{maker}-static.tflite"]
        more = ours["instructions"]["cortex-a76"] / theirs["instructions"]["cortex-a76"] - 1
        assert f"takes {100 * more:.1f} % more instructions than other tools' full INT8" in text
        assert all(ours["cosine"][each] > theirs["cosine"][each] for each in ("mean", "least"))


def test_versions_are_pinned() -> None:
    lines = (STUDY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    packages = [line for line in lines if line and not line.startswith("#")]
    assert packages
    assert all("==" in line for line in packages)


def test_the_text_says_how_much_fewer_instructions_are_than_whose() -> None:
    counted = {row["file"]: row["instructions"] for row in RECORDED["vit-mnist"]}
    ours = counted["tflconv-auto.tflite"]["cortex-a76"]
    text = " ".join(README.split())
    for file, words in {
        "TFLiteConverter-fp32": "{} times fewer instructions than the float file",
        "litert-quantizer-dynamic": "{} times fewer than litert-quantizer's dynamic recipe",
        "litert-quantizer-selective": "{} times fewer than the best that is written by hand",
    }.items():
        assert words.format(f"{counted[f'{file}.tflite']['cortex-a76'] / ours:.2f}") in text
    front = " ".join((STUDY.parents[1] / "README.md").read_text(encoding="utf-8").split())
    fewer = counted["litert-quantizer-selective.tflite"]["cortex-a76"] / ours
    assert f"{ours / 1e6:.2f} M instructions" in front
    assert f"{fewer:.2f} times fewer than the best recipe of litert-quantizer" in front


def test_the_text_says_what_full_int8_and_auto_save_on_random_weights() -> None:
    counted = {
        row["file"]: row["instructions"]["cortex-a76"]
        for row in RECORDED["mobilenet_v2"]
        if row.get("instructions")
    }
    text = " ".join(README.split())
    fewer = counted["TFLiteConverter-fp32.tflite"] / counted["litert-quantizer-static.tflite"]
    assert f"Full INT8 of other tools takes {fewer:.2f} times fewer instructions" in text
    fewer = counted["litert-quantizer-dynamic.tflite"] / counted["tflconv-auto.tflite"]
    assert f"{fewer:.2f} times fewer instructions than litert-quantizer's dynamic file" in text


def test_the_text_says_how_much_fewer_they_are_for_a_deit_and_that_auto_agrees() -> None:
    rows = {row["file"]: row for row in RECORDED["deit-tiny"]}
    ours, text = rows["tflconv-auto.tflite"], " ".join(README.split())
    for file, words in {
        "TFLiteConverter-fp32": "takes {} times fewer instructions than the float file",
        "litert-quantizer-dynamic": "{} times fewer than litert-quantizer's dynamic file",
        "litert-quantizer-selective": "{} times fewer than its selective one",
    }.items():
        theirs = rows[f"{file}.tflite"]["instructions"]["cortex-a76"]
        assert words.format(f"{theirs / ours['instructions']['cortex-a76']:.2f}") in text
    eight = [row for name, row in rows.items() if "fp32" not in name]
    assert [row for row in eight if row["agree"] == row["pictures"]] == [ours]
