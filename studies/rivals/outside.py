"""Make files of ONNX Runtime and ExecuTorch, and time them beside those of LiteRT.

``python outside.py FOLDER ROUNDS`` runs in the environment of requirements.txt, which needs
tflconv's descriptions of networks too (``PYTHONPATH=../../converter``). FOLDER has one network,
written by record.py, which calls this. Left there are the files, what they answer, and the seconds
that one picture takes on this computer, ROUNDS times, each file in its turn, on one thread.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from ai_edge_litert.interpreter import Interpreter
from onnxruntime import quantization as ort
from torch_layers import Network, network

Run = Callable[[np.ndarray], np.ndarray]


def main(folder: Path, rounds: int) -> None:
    """Make, ask and time all files of the network in ``folder``."""
    torch.set_num_threads(1)
    plan = json.loads((folder / "network.json").read_text(encoding="utf-8"))
    failed = _make(folder, plan)
    runs = _opened(folder, failed)
    asked = np.load(folder / "asked.npy")
    answers = {n: np.concatenate([run(p[np.newaxis]) for p in asked]) for n, run in runs.items()}
    np.savez(folder / "answers.npz", **answers)
    found = {"failed": failed, "seconds": _timed(runs, asked[:1], rounds)}
    (folder / "outside.json").write_text(json.dumps(found), encoding="utf-8")


def _make(folder: Path, plan: dict[str, Any]) -> dict[str, str]:
    """Make all files of one network; returns why some could not be made."""
    samples, weights = np.load(folder / "samples.npy"), _weights(folder / "weights.npz")
    model = network(plan["model"], plan["options"], weights, plan["classes"], samples[:1])
    failed: dict[str, str] = {}
    for make in (_onnx, _executorch):
        for name, write in make(folder, model, samples):
            if not (folder / name).exists():
                why = _tried(lambda write=write, name=name: write(folder / name))
                failed |= {name: why} if why else {}
    return failed


def _tried(work: Callable[[], object]) -> str | None:
    """Why ``work`` failed; tools of others fail in ways of their own, which the table tells."""
    try:
        work()
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return None


def _weights(path: Path) -> dict[str, list[np.ndarray]]:
    weights: dict[str, list[np.ndarray]] = {}
    with np.load(path) as stored:
        for key in stored.files:
            weights.setdefault(key.rpartition("|")[0], []).append(stored[key])
    return weights


Files = Iterator[tuple[str, Callable[[Path], object]]]


def _onnx(folder: Path, model: Network, samples: np.ndarray) -> Files:
    floats, prepared = folder / "onnxruntime-fp32.onnx", folder / "prepared.tmp"
    example = (torch.from_numpy(samples[:1]),)
    yield (
        floats.name,
        lambda path: torch.onnx.export(model, example, str(path), dynamo=True, external_data=False),
    )

    def static(path: Path, *kinds: str) -> None:
        ort.quant_pre_process(str(floats), str(prepared), skip_symbolic_shape=True)
        ort.quantize_static(
            str(prepared), str(path), _Samples(floats, samples), per_channel=True,
            op_types_to_quantize=list(kinds) or None, activation_type=ort.QuantType.QUInt8,
            weight_type=ort.QuantType.QInt8,
        )  # fmt: skip

    products = ["MatMul", "Gemm"]
    yield (
        "onnxruntime-dynamic.onnx",
        lambda path: ort.quantize_dynamic(
            str(floats), str(path), op_types_to_quantize=products, per_channel=True
        ),
    )
    yield "onnxruntime-static.onnx", static
    yield "onnxruntime-selective.onnx", lambda path: static(path, *products, "Conv")


class _Samples(ort.CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, model: Path, samples: np.ndarray) -> None:
        (self.name,) = (i.name for i in onnxruntime.InferenceSession(str(model)).get_inputs())
        self.left = iter(samples)

    def get_next(self) -> dict[str, np.ndarray] | None:
        sample = next(self.left, None)
        return None if sample is None else {self.name: sample[np.newaxis]}


def _executorch(_: Path, model: Network, samples: np.ndarray) -> Files:
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from executorch.exir import to_edge_transform_and_lower
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    example = (torch.from_numpy(samples[:1]),)

    def lower(path: Path, graph: torch.nn.Module) -> None:
        exported = torch.export.export(graph, example)
        edge = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
        path.write_bytes(edge.to_executorch().buffer)

    def quantized(path: Path, *, dynamic: bool) -> None:
        config = get_symmetric_quantization_config(is_per_channel=True, is_dynamic=dynamic)
        graph = torch.export.export(model, example).module()
        prepared = prepare_pt2e(graph, XNNPACKQuantizer().set_global(config))
        with torch.no_grad():
            for sample in samples[: 1 if dynamic else None]:
                prepared(torch.from_numpy(sample[np.newaxis]))
        lower(path, convert_pt2e(prepared))

    yield "executorch-fp32.pte", lambda path: lower(path, model)
    yield "executorch-dynamic.pte", lambda path: quantized(path, dynamic=True)
    yield "executorch-static.pte", lambda path: quantized(path, dynamic=False)


def _opened(folder: Path, failed: dict[str, str]) -> dict[str, Run]:
    """All files that run; why the others do not is added to ``failed``."""
    picture = np.load(folder / "samples.npy")[:1]
    paths = sorted(p for end in _OPEN for p in folder.glob(f"*{end}"))
    runs: dict[str, Run] = {}
    for path in paths:
        why = _tried(lambda path=path: _OPEN[path.suffix](path)(picture))
        if why:
            failed[path.name] = why
        else:
            runs[path.name] = _OPEN[path.suffix](path)
    return runs


def _timed(runs: dict[str, Run], picture: np.ndarray, rounds: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run(picture)
            seconds[name].append(time.perf_counter() - start)
    return seconds


def _litert(path: Path) -> Run:
    runtime = Interpreter(str(path), num_threads=1)
    runtime.allocate_tensors()
    (source,), (target,) = runtime.get_input_details(), runtime.get_output_details()
    (scale, zero), (to_scale, to_zero) = source["quantization"], target["quantization"]

    def run(values: np.ndarray) -> np.ndarray:
        if source["dtype"] != np.float32:
            values = np.clip(np.rint(values / scale) + zero, -128, 127).astype(source["dtype"])
        runtime.set_tensor(source["index"], values)
        runtime.invoke()
        result: np.ndarray = runtime.get_tensor(target["index"])
        return (result.astype(np.float32) - to_zero) * (to_scale or 1.0)

    return run


def _onnxruntime(path: Path) -> Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options)
    name = session.get_inputs()[0].name
    return lambda values: np.asarray(session.run(None, {name: values})[0])


def _program(path: Path) -> Run:
    from executorch.runtime import Runtime

    program = Runtime.get().load_program(path.read_bytes())
    method = program.load_method("forward")

    def run(values: np.ndarray) -> np.ndarray:
        assert program is not None  # the method points into it, and does not keep it
        result: np.ndarray = method.execute([torch.from_numpy(values)])[0].numpy().copy()
        return result

    return run


_OPEN = {".tflite": _litert, ".onnx": _onnxruntime, ".pte": _program}

if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
