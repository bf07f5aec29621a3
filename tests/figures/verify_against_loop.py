"""Cost of ``tflconv verify`` against a loop of one's own, in turns.

``python tests/figures/verify_against_loop.py`` needs the full MNIST in ``TFLCONV_DATA_DIR``.

The loop is what a user writes with ai_edge_litert: read the test pictures, prepare one after
another, run a model on it, count right and equal answers. ``pillow`` brings each picture to the
size of the model, as a loop does that works for other pictures, too; ``numpy`` knows that MNIST
needs none of it. All are fresh processes, start and imports included; CPU seconds and peak memory
come from the kernel (``wait4``).
"""

from __future__ import annotations

import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import click

RECIPES = ("fp32", "static_wi8_ai8")
KINDS = ("numpy", "pillow")


def own_loop(kind: str, reference: str, target: str, folder: str) -> None:
    """Compare two models on MNIST's test pictures, as a user would without tflconv."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter
    from PIL import Image

    with gzip.open(f"{folder}/t10k-images-idx3-ubyte.gz") as stream:
        pictures = np.frombuffer(stream.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(f"{folder}/t10k-labels-idx1-ubyte.gz") as stream:
        labels = np.frombuffer(stream.read(), np.uint8, offset=8)
    answers = []
    for path in (reference, target):
        interpreter = Interpreter(model_path=path)
        interpreter.allocate_tensors()
        source, sink = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        scale, zero_point = source["quantization"]
        classes = []
        for original in pictures:
            picture = original
            if kind == "pillow":
                height, width = source["shape"][1:3]
                picture = np.asarray(Image.fromarray(picture).convert("L").resize((width, height)))
            values = picture.astype(np.float32) / 255.0
            if scale:
                steps = np.round(values / scale) + zero_point
                values = np.clip(steps, -128, 127).astype(source["dtype"])
            interpreter.set_tensor(source["index"], values[np.newaxis, :, :, np.newaxis])
            interpreter.invoke()
            classes.append(int(interpreter.get_tensor(sink["index"])[0].argmax()))
        answers.append(np.array(classes))
    expected, received = answers
    right = [(answer == labels).mean() for answer in answers]
    print(f"{right[0]:.2%} {right[1]:.2%}, agreement {(expected == received).mean():.2%}")


def cost(command: list[str]) -> tuple[float, float, str]:
    """Run a command; return its CPU seconds, its peak memory in MB and what it printed."""
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        printed = output.read().decode()
    if child.returncode:
        raise SystemExit(f"{command} ended with {child.returncode}: {printed}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, printed


def make(model: str, options: dict[str, int], folder: str) -> None:
    """Write a pair of files of an untrained model; what they answer does not change the cost."""
    from tflconv import convert, models

    network = models.build(model, **options)
    labels = [str(digit) for digit in range(10)]
    convert(network, RECIPES, folder, normalize="0..1", labels=labels, calibration="mnist")


def made(model: str, options: dict[str, int], folder: str) -> list[str]:
    """Call ``make`` in a process of its own: children begin with the memory of their parent."""
    call = [sys.executable, __file__, "--make", model, json.dumps(options), folder]
    subprocess.run(call, check=True, stderr=subprocess.DEVNULL)
    return [f"{folder}/{model}-{recipe}.tflite" for recipe in RECIPES]


def compare(name: str, files: list[str], mnist: Path, rounds: int) -> None:
    """Print a row with the medians of all, and of the ratios of each round."""
    reference, target = files
    loops = [[sys.executable, __file__, "--loop", kind, *files, str(mnist)] for kind in KINDS]
    verify = [sys.executable, "-m", "tflconv", "verify", reference, target, "--dataset", "mnist"]
    taken = [[cost(command) for command in (*loops, verify)] for _ in range(rounds)]
    sides = list(zip(*taken, strict=True))
    seconds = [f"{statistics.median(run[0] for run in each):.2f}" for each in sides]
    ratios = []
    for side in range(len(KINDS)):
        found = [run[-1][0] / run[side][0] for run in taken]
        ratios.append(f"{statistics.median(found):.2f} [{min(found):.2f}, {max(found):.2f}]")
    peaks = [f"{max(run[1] for run in each):.0f}" for each in sides[1:]]
    print("|", " | ".join([name, *seconds, *ratios, *peaks]), "|", flush=True)


@click.command()
@click.option("--rounds", default=5, show_default=True)
@click.option("--loop", nargs=4, hidden=True)
@click.option("--make", "making", nargs=3, hidden=True)
def main(
    rounds: int, loop: tuple[str, str, str, str] | None, making: tuple[str, str, str] | None
) -> None:
    """Print a row per model."""
    if loop is not None:
        own_loop(*loop)
        return
    if making is not None:
        make(making[0], json.loads(making[1]), making[2])
        return
    mnist = Path(os.environ["TFLCONV_DATA_DIR"]) / "mnist"
    print(
        "| model | numpy loop, CPU s | pillow loop | verify | to numpy [least, most] | to pillow |"
        " pillow loop, MB | verify, MB |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    small = {"width": 4, "blocks": 1}
    for model, options in (("resnet", small), ("resnet", {}), ("vit", {}), ("mobilenet_v2", {})):
        with tempfile.TemporaryDirectory() as folder:
            files = made(model, options, folder)
            name = " ".join([model, *(f"{key}={value}" for key, value in options.items())])
            compare(name, files, mnist, rounds)


if __name__ == "__main__":
    main()
