"""Measure .tflite files where no phone is: ``python record.py demo/models/*.tflite``.

Emulated cores count instructions; the test phone (``tests/phone``: genuine adbd, arm64 programs,
qemu) shows the way over adb. Its clock, its memory and its battery are not those of any phone, so
what it says of them is left out, and it stands in the results as the emulator that it is.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "tests"))

from phone import Phone, Profile, adb  # noqa: E402 - it is not installed
from tflconv import results  # noqa: E402
from tflconv.results import BenchmarkRun, Results  # noqa: E402

CORES = ("arm64:cortex-a76", "arm64:cortex-a55", "arm64:cortex-a53")
RECIPES = ("fp32", "fp16", "dynamic_wi8_afp32", "static_wi8_ai8", "selective_wi8_ai8")
PICTURES = ("--dataset", "mnist-sample", "--pictures", "200")
QUICK = ("--num-runs", "3", "--min-secs", "0", "--warmup-min-secs", "0", "--rate-hz", "0")
ABOUT = {
    "ro.product.manufacturer": "",
    "ro.soc.manufacturer": "",
    "ro.soc.model": "",
    "ro.build.fingerprint": "Debian adbd under qemu",
}


def main(files: list[str]) -> None:
    """Write ``results.json`` here."""
    found = [bench(files, "--device", core, "--profile-runs", "0") for core in CORES]
    with Phone(Profile(model="test phone", release="", properties=ABOUT)) as phone:
        found += [bench(files, "-s", phone.serial, *PICTURES, *QUICK, "--profile-runs", "0")]
        adb("disconnect", phone.serial)
    context = {
        "title": "Demo models on emulated cores and over adb",
        "note": "No phone took part: instructions, outputs and accuracies are those of the arm64"
        " instruction set under qemu; there is no latency, CPU use or memory of any phone here.",
        "command": "python studies/emulated-phone/record.py demo/models/*.tflite",
    }
    runs = [honest(run) for part in found for run in part.runs]
    runs.sort(key=lambda run: RECIPES.index(run.model.recipe))
    Results(runs=tuple(runs), context=context).save(HERE / "results.json")


def bench(files: list[str], *options: str) -> Results:
    """What ``tflconv bench`` measures."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "results.json"
        command = [sys.executable, "-m", "tflconv", "bench", *files, *options]
        subprocess.run([*command, "--export-json", target], check=True)
        return results.load(target)


def honest(run: BenchmarkRun) -> BenchmarkRun:
    """``run`` with nothing that an emulator cannot know."""
    device, told = run.device, run.conditions
    kept = results.Conditions(
        instructions_not_counted=told.instructions_not_counted,
        pictures_digest=told.pictures_digest,
        pictures_vs_host=told.pictures_vs_host,
        outputs_vs_host=told.outputs_vs_host,
    )
    if device.kind == "phone":
        device = replace(device, id="adb:test-phone", kind="emulator", cores=None)
    return replace(
        run,
        device=device,
        conditions=kept,
        latency=None,
        cpu=None,
        memory=None,
        schedule=None,
        verdict=None,
        reasons=(),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
