"""Calls that people get wrong: each is one message that says what is wrong and what to do.

All run in one process that forks for each, so that each starts fresh and none pays for starting
Python. Whatever can be refused without TensorFlow is refused before it is imported.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflconv.cli import COMMANDS

MODELS = Path(__file__).parents[1] / "golden" / "models"

PLAN = 'name = "s"\ndataset = "mnist-sample"\nrecipes = ["fp32"]\n[[models]]\nmodel = "vit"\n'
PLANS = {
    "key": PLAN.replace("dataset", "datset", 1),
    "option": PLAN + "options = { dpeth = 5 }\n",
    "patch": PLAN + "options = { patch = 5 }\n",
    "device": 'devices = ["pixel"]\n' + PLAN,
    "core": 'devices = ["arm64:cortex-a99"]\n' + PLAN,
    "file": PLAN.replace('"vit"', '"none.keras"'),
    "set": PLAN.replace("mnist-sample", "mnits"),
    "arrays": PLAN.replace("mnist-sample", "own.npz"),
    "samples": PLAN + '[calibration]\nsource = "mnits"\n',
    "drop": "max_drop = 0.5\n" + PLAN,
    "gain": 'max_drop = "-1pt"\n' + PLAN,
    "whole": PLAN + "[bench]\nnum_runs = 2.5\n",
    "truth": 'strip = "no"\n' + PLAN,
    "list": 'devices = "host"\n' + PLAN,
    "recipe": PLAN.replace("fp32", "fp23"),
    "model": PLAN.replace("vit", "vti"),
    "pixels": PLAN + 'normalize = "0..2"\n',
    "labels": PLAN.replace('"vit"', '"tiny.tflite"') + 'labels = "none.txt"\n',
}

T = "tiny.tflite"
STATIC = ["convert", T, "--recipe", "static_wi8_ai8"]
VERIFY = ["verify", T, T]
SERVE = ["serve", "--port", "0"]
HISTORY, KEPT = ["history"], ["--history", "runs.sqlite"]
VIT = ["train", "vit", "--dataset", "mnist-sample"]

CALLS: list[tuple[list[str], int, str, str]] = [
    (["benhc", T], 2, "No such command 'benhc'", "Did you mean 'bench'?"),
    (["convert"], 2, "Missing argument 'MODEL'", "For example: tflconv convert"),
    (["convert", "none.keras"], 1, "no model at none.keras", "Models come as .keras, .h5"),
    (["convert", "hf://a/b.keras"], 2, "hf://a/b.keras is an address", "Download it"),
    (["inspect", "https://a.org/b.tflite"], 2, "https://a.org/b.tflite is an add", "Download it"),
    ([*VERIFY, "--dataset", "s3://a/b"], 2, "s3://a/b is an address", "Download it"),
    (["convert", "photo.jpg"], 1, "photo.jpg is neither", "Models come as .keras, .h5"),
    (["convert", "net.onnx"], 1, "net.onnx is neither", "Models come as .keras, .h5"),
    (["convert", "empty"], 1, "empty is not a SavedModel", "model.export(folder)"),
    (["convert", T, "--recipe", "static_w8_ai8"], 2, "unknown recipe", "static_wi8_ai8"),
    (["convert", T, "--recipe", "qat_fp32"], 2, "qat trains the ranges", "qat_static_wi8_ai8"),
    (["convert", T, "--recipe", "qat_static_wi8_ai8"], 2, "cannot be trained", "the Keras model"),
    (["convert", T, "--rewrite", "optimised"], 2, "'optimised' is not one of", "'optimized'"),
    (["convert", T, "--io", "int16"], 2, "'int16' is not one of", "'int8', 'uint8'"),
    (["convert", T, "--signature", "embed"], 2, "no signature", "Leave --signature out"),
    (["convert", T, "--normalize", "0-1"], 2, "'0-1' is not one of 0..1", "MEAN,STD are"),
    (["convert", T, "--labels", "none.txt"], 1, "cannot read labels", "one label per line"),
    (["convert", T, "--dataset", "mnits"], 2, "unknown dataset 'mnits'", "Did you mean mnist?"),
    (["convert", T, "-o", "file/below"], 1, "cannot write file/below", "a file, not a folder"),
    (["convert", T, "--custom-objects", "none.py"], 2, "'none.py' does not exist", "Python file"),
    (["convert", "bare.tflite", *STATIC[2:]], 2, "needs samples of the data", "Add --calibration"),
    ([*STATIC, "--calibration", "nowhere/"], 2, "no folder or archive nowhere/", "Is the path"),
    ([*STATIC, "--calibration", "asl-alphabet"], 1, "is not on this machine", "datasets fetch"),
    ([*STATIC, "--calibration", "none.npz"], 1, "no file none.npz", "Is the path right?"),
    ([*STATIC, "--calibration", "odd.npz"], 2, "does not fit the model", "one array [n, ...] per"),
    ([*STATIC, "--qat-epochs", "0"], 2, "--qat-epochs must be at least 1", "Received: 0"),
    (["verify", "none.keras", T], 1, "no model at none.keras", "Models come as"),
    (["verify", T, "none.tflite"], 1, "no model file at none.tflite", "tflconv convert"),
    (["verify", T, "text.keras"], 2, "text.keras is not a .tflite file", "verify REFERENCE TARGET"),
    (VERIFY, 2, "does not say what it was trained on", "Add --dataset NAME"),
    ([*VERIFY, "--max-drop", "0.5"], 2, "'0.5' is not a drop of accuracy", "Say 0.5pt"),
    ([*VERIFY, "--max-drop", "-1pt"], 2, "'-1pt' is not a drop of accuracy", "Say 0.5pt"),
    ([*VERIFY, "--max-drop", "1%"], 2, "'1%' is not a drop of accuracy", "Say 0.5pt"),
    ([*VERIFY, "--min-agreement", "99"], 2, "'99' is not a share", "Did you mean 99%?"),
    ([*VERIFY, "--metric", "accuracy"], 2, "'accuracy' is not one of", "'top1', 'top5'"),
    ([*VERIFY, "--dataset", "odd.npz"], 2, "odd.npz does not fit the model", "Give arrays (x, y)"),
    ([*VERIFY, "--dataset", "empty"], 1, "two classes at least", "Put each picture into a folder"),
    ([*VERIFY, "--dataset", "mnist-sample"], 2, "other classes than those of", "--labels FILE"),
    ([*VERIFY, "--metric", "mae", "--max-drop", "1pt"], 2, "mae is an error", "--max-drop is in"),
    ([*VERIFY, "--export-json", "file/x.json"], 1, "cannot write file/x", "a file, not a folder"),
    (["bench"], 2, "Missing argument 'FILE...'", "For example: tflconv bench"),
    (["bench", "none.tflite"], 2, "'none.tflite' does not exist", "For example"),
    (["bench", "text.keras"], 1, "text.keras is not a .tflite file", "tflconv convert"),
    (["bench", T, "--device", "pixel"], 2, "unknown device 'pixel'", "adb:SERIAL"),
    (["bench", T, "--device", "arm64:cortex-a99"], 2, "unknown arm64 core", "cortex-a76"),
    (["bench", T, "-s", "X", "--adb", "none"], 2, "'none', which is not a program", "Install it"),
    (["bench", T, "-s", "X", "--runtime", "none.aar"], 2, "no file none.aar", "Leave --runtime"),
    (["bench", T, "--duty-cycle", "0.3"], 2, "--duty-cycle would change nothing: there is no",
     "Leave --duty-cycle out"),
    (["bench", T, "--num-runs", "0", "--blocks", "-1"], 2, "--blocks must", "--num-runs must"),
    (["bench", T, "--num-runs", "0"], 2, "--num-runs must be at least 1", "Received: 0."),
    (["bench", T, "--num-runs", "99999999999"], 2, "--num-runs must be at most", "Received: 999"),
    (["bench", T, "--num-threads", "5000"], 2, "--num-threads must be at most 1024", "5000"),
    (["bench", T, "--cpu-mask", "0x0"], 2, "--cpu-mask must be", "big, all or hex"),
    (["bench", T, "--seed", "99999999999"], 2, "--seed must be at most 2147483647", "99999999999"),
    (["convert", T, "--seed", "-1"], 2, "--seed must be at least 0", "Received: -1"),
    ([*VERIFY, "--dataset", "mnist-sample", "--seed", "-1"], 2, "--seed must be at least 0", "-1"),
    (["bench", T, "--reference", T], 2, "does not say what it was trained on", "Add --dataset"),
    (["bench", T, "--cpu-mask", "small"], 2, "--cpu-mask must be", "big, all or hex"),
    (["bench", T, "--min-secs", "5", "--max-secs", "1"], 2, "--max-secs must be", "at least 5"),
    (["bench", T, "--pictures", "5"], 2, "--pictures would change nothing", "--dataset DATASET"),
    (["bench", T, "--labels", "two.txt"], 2, "--labels would change nothing", "--dataset DATASET"),
    (["bench", T, "--dataset", "mnits"], 2, "unknown dataset 'mnits'", "Did you mean mnist?"),
    (["bench", T, "--dataset", "odd.npz"], 2, "pixels (uint8 pictures)", "--reference MODEL"),
    (["bench", T, "--export-json", "file/x.json"], 1, "cannot write file/x.json", "not a folder"),
    (["train", "mobilnet_v2", *VIT[2:]], 2, "unknown model", "Did you mean mobilenet_v2"),
    (["train", "vit"], 2, "Missing option '--dataset'", "For example: tflconv train"),
    (["train", "vit", "--dataset", "imagenet"], 2, "unknown dataset", "Known: asl-alphabet"),
    ([*VIT, "--option", "patch=5"], 2, "patches of 5 px do not divide", "Choose another patch"),
    ([*VIT, "--option", "patch"], 2, "not of the form NAME=VALUE", "Options of vit: "),
    ([*VIT, "--option", "depth=two"], 2, "depth must be a whole number", "Received: depth=two"),
    ([*VIT, "-o", "digits.h5"], 2, "a trained model is a .keras file", "Say -o digits.keras"),
    ([*VIT, "-o", "file/below.keras"], 1, "cannot write file/below", "a file, not a folder"),
    (["inspect", "none.tflite"], 1, "no model at none.tflite", "tflconv convert"),
    (["inspect", "empty"], 1, "cannot read empty: it is a folder", "Name the .tflite file in it"),
    (["report", "empty"], 1, "cannot read empty: it is a folder", "Results come from"),
    (["inspect", T, "--results", "none.json"], 1, "no results file", "tflconv bench --export-json"),
    (["serve"], 2, "Missing argument 'MODELS...'", "For example: tflconv serve"),
    ([*SERVE, "none.tflite"], 1, "no model file at none.tflite", "tflconv convert"),
    ([*SERVE, "empty"], 1, "empty is not a file", "Name a .tflite file"),
    ([*SERVE, T, "./tiny.tflite"], 2, "two models are called tiny", "Rename one"),
    (["serve", T, "--port", "70000"], 2, "--port must be between 0 and 65535", "Received: 70000"),
    ([*SERVE, T, "--workers", "-1"], 2, "--workers must be at least 0", "Received: -1"),
    ([*SERVE, T, "--timeout", "0"], 2, "--timeout must be above 0", "Received: 0"),
    ([*SERVE, T, "--allow-origin", "*"], 2, "--allow-origin must be an origin", "Received: '*'"),
    ([*SERVE, T, "--host", "192.0.2.1"], 1, "cannot listen at 192.0.2.1", "--host"),
    ([*SERVE, T, "--token-file", "two.txt"], 2, "at least 16 printable", "openssl rand"),
    ([*SERVE, T, "--token-file", "none"], 1, "cannot read a token from none", "No such file"),
    ([*SERVE, T, "--golden", "nowhere"], 1, "neither a golden contract nor", "convert --golden 8"),
    ([*SERVE, T, "--normalize", "0-1"], 2, "'0-1' is not one of 0..1", "MEAN,STD are"),
    ([*SERVE, T, "--labels", "none.txt"], 1, "cannot read labels", "one label per line"),
    (["report", T], 1, "tiny.tflite is not a results file", "tflconv bench --export-json"),
    (["datasets", "fetch", "mnits"], 2, "unknown dataset 'mnits'", "Did you mean mnist?"),
    (["study", "none.toml"], 2, "cannot read the plan none.toml", "A plan is a TOML file"),
    (["study", "key.toml"], 2, "key.toml, line 2: unknown key 'datset'", "Did you mean 'dataset'"),
    (["study", "option.toml"], 2, "unknown option of vit 'dpeth'", "Did you mean depth"),
    (["study", "patch.toml"], 2, "patches of 5 px do not divide", "Choose another patch"),
    (["study", "device.toml"], 2, "unknown device 'pixel'", "adb:SERIAL"),
    (["study", "core.toml"], 2, "unknown arm64 core", "cortex-a76"),
    (["study", "file.toml"], 1, "no model at none.keras", "Models come as"),
    (["study", "set.toml"], 2, "unknown dataset 'mnits'", "Did you mean mnist?"),
    (["study", "arrays.toml"], 2, "own.npz holds arrays", "verify and bench take arrays"),
    (["study", "samples.toml"], 2, "unknown dataset 'mnits'", "Did you mean mnist?"),
    (["study", "drop.toml"], 2, "'0.5' is not a drop of accuracy", "Say 0.5pt"),
    (["study", "gain.toml"], 2, "'-1pt' is not a drop of accuracy", "Say 0.5pt"),
    (["study", "whole.toml"], 2, "line 7: 'bench.num_runs'", "expected a whole number, not 2.5"),
    (["study", "truth.toml"], 2, "line 1: 'strip'", "expected true or false, not 'no'"),
    (["study", "list.toml"], 2, "line 1: 'devices'", "expected a list, not 'host'"),
    (["study", "recipe.toml"], 2, "unknown recipe 'fp23'", "Did you mean fp32"),
    (["study", "model.toml"], 2, "unknown model 'vti'", "Did you mean vit?"),
    (["study", "pixels.toml"], 2, "'0..2' is not one of 0..1", "MEAN,STD are"),
    (["study", "labels.toml"], 1, "cannot read labels from none.txt", "one label per line"),
    (["help"], 2, "No such command 'help'", "Say 'tflconv --help'"),
    (["--recipe", "int8"], 2, "No such option '--recipe'", "behind its command: compress, convert"),
    (["--verison"], 2, "No such option '--verison'", "Did you mean '--version'?"),
    (["list", "devices"], 2, "No such command 'devices'", "Say 'tflconv devices'"),
    (["list", "model"], 2, "No such command 'model'", "Did you mean 'models'?"),
    (["doctor", "adb"], 2, "unexpected extra argument (adb)", "It takes no words"),
    (["inspect", T, T, T], 2, "unexpected extra argument", "It takes FILE [OTHER.tflite]"),
    (["convert", T, "int8"], 2, "unexpected extra argument (int8)", "mean '--recipe int8'?"),
    (["convert", T, "-r", "int8"], 2, "No such option '-r'", "'--recipe' or '--resize'"),
    (["convert", T, "--quantize", "int8"], 2, "No such option '--quantize'", "'--recipe'?"),
    (["convert", T, "--recipe", "fp32,int8"], 2, "unknown recipe 'fp32,int8'", "one at a time"),
    (["convert", T, "--recipe", "INT8"], 2, "unknown recipe 'INT8'", "Did you mean int8?"),
    (["convert", T, "--recipe", "int4"], 2, "unknown recipe 'int4'", "Did you mean int8?"),
    (["convert", T, "-o", "m.tflite"], 2, "m.tflite is to be a folder", "Say --output ."),
    (["convert", T, "--min-cosine", "99"], 2, "'99' is not a share", "Did you mean 99%?"),
    (["convert", T, "--setting", "chanels.epochs=1"], 2, "unknown technique", "mean channels?"),
    (["convert", "photos.zip"], 1, "no model at photos.zip", "Models come as .keras, .h5"),
    (["verify", T], 2, "nothing to compare with", "Name both models, first the reference"),
    ([*VERIFY, "--dataset", "two.txt"], 2, "two.txt is neither", "Give a folder, an archive"),
    (["bench", T, "--threads", "4"], 2, "No such option '--threads'", "'--num-threads'"),
    (["bench", T, "--runs", "9"], 2, "No such option '--runs'", "'--num-runs'"),
    (["bench", T, "--gpu"], 2, "No such option '--gpu'", "Did you mean '--use-gpu'?"),
    (["bench", T, "--device", "gpu"], 2, "unknown device 'gpu'", "--device adb:SERIAL --use-gpu"),
    (["bench", T, "--blocks", "-1"], 2, "--blocks must be at least 0", "Received: -1"),
    (["bench", T, "--golden", "none.zip"], 1, "no golden contract at none.zip", "--golden 8"),
    (["compare", T, T, "--fail-on", "latency"], 2, "'latency' has no limit", "Say latency:5%"),
    (["compare", T, T, "--fail-on", "latency=5%"], 2, "has no colon", "Say latency:5%"),
    (["compare", T, T, "--fail-on", "accuracy:1pt"], 2, "no pictures to measure", "--dataset"),
    ([*VIT, "--lr", "0.1"], 2, "No such option '--lr'", "Did you mean '--learning-rate'?"),
    (["convert", T, "--calibration"], 2, "requires an argument", "--calibration DATASET: Samples"),
    (["convert", T, "--calibration-count", "0"], 2, "not in the range x>=1", "Number of samples"),
    (["convert", T, "--resolution", "224x224"], 2, "is not a whole number", "Side of the pictures"),
    (["convert", T, "--resize", "squash"], 2, "'squash' is not one of", "'crop', 'pad', 'stretch'"),
    (["convert", T, "--normalize", "imagenet"], 2, "'imagenet' is not one of", "MEAN,STD are"),
    (["convert", T, "--golden", "0"], 2, "0 is not in the range 1<=x<=1000", "--golden "),
    (["convert", T, "--device", "host"], 2, "No such option '--device'", "These commands have it"),
    (["convert", "."], 1, ". is not a SavedModel", "Name the file: bare.tflite"),
    ([*VERIFY, "--pictures", "0", "--dataset", "mnist-sample"], 2, "range x>=1", "--pictures "),
    ([*VERIFY, "--dataset", "photo.jpg"], 2, "neither a folder nor an archive", "Give a folder"),
    (["bench", "."], 2, "File '.' is a directory", "For example: tflconv bench models/*.tflite"),
    (["bench", T, "--device", "phone"], 2, "unknown device 'phone'", "adb:SERIAL"),
    (["bench", T, "-s"], 2, "'-s' requires an argument", "Short for adb:SERIAL"),
    (["bench", T, "--timeout", "soon"], 2, "'soon' is not a number", "--timeout SECONDS: "),
    (["bench", T, "--duty-cycle", "2"], 2, "--duty-cycle must be from 0.01 to 1", "Received: 2.0"),
    (["bench", T, "--precision", "fp8"], 2, "--precision must be fp32 or fp16", "Received: 'fp8'"),
    (["bench", T, "--num-threads", "0"], 2, "--num-threads must be at least 1", "Received: 0"),
    (["bench", T, "--export-csv", "."], 1, "cannot write .: Is a directory", "Name a file"),
    (["bench", T, "--input-file", "none"], 2, "there is no input file none", "Leave it out"),
    (["compare", T], 2, "Missing argument 'CONTENDER'", "For example: tflconv compare "),
    (["compare", T, "none.tflite"], 1, "no model file at none.tflite", "tflconv convert"),
    (["compare", T, "none.json"], 1, "no results file at none.json", "tflconv bench --export-json"),
    (["compare", T, f"{T}#x"], 1, "is not a results file: it is a .tflite file", "tflconv bench"),
    (["compare", T, __file__], 1, "is not a results file: it is a text file", "tflconv bench"),
    (["compare", "none.json", "none.json"], 1, "no results file", "tflconv bench --export-json"),
    (["compare", T, T, "--fail-on", "accuracy:1%"], 2, "'1%' is not a drop", "Say 0.5pt"),
    (["compare", T, T, "--confidence", "95"], 2, "confidence must be from 0.5 to", "below 1"),
    (["compare", T, T, "--fail-on", "speed:5%"], 2, "speed", "latency"),
    (["inspect", "photo.jpg"], 1, "photo.jpg is not a .tflite file", "tflconv convert"),
    (["inspect", "text.keras"], 1, "neither a .keras nor an .h5 file", "Models come as"),
    (["inspect", "named.keras"], 1, "it is a .tflite file", "Rename it to end in .tflite"),
    (["inspect", "net.onnx"], 1, "net.onnx is not a .tflite file", "tflconv convert"),
    (["convert", "named.keras"], 1, "it is a .tflite file", "Rename it to end in .tflite"),
    (["inspect", T, "--for", "npu"], 2, "'npu' is not", "'gpu'"),
    (["inspect", T, "--calibration", "mnist-sample"], 2, "two files against", "Name a second file"),
    (["inspect", T, "--device", "host"], 2, "No such option '--device'", "bench, compare"),
    (["report"], 2, "Missing argument 'RESULTS...'", "For example: tflconv report results.json"),
    (["report", "none.json"], 1, "no results file at none.json", "tflconv bench --export-json"),
    (["report", "two.txt"], 1, "not a results file: it is a text file", "tflconv bench"),
    (["report", "r.json", "--html"], 2, "'--html' requires an argument", "--html PATH: Write one"),
    (["train"], 2, "Missing argument 'MODEL'", "For example: tflconv train "),
    (["train", "resnet50", *VIT[2:]], 2, "unknown model 'resnet50'", "Did you mean resnet"),
    ([*VIT, "--epochs", "0"], 2, "--epochs must be at least 1", "Received: 0"),
    ([*VIT, "--learning-rate", "fast"], 2, "'fast' is not a number", "Highest learning rate"),
    ([*VIT, "--teacher", "none.keras"], 1, "no model at none.keras", "Models come as"),
    ([*VIT, "-o", "digits"], 2, "a trained model is a .keras file", "Say -o digits.keras"),
    (["compress", "none.keras"], 2, "Missing option '--recipe'", "For example: tflconv compress "),
    (["compress", T, "--recipe", "channels50"], 2, "is not a Keras file", "Give the .keras"),
    (["compress", "m.keras", "--recipe", "channels150"], 2, "percentage to remove", "1 to 99"),
    (["compress", "m.keras", "--recipe", "int8"], 2, "stays in float", "use tflconv convert"),
    (["compress", "m.keras", "--recipe", "chanels50"], 2, "unknown technique", "channels"),
    (["compress", "none.keras", "--recipe", "channels50"], 1, "no model at none", "Models come as"),
    (["study"], 2, "Missing argument 'PLAN|demo|init'", "For example: tflconv study demo"),
    (["study", "dem"], 2, "there is no plan dem", "Did you mean demo?"),
    (["study", T], 2, "cannot read the plan tiny.tflite: it is not UTF-8", "A plan is a TOML file"),
    (["study", "empty"], 2, "cannot read the plan empty: it is a folder", "A plan is a TOML file"),
    (["study", "init", "-o", "p.toml"], 2, "is printed", "Say: tflconv study init > plan.toml"),
    ([*HISTORY, "show", "zzz", *KEPT], 2, "no run whose hash", "history list shows"),
    ([*HISTORY, "show", *KEPT], 2, "Missing argument 'RUN'", "For example: tflconv history show "),
    ([*HISTORY, "export", *KEPT], 2, "Missing argument", "tflconv history export "),
    ([*HISTORY, "merge", "none.sqlite", *KEPT], 1, "no history at none", "(.json)"),
    ([*HISTORY, "trend", "none", *KEPT], 2, "extra argument (none)", "It takes no words"),
    ([*HISTORY, "trend", "--figure", "speed", *KEPT], 2, "'speed' is not one of", "'latency'"),
    ([*HISTORY, "lst", *KEPT], 2, "No such command 'lst'", "Did you mean 'list'?"),
    (["history", "list"], 2, "TFLCONV_HISTORY is off", "Name a history: --history FILE"),
    (["history", "list", "--history", T], 1, "tiny.tflite is not a history", "Name another file"),
    (["datasets", "show", "photos"], 2, "unknown dataset 'photos'", "Known: asl-alphabet"),
    (["datasets", "fetch"], 2, "Missing argument 'NAME'", "For example: tflconv datasets fetch "),
    (["datasets", "fetch", "mnist", "--from", "none"], 2, "no file none", "Leave it out"),
    (["datasets", "fetch", "mnist-sample"], 2, "nothing to fetch", "Say its name"),
    (["datasets", "list"], 2, "No such command 'list'", "tflconv list datasets"),
    (["devices", "setup"], 2, "Missing argument", "arm64"),
    (["devices", "setup", "x86"], 2, "'x86' is not", "'arm64'"),
    (["devices", "-s", "X"], 2, "No such option '-s'", "These commands have it: bench, compare"),
    (["devices", "list"], 2, "No such command 'list'", "Say 'tflconv devices'"),
    (["devices", "cleen"], 2, "No such command 'cleen'", "Did you mean 'clean'?"),
    (["doctor", "--fix"], 2, "No such option '--fix'", "For example: tflconv doctor"),
    (["list", "recipes", "int8"], 2, "unexpected extra argument (int8)", "It takes no words"),
    (["serve", T, "--port", "http"], 2, "'http' is not a whole number", "--port PORT: Port to"),
    ([*SERVE, "photo.jpg"], 1, "photo.jpg is not a .tflite file", "tflconv convert"),
]  # fmt: skip

DRIVER = """
import contextlib, io, json, os, sys, traceback

