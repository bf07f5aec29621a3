"""Where an error starts: found in files that are made with the fault in them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from click.testing import CliRunner
from tiny_graphs import FLOAT, INT8, Builder

from tflconv.cli.inspect import command
from tflconv.errors import UsageError
from tflconv.inspection import diff
from tflconv.inspection.inspect import inspect
from tflconv.report import error_text, graph_page, model_explorer
from tflconv.verification import per_operator
from tflconv.verification.per_operator import ErrorTrace

WIDTH, PATCHES = 8, 5
STEP = 0.005  # int8 then holds -0.64 to 0.635, which is what patches need
TOKEN = np.float32([-1.5, -1, -0.5, -0.2, 0.2, 0.5, 1, 1.5])  # and what does not fit in


def float_file(path: Path) -> Path:
    """Patches, doubled by ADD; a class token in front of them; all shifted by ADD."""
    builder = Builder()
    patches = builder.tensor((1, PATCHES, WIDTH), name="patches")
    doubled = builder.tensor((1, PATCHES, WIDTH), name="doubled")
    builder.op("ADD", [patches, patches], [doubled], fb.AddOptionsT())
    token = builder.tensor((1, 1, WIDTH), values=TOKEN, name="token")
    whole = builder.tensor((1, PATCHES + 1, WIDTH), name="tokens")
    builder.op("CONCATENATION", [token, doubled], [whole], concatenated())
    shifted = builder.tensor((1, PATCHES + 1, WIDTH), name="shifted")
    half = builder.tensor((WIDTH,), values=0.25, name="half")
    builder.op("ADD", [whole, half], [shifted], fb.AddOptionsT())
    return builder.write(path, [patches], [shifted])


def int8_file(path: Path, *, step: float = STEP) -> Path:
    """The same in int8, with one scale for token and patches."""
    builder = Builder()

    def values(shape: tuple[int, ...], name: str, scale: float = step) -> int:
        return builder.tensor(shape, INT8, scale=scale, name=name)

    patches = builder.tensor((1, PATCHES, WIDTH), FLOAT, name="patches")
    stored, doubled = (values((1, PATCHES, WIDTH), name) for name in ("stored", "doubled"))
    builder.op("QUANTIZE", [patches], [stored], fb.QuantizeOptionsT())
    builder.op("ADD", [stored, stored], [doubled], fb.AddOptionsT())
    kept = np.clip(np.rint(TOKEN / step), -128, 127)
    token = builder.tensor((1, 1, WIDTH), INT8, scale=step, values=kept, name="token")
    whole = values((1, PATCHES + 1, WIDTH), "tokens")
    builder.op("CONCATENATION", [token, doubled], [whole], concatenated(), version=2)
    shifted = values((1, PATCHES + 1, WIDTH), "shifted", 0.02)
    half = builder.tensor((WIDTH,), INT8, scale=0.002, values=125, name="half")
    builder.op("ADD", [whole, half], [shifted], fb.AddOptionsT())
    real = builder.tensor((1, PATCHES + 1, WIDTH), FLOAT, name="real")
    builder.op("DEQUANTIZE", [shifted], [real])
    return builder.write(path, [patches], [real])


def concatenated() -> fb.ConcatenationOptionsT:
    options = fb.ConcatenationOptionsT()
    options.axis = 1
    return options


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return float_file(tmp_path / "float.tflite"), int8_file(tmp_path / "int8.tflite")


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    path = tmp_path / "patches.npy"
    drawn = np.random.default_rng(0).uniform(-0.3, 0.3, (12, PATCHES, WIDTH))
    np.save(path, drawn.astype(np.float32))
    return path


def traced(files: tuple[Path, Path], samples: Path) -> ErrorTrace:
    drawn = [[values[np.newaxis]] for values in np.load(samples)]
    return per_operator.trace(*files, drawn, "patches")


def test_a_clipped_class_token_is_where_it_starts(files: tuple[Path, Path], samples: Path) -> None:
    start = traced(files, samples).start
    assert start is not None
    assert (start.op, start.tensor) == ("CONCATENATION", "tokens")
    assert start.token is not None
    assert start.token.place == (0,)
    assert start.token.clipped == pytest.approx(4 / WIDTH)  # ±1 and ±1.5
    assert start.token.share > 0.99
    assert start.token.snr < 10
    assert start.fall > 15
    assert start.limits == pytest.approx((-0.64, 0.635))


def test_what_comes_with_the_inputs_is_no_start(files: tuple[Path, Path], samples: Path) -> None:
    last = traced(files, samples).operators[-1]
    assert (last.op, last.tensor) == ("ADD", "shifted")
    assert last.snr < 20
    assert last.fall < per_operator.STANDS_OUT


def test_a_fitting_scale_has_no_start(tmp_path: Path, samples: Path) -> None:
    pair = float_file(tmp_path / "a.tflite"), int8_file(tmp_path / "b.tflite", step=0.013)
    found = traced(pair, samples)
    assert found.start is None
    assert "No operator stands out" in next(error_text.lines(found))


def test_a_file_and_itself_are_exact(tmp_path: Path, samples: Path) -> None:
    path = float_file(tmp_path / "a.tflite")
    found = traced((path, path), samples)
    assert next(error_text.lines(found)) == "Every operator says the same in both files."
    assert len(found.operators) == 3
    assert {(each.snr, each.cosine, each.fall) for each in found.operators} == {
        (per_operator.BEST, 1.0, 0.0)
    }


def test_text_and_json_say_the_same(files: tuple[Path, Path], samples: Path) -> None:
    arguments = [*map(str, files), "--calibration", str(samples), "--calibration-count", "8"]
    text = CliRunner().invoke(command, arguments)
    assert text.exit_code == 0, text.output
    told = text.output.split("\n")
    (line,) = [line for line in told if line.startswith("It starts at")]
    assert line.startswith("It starts at #2 CONCATENATION (tokens): SNR falls to")
    assert "in token 0, which has" in line
    assert "50 % of the values of token 0 are clipped: the tensor holds −0.640 to 0.635." in line
    errors = json.loads(CliRunner().invoke(command, [*arguments, "--json"]).stdout)["errors"]
    assert errors["start"] == 2
    assert errors["samples"] == 8
    assert errors["operators"][1]["token"]["place"] == [0]
    assert told.index("Difference") < told.index(line) < told.index("float.tflite")


def test_pages_and_overlays_have_the_error(
    files: tuple[Path, Path], samples: Path, tmp_path: Path
) -> None:
    page, folder = tmp_path / "page.html", tmp_path / "overlays"
    arguments = [*map(str, files), "--calibration", str(samples), "--html", str(page)]
    done = CliRunner().invoke(command, [*arguments, "--model-explorer", str(folder)])
    assert done.exit_code == 0, done.output
    assert "It starts at #2 CONCATENATION" in page.read_text()
    assert {path.name for path in folder.iterdir()} == {
        f"{name}-{figure}.json"
        for name in ("float", "int8")
        for figure in ("instructions", "bytes", "delegation", "changes")
    } | {"int8-snr.json"}
    snr = json.loads((folder / "int8-snr.json").read_text())
    assert set(snr) == {"results", "gradient"}
    assert snr["results"]["tokens"]["value"] < 10 < snr["results"]["doubled"]["value"]
    assert [stop["stop"] for stop in snr["gradient"]] == [0, 1]


def test_overlays_name_nodes_by_number_where_names_are_missing(tmp_path: Path) -> None:
    builder = Builder()
    source = builder.tensor((1, 4), name="x")
    made = [builder.tensor((1, 4), name="same") for _ in range(2)]
    builder.op("RELU", [source], [made[0]])
    builder.op("TANH", [made[0]], [made[1]])
    found = inspect(builder.write(tmp_path / "m.tflite", [source], [made[1]]))
    assert set(model_explorer.of(found)["bytes"]["results"]) == {"0", "1"}  # type: ignore[arg-type]


def test_a_page_of_strangers_names_runs_nothing(tmp_path: Path) -> None:
    builder = Builder()
    evil = "</script><script>alert(1)</script>"
    source, made = builder.tensor((1, 4), name=evil), builder.tensor((1, 4), name=evil)
    builder.op(evil, [source], [made], b"")
    found = inspect(builder.write(tmp_path / "m.tflite", [source], [made]))
    page = graph_page.to_html([found, found], diff.compare(found, found))
    assert page.count("<script") == 3  # the data, and two scripts of ours
    assert "<script>alert" not in page


def test_files_of_other_inputs_are_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    builder = Builder()
    source, made = builder.tensor((1, 4)), builder.tensor((1, 4))
    builder.op("RELU", [source], [made])
    other = builder.write(tmp_path / "other.tflite", [source], [made])
    with pytest.raises(UsageError, match="inputs of other shapes"):
        per_operator.trace(files[0], other, [], "nothing")


def test_one_file_has_nothing_to_be_held_against(files: tuple[Path, Path], samples: Path) -> None:
    done = CliRunner().invoke(command, [str(files[0]), "--calibration", str(samples)])
    assert isinstance(done.exception, UsageError)
    assert "there is one" in str(done.exception)
