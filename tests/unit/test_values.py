"""Values in Python: one line each, a table in a notebook, a frame for pandas; text or Path."""

from __future__ import annotations

import inspect
import pydoc
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import click
import pytest

import tflconv
from tflconv import cli, data, models, results
from tflconv.data.locating import find
from tflconv.errors import TflconvError
from tflconv.model.card import read_card

GOLDEN = Path(__file__).parents[1] / "golden" / "models"
FLOAT, INT8 = GOLDEN / "tiny_float32.tflite", GOLDEN / "tiny_int8.tflite"
RESULTS = Path(__file__).parents[2] / "studies" / "demo" / "results.json"
LONGEST = 200


def values() -> dict[str, Any]:
    """One of each kind of value that a function returns."""
    loaded = tflconv.load(str(RESULTS))
    run = loaded.runs[0]
    parts = {
        name: part
        for name in ("latency", "cpu", "memory", "graph", "accuracy", "conditions", "model")
        if (part := getattr(run, name)) is not None
    }
    return parts | {
        "results": loaded,
        "run": run,
        "card": read_card(INT8),
        "dataset": data.load("mnist-sample"),
        "dataset card": data.card("mnist"),
        "location": find("mnist-sample"),
        "inspection": tflconv.inspect(str(FLOAT)),
        "difference": tflconv.inspect(FLOAT, str(INT8)),
        "comparison": tflconv.compare(loaded, loaded, force=True),
        "devices": tflconv.list_devices()[0],
        "recipe": tflconv.list_recipes()[3],
        "cost": models.cost("vit", (28, 28, 1), 10),
    }


VALUES = values()
SHOWN = ("results", "run", "dataset", "inspection", "difference", "comparison")


@pytest.mark.parametrize("name", VALUES)
def test_a_value_is_one_line(name: str) -> None:
    assert VALUES[name] is not None
    text = repr(VALUES[name])
    assert "\n" not in text
    assert len(text) <= LONGEST, text


class Tags(HTMLParser):
    """Checks that tags close in the order in which they opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.opened.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag


@pytest.mark.parametrize("name", SHOWN)
def test_a_notebook_shows_a_value(name: str) -> None:
    tags = Tags()
    tags.feed(VALUES[name]._repr_html_())
    assert not tags.opened
    assert {"table", "svg"} & set(tags.seen)


def test_a_network_and_a_run_are_pictures() -> None:
    assert "<svg" in VALUES["inspection"]._repr_html_()
    assert "<svg" in VALUES["run"]._repr_html_()


def test_results_are_frames() -> None:
    pytest.importorskip("pandas")
    loaded = VALUES["results"]
    frame, samples = loaded.to_frame(), loaded.samples_frame()
    assert len(frame) == len(loaded.runs)
    first = loaded.runs[0]
    assert frame.loc[0, "latency_ms"] == first.latency.median_ms
    assert frame.loc[0, "accuracy"] == first.accuracy.top1
    steady = samples[(samples.phase == "steady") & (samples.recipe == first.model.recipe)]
    steady = steady[steady.model == first.model.name]
    assert list(steady.latency_ms) == [each / 1e6 for each in first.latency.samples_ns]
    assert results.Results().to_frame().columns.equals(frame.columns)
    assert len(results.Results().samples_frame()) == 0


def test_frames_say_what_they_need() -> None:
    program = (
        "import sys; sys.modules['pandas'] = None\n"
        "from tflconv.results import Results\nResults().to_frame()"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "pip install 'tflconv[pandas]'" in run.stderr


def test_paths_are_text_or_path_one_or_many(tmp_path: Path) -> None:
    for source in (str(RESULTS), RESULTS, [RESULTS], (str(RESULTS), RESULTS)):
        assert tflconv.write_report(source, export_csv=str(tmp_path / "a.csv")) is None
    loaded = results.load(str(RESULTS))
    loaded.save(str(tmp_path / "b.json"))
    assert results.load(tmp_path / "b.json").runs == loaded.runs


def test_labels_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("a\nb\n")
    for given in (tmp_path / "labels.txt", str(tmp_path / "labels.txt"), ["a", "b"]):
        assert data.named_labels(given) == ("a", "b")


def test_help_reads_as_a_page() -> None:
    page = pydoc.plain(pydoc.render_doc(tflconv))
    for name in tflconv.__all__[1:]:
        assert f"    {name}(" in page, name
        function = getattr(tflconv, name)
        assert function.__doc__, name
        assert "Example:" in function.__doc__, name
        hidden = {"args", "kwargs"} & set(inspect.signature(function).parameters)
        assert not hidden, name
    assert page.index("From a model to a measured file") < page.index("    bench(")


def test_completion_shows_what_there_is() -> None:
    assert set(tflconv.__all__) <= set(dir(tflconv))
    assert "pipeline" not in dir(tflconv)


DOORS = {
    "report": ("write_report", {"paths": "results"}),
    "inspect": ("inspect", {"results_file": "results"}),
    "study": ("study", {"no_history": "history", "serials": "devices"}),
    "serve": ("serve", {}),
}
OF_THE_DOOR = {"as_json"}
"""How a result is printed."""


@pytest.mark.parametrize("name", DOORS)
def test_every_option_of_the_other_commands_is_a_parameter(name: str) -> None:
    function, spelled = DOORS[name]
    command = cli.group.get_command(click.Context(cli.group), name)
    assert command is not None
    parameters = inspect.signature(getattr(tflconv, function)).parameters
    said = {spelled.get(str(option.name), str(option.name)) for option in command.params}
    assert said - OF_THE_DOOR <= set(parameters)


def test_errors_speak_python() -> None:
    with pytest.raises(TflconvError, match="Add dataset=NAME") as caught:
        tflconv.verify(FLOAT, INT8)
    assert "--" not in str(caught.value)
