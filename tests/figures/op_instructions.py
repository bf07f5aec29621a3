"""What each operator costs on an emulated core: ``python tests/figures/op_instructions.py --help``.

Nothing counts an operator by itself: XNNPACK runs a whole partition in one call. So the model is
cut after every operator in turn and the instructions of each piece are counted; an operator costs
what its piece costs more than the piece before. ``tflconv inspect FILE --results RESULTS`` shows
the results beside the graph.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import click

from tflconv import benchmark, device
from tflconv.benchmark import BenchmarkConfig
from tflconv.inspection import delegation
from tflconv.results import BenchmarkRun, Graph, Op, Results
from tflconv.tflite import packing, reading

PIECES = BenchmarkConfig(profile_runs=0)


def cut(content: bytes, operators: int) -> bytes:
    """The model that ends with the last of its first ``operators``."""
    model = packing.unpack(content)
    graph = model.subgraphs[0]
    graph.operators = graph.operators[:operators]
    graph.outputs = [graph.operators[-1].outputs[0]]
    for signature in model.signatureDefs or ():
        signature.outputs = signature.outputs[:1]
        signature.outputs[0].tensorIndex = graph.outputs[0]
    return packing.pack(model)


def totals(path: Path, place: device.Device, folder: Path) -> Iterator[float]:
    """Instructions of the pieces of the model at ``path``, the shortest first."""
    for operators in range(1, len(reading.read(path).main.operators) + 1):
        piece = folder / f"{operators}.tflite"
        piece.write_bytes(cut(path.read_bytes(), operators))
        run = benchmark.bench(piece, place, PIECES, identity=benchmark.identify(piece))
        assert run.instructions is not None, run.warnings
        yield run.instructions.total


def account(path: Path, place: device.Device) -> BenchmarkRun:
    """The run of the model at ``path`` whose operators say what they cost."""
    run = benchmark.bench(path, place, BenchmarkConfig(), identity=benchmark.identify(path))
    model = reading.read(path)
    delegated = delegation.predict(model).delegated
    with tempfile.TemporaryDirectory() as folder:
        found = [0.0, *totals(path, place, Path(folder))]
    ops = tuple(
        Op(
            name=model.main.output_tensors(operator)[0].name,
            kind=operator.name,
            delegate="XNNPACK" if operator.index in delegated else None,
            instructions=after - before,
        )
        for operator, (before, after) in zip(model.main.operators, pairwise(found), strict=True)
    )
    assert run.graph is not None
    graph = Graph(
        nodes=len(ops), delegated=len(delegated), partitions=run.graph.partitions, ops=ops
    )
    return replace(run, graph=graph)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--device", "core", default="arm64:cortex-a76", show_default=True)
@click.option("--export-json", "output", type=click.Path(path_type=Path), required=True)
def main(files: tuple[Path, ...], core: str, output: Path) -> None:
    """Count the instructions of every operator of FILES."""
    place = device.find(core)
    found = Results(context={"title": "instructions of each operator"})
    for path in files:
        found = found.with_run(account(path, place))
        found.save(output)


if __name__ == "__main__":
    main()
