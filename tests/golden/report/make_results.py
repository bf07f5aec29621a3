"""Writes ``results.json`` beside it: SYNTHETIC results to develop and test reports with.

Nothing in the file was measured. Names begin with ``fixture`` so that no figure of it can be
mistaken for a model's. Run ``python tests/golden/report/make_results.py`` after a change.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tflconv import results
from tflconv.core.files import sha256_bytes

RECIPES = ("fp32", "fp16", "dynamic_wi8_afp32", "static_wi8_ai8")
# name: bytes, correct of 1000, agreeing, latency in ms, partitions, instructions; one a recipe
MODELS = {
    "fixture_cnn": (
        (1_640_000, 830_000, 560_000, 630_000),
        (973, 973, 972, 969),
        (1000, 1000, 997, 990),
        (0.212, 0.214, 0.181, 0.158),
        (1, 1, 1, 1),
        (740_000.0, 741_000.0, 680_000.0, 402_000.0),
    ),
    "fixture_vit": (
        (620_000, 325_000, 210_000, 226_000),
        (948, 948, 946, 931),
        (1000, 1000, 995, 962),
        (0.151, 0.150, 0.133, 0.402),
        (2, 2, 2, 34),
        (2_900_000.0, 2_900_000.0, 2_150_000.0, 5_300_000.0),
    ),
}
HOST = results.DeviceInfo(
    id="host",
    kind="host",
    name="fixture computer",
    abi="x86_64",
    os="Linux (fixture)",
    cpu="Fixture CPU @ 2.5 GHz",
    cores=2,
    features=("avx2", "fma"),
)
EMULATOR = results.DeviceInfo(
    id="arm64:cortex-a76",
    kind="emulator",
    name="qemu cortex-a76",
    abi="arm64",
    os="Linux user mode (fixture)",
    cpu="Cortex-A76 (emulated)",
    features=("asimddp", "fphp"),
)
PHONE = results.DeviceInfo(
    id="adb:FIXTURE01",
    kind="phone",
    name="Fixture Phone 7",
    abi="arm64-v8a",
    os="Android 14 (fixture)",
    cpu="2x big, 6x little (fixture)",
    cores=8,
    features=("asimddp",),
    build="FIXTURE/1.0",
)


def software(name: str, version: str) -> results.Software:
    return results.Software(
        name=name, version=version, sha256=sha256_bytes(f"fixture {name}".encode())
    )


def samples(median_ms: float, seed: int, *, count: int = 60, drift: float = 0.0) -> tuple[int, ...]:
    random = np.random.default_rng(seed)
    noise = random.gamma(2.0, 0.015, count) + np.linspace(0.0, drift, count)
    values = median_ms * (0.985 + noise) * 1e6
    values[random.integers(count)] *= 1.9
    return tuple(int(value) for value in values)


def identity(model: str, index: int) -> results.MeasuredModel:
    slug = f"{model}-fixture_digits-{RECIPES[index]}"
    return results.MeasuredModel(
        slug=slug,
        name=model,
        recipe=RECIPES[index],
        sha256=sha256_bytes(slug.encode()),
        bytes=MODELS[model][0][index],
        download_bytes=MODELS[model][0][index] * (9 if index == 0 else 7) // 10,
        dataset="fixture_digits",
        baseline=f"{model}-fixture_digits-fp32",
        parameters=400_000 if model == "fixture_cnn" else 150_000,
        macs=720_000 if model == "fixture_cnn" else 2_600_000,
    )


def accuracy(model: str, index: int, where: str) -> results.Accuracy:
    correct = MODELS[model][1]
    return results.Accuracy(
        dataset="fixture_digits",
        correct=correct[index],
        total=1000,
        where="device" if where == "device" else "host",
        reference_correct=correct[0],
        agreeing=MODELS[model][2][index],
        subset=True,
    )


def graph(model: str, index: int) -> results.Graph:
    partitions = MODELS[model][4][index]
    nodes = 68 if model == "fixture_cnn" else 140
    return results.Graph(nodes=nodes, delegated=nodes - partitions + 1, partitions=partitions)


def timed(
    model: str, index: int, device: results.DeviceInfo, factor: float
) -> results.BenchmarkRun:
    median = MODELS[model][3][index] * factor
    hot = device.kind == "phone" and RECIPES[index] == "fp16" and model == "fixture_vit"
    seed = index + 10 * list(MODELS).index(model) + (100 if device.kind == "phone" else 0)
    return results.BenchmarkRun(
        model=identity(model, index),
        device=device,
        harness=software("harness", "0.1.0"),
        runtime=software("libLiteRt.so", "2.3.0"),
        config={"num_runs": 60, "warmup_runs": 10, "num_threads": 1, "min_secs": 1.0},
        started="2026-01-01T00:00:00+00:00",
        latency=results.Latency(
            samples_ns=samples(median, seed, drift=0.35 if hot else 0.0),
            warmup_ns=samples(median * 1.2, seed + 1, count=10),
            init_ns=int(median * 9e6),
            first_inference_ns=int(median * 1.6e6),
        ),
        cpu=results.Cpu(
            ms_per_inference=round(median * 1.01, 4),
            percent_closed_loop=99.2,
            percent_at_rate=round(median * 1.4, 3),
            rate_hz=10.0,
        ),
        memory=results.Memory(peak_bytes=int(11e6 + 2.4 * MODELS[model][0][index])),
        graph=graph(model, index),
        accuracy=accuracy(model, index, "device" if device.kind == "phone" else "host"),
        conditions=results.Conditions(
            governor="schedutil", other={"affinity": "0x80"}, battery_percent=81
        )
        if device.kind == "phone"
        else results.Conditions(other={"load_average": 0.4}),
        verdict="throttled" if hot else "clean",
        reasons=("the last third of the runs was 23 % slower than the first",) if hot else (),
        warnings=("frequency fell during the runs: let the phone cool, or use --run-delay 0.1",)
        if hot
        else (),
    )


def counted(model: str, index: int) -> results.BenchmarkRun:
    total = MODELS[model][5][index]
    return results.BenchmarkRun(
        model=identity(model, index),
        device=EMULATOR,
        harness=software("harness", "0.1.0"),
        runtime=software("libLiteRt.so", "2.3.0"),
        config={"num_threads": 1},
        graph=graph(model, index),
        instructions=results.Instructions(
            total=total, sdot=total * 0.3 if index == 3 else 0.0, fmla=total * 0.5
        ),
        accuracy=accuracy(model, index, "host"),
        verdict="clean",
    )


def fixture() -> results.Results:
    cells = [(model, index) for model in MODELS for index in range(len(RECIPES))]
    return results.Results(
        context={
            "title": "Fixture results",
            "note": "Synthetic: made by make_results.py to test reports. Nothing was measured.",
            "versions": {"tflconv": "0.1.0", "tensorflow": "2.21.0", "ai-edge-litert": "2.3.0"},
        },
        runs=(
            *(timed(model, index, HOST, 1.0) for model, index in cells),
            *(counted(model, index) for model, index in cells),
            *(timed(model, index, PHONE, 4.1) for model, index in cells),
        ),
    )


if __name__ == "__main__":
    fixture().save(Path(__file__).parent / "results.json")