def told(arguments):
    from tflconv import cli
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main(arguments)
        except SystemExit as end:
            code = end.code
        except BaseException:
            code = traceback.format_exc()
    heavy = sorted({"tensorflow", "tf_keras", "keras"} & set(sys.modules))
    return [code, err.getvalue(), heavy, sorted(os.listdir())]

def forked(arguments):
    reading, writing = os.pipe()
    if os.fork() == 0:
        with os.fdopen(writing, "w") as stream:
            json.dump(told(arguments), stream)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        answer = json.load(stream)
    os.wait()
    return answer

if __name__ == "__main__":
    import tflconv.pipeline, tflconv.pipeline.study, tflconv.report.html
    import tflconv.service.server
    print(json.dumps([forked(arguments) for arguments in json.load(sys.stdin)]))
"""


def write_files(folder: Path) -> None:
    content = (MODELS / "tiny_float32.tflite").read_bytes()
    (folder / T).write_bytes(content)
    (folder / "bare.tflite").write_bytes(content.partition(b"PK\x03\x04")[0])
    (folder / "named.keras").write_bytes(content)
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff" + bytes(100))
    (folder / "net.onnx").write_bytes(b"\x08\x07" + bytes(100))
    (folder / "text.keras").write_text("no model\n" * 9)
    (folder / "file").write_text("in the way")
    (folder / "two.txt").write_text("a\nb\n")
    (folder / "empty").mkdir()
    np.savez(folder / "odd.npz", left=np.zeros((3, 2)))
    np.savez(folder / "own.npz", x=np.zeros((3, 8, 8, 1)), y=np.zeros((3, 3)))
    for name, text in PLANS.items():
        (folder / f"{name}.toml").write_text(text)


@functools.cache
def answers() -> list[Any]:
    """What each call ended with: code, messages, what was imported, and files afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder))
        environment = {"TFLCONV_DATA_DIR": f"{folder}/none", "PATH": os.environ["PATH"]}
        environment["TFLCONV_HISTORY"] = "off"
        run = subprocess.run(
            [sys.executable, "-c", DRIVER],
            input=json.dumps([arguments for arguments, *_ in CALLS]),
            cwd=folder,
            env=environment | {"HOME": folder},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert run.returncode == 0, run.stderr
        return [*json.loads(run.stdout), sorted(os.listdir(folder))]


def test_there_are_enough_of_them() -> None:
    assert len({tuple(arguments) for arguments, *_ in CALLS}) == len(CALLS) >= 96
    called = Counter(arguments[0] for arguments, *_ in CALLS)
    assert min(called[name] for name in COMMANDS) >= 2, called


@pytest.mark.parametrize("number", range(len(CALLS)), ids=lambda n: " ".join(CALLS[n][0]))
def test_a_wrong_call_says_what_is_wrong_and_what_to_do(number: int) -> None:
    _, code, wrong, todo = CALLS[number]
    ended, told, imported, files = answers()[number]
    assert ended == code, told
    assert told.count("Error:") == 1, told
    assert wrong in told
    assert todo in told
    assert imported == [], f"refused only after {imported} were imported"
    assert files == answers()[-1]
