"""Calls in Python that people get wrong: each error says what is wrong and what to do.

``share`` prints the table: how many of them name what to do, in words of Python.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from test_wrong_calls import PLANS, write_files

CALLS: list[tuple[str, str, str]] = [
    ("convert('none.keras')", "no model at none.keras", "Models come as .keras, .h5"),
    ("convert(T, 'fp23')", "unknown recipe 'fp23'", "Did you mean fp32"),
    ("convert(T, ['fp32', 5])", "recipes must be names", "Received: int"),
    ("convert(T, 5)", "recipes must be one or several", "Received: int"),
    ("convert(T, recipe='fp32')", "unknown parameter 'recipe'", "Did you mean recipes"),
    ("convert('bare.tflite', 'int8')", "needs samples of the data", "Add calibration="),
    ("convert(T, 'fp32', normalize='0-1')", "'0-1' is not one of 0..1", "MEAN,STD are"),
    ("convert(T, 'fp32', labels='none.txt')", "cannot read labels from none.txt", "one label per"),
    ("convert(T, 'fp32', settings=3)", "settings must be", "ChannelsConfig(epochs=5)"),
    ("convert(T, 'fp32', calibration_count='9')", "calibration_count must be a whole", "'9'"),
    ("convert(T, 'fp32', signature='embed')", "no signature", "Leave signature out"),
    ("convert(T, 'fp32', rewrite='optimised')", "rewrite must be one of", "optimized"),
    ("verify(T, T)", "does not say what it was trained on", "dataset=NAME"),
    ("verify(T, 'none.tflite')", "no model file at none.tflite", "tflconv convert"),
    ("verify(T, T, 'mnits')", "unknown dataset 'mnits'", "Did you mean mnist?"),
    ("verify(T, T, 'odd.npz')", "odd.npz does not fit the model", "Give arrays (x, y)"),
    ("verify(T, T, 'mnist-sample')", "other classes than those of", "labels=FILE"),
    ("verify(T, T, 'empty')", "two classes at least", "Put each picture into a folder"),
    ("verify(T, T, max_drop=0.01)", "unknown parameter 'max_drop'", ".check(max_drop=...)"),
    ("bench('none.tflite')", "no model file at none.tflite", "tflconv convert"),
    ("bench([])", "files must name at least one file", "files"),
    ("bench(3)", "files must be one or several", "Received: int"),
    ("bench(T, 'pixel')", "unknown device 'pixel'", "adb:SERIAL"),
    ("bench(T, num_run=3)", "unknown parameter 'num_run'", "Did you mean num_runs"),
    ("bench(T, num_runs='3')", "num_runs must be a whole number", "Received: '3'"),
    ("bench(T, num_runs=0)", "num_runs must be at least 1", "Received: num_runs=0"),
    (
        "bench(T, pictures=5)",
        "pictures would change nothing: there are no test pictures",
        "dataset=DATASET",
    ),
    ("bench(T, record='file/x.json')", "cannot write file/x.json", "not a folder"),
    ("bench(T, adb='none', devices='adb:X')", "'none', which is not a program", "Install it with"),
    ("compare(T, 'r.json')", "no results file at r.json", "tflconv bench"),
    ("compare(T, T, fail_on='speed:5%')", "speed", "latency"),
    ("compare(T, T, fail_on='latency:5')", "latency:5", "latency:5%"),
    ("load('none.json')", "no results file at none.json", "tflconv bench --export-json"),
    ("load(T)", "tiny.tflite is not a results file", "tflconv bench --export-json"),
    ("inspect('none.tflite')", "no model at none.tflite", "tflconv convert"),
    ("inspect('m.keras', T)", "m.keras is a Keras file", "Convert it first"),
    ("train('vti', 'mnist-sample')", "unknown model 'vti'", "Did you mean vit"),
    ("train('vit', 'mnits')", "unknown dataset 'mnits'", "Did you mean mnist?"),
    ("train('vit', 'mnist-sample', 'x.h5')", "a trained model is a .keras file", "x.keras"),
    ("train('vit', 'mnist-sample', epoch=3)", "unknown parameter 'epoch'", "Did you mean epochs"),
    ("train('vit', 'mnist-sample', options={'dpeth': 5})", "unknown option", "Did you mean depth"),
    ("write_report('none.json', 'x.html')", "no results file at none.json", "tflconv bench"),
    ("write_report(5, 'x.html')", "results must be", "Received: int"),
    ("study('none.toml')", "cannot read the plan none.toml", "tflconv study init"),
    ("study('key.toml')", "line 2: unknown key 'datset'", "Did you mean 'dataset'"),
    ("serve('none.tflite', port=0)", "no model file at none.tflite", "tflconv convert"),
    ("serve(T, port='x')", "port must be a whole number", "Received: 'x'"),
    ("compress('none.keras', 'channels50')", "no model at none.keras", "Models come as"),
    ("compress('none.keras', 'chanels50')", "unknown technique 'chanels'", "Did you mean channels"),
    ("evaluate(T)", "module 'tflconv' has no attribute 'evaluate'", "verify"),
]

DRIVER = """
import json, sys, warnings
warnings.simplefilter("ignore")
import tflconv
from tflconv.errors import TflconvError
T = "tiny.tflite"

def told(call):
    try:
        eval("tflconv." + call, {"tflconv": tflconv, "T": T})
    except (TflconvError, AttributeError) as error:
        heavy = sorted({"tensorflow", "tf_keras", "keras"} & set(sys.modules))
        return [type(error).__name__, str(error), heavy]
    except BaseException as error:
        return ["unexpected " + type(error).__name__, str(error), []]
    return ["nothing", "", []]

print(json.dumps([told(call) for call in json.load(sys.stdin)]))
"""


@functools.cache
def answers() -> list[Any]:
    """What each call raised."""
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder))
        (Path(folder) / "m.keras").write_bytes(b"PK")
        run = subprocess.run(
            [sys.executable, "-c", DRIVER],
            input=json.dumps([call for call, *_ in CALLS]),
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert run.returncode == 0, run.stderr
        found: list[Any] = json.loads(run.stdout)
        return found


def names_what_to_do(number: int) -> bool:
    """Whether a call raises an error of ours that says what is wrong and what to do."""
    _, wrong, todo = CALLS[number]
    kind, message, _ = answers()[number]
    ours = not kind.startswith("unexpected") and kind != "nothing"
    return (
        ours
        and wrong in message
        and todo in message
        and "--" not in message.replace("tflconv bench --export-json", "")
    )


def test_there_are_enough_of_them() -> None:
    assert len({call for call, *_ in CALLS}) == len(CALLS) >= 45
    assert "key" in PLANS


@pytest.mark.parametrize("number", range(len(CALLS)), ids=lambda n: CALLS[n][0])
def test_a_wrong_call_says_what_is_wrong_and_what_to_do(number: int) -> None:
    assert names_what_to_do(number), answers()[number]
    assert answers()[number][2] == [], "refused only after TensorFlow was imported"


if __name__ == "__main__":
    good = [names_what_to_do(number) for number in range(len(CALLS))]
    for number, (call, *_) in enumerate(CALLS):
        print("yes" if good[number] else "no ", call, answers()[number][:2])
    print(f"{sum(good)} of {len(good)} name what to do")
