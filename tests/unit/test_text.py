"""Whatever strangers call their things, nothing that we write does anything but show it."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from tflconv import results
from tflconv.benchmark import identify_all
from tflconv.cli import console, options
from tflconv.core import text as texts
from tflconv.core.files import write_json
from tflconv.data.labels import read_labels
from tflconv.inspection import diff, drawing
from tflconv.inspection import text as inspecting
from tflconv.inspection.inspect import Inspection, inspect
from tflconv.model.card import ModelCard, embed_card, read_card
from tflconv.model.normalization import NAMED
from tflconv.report import columns, export, plots, style, tables
from tflconv.report.html import to_html
from tflconv.results import BenchmarkRun, Conditions, Results

GOLDEN = Path(__file__).parents[1] / "golden"
TINY = GOLDEN / "models" / "tiny_float32.tflite"

ATTACKS = (
    "=cmd|'/C calc'!A0", "@SUM(1)", "+1", "-2+3", "\t=1", "＝1", " =1",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\" onload='x'", "</svg><svg>",
    "[x](javascript:alert(1))", "![x](http://x)", "[x]: http://x", "<http://x>", "http://x.yz",
    "| a | b |", "a\n# b", "# b", "1. b", "```\nb", "`b", "**b**", "_b_", "~~b~~", "$b$", "---",
    "===", "> b", "&lt;", "\\", "\\|", "@someone", "www.x.yz",
    "\x1b[2J", "\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\x", "\x9b2J", "\x9d0;x\x9c",
    "\x00", "\x7f",
    "\u202egpj.exe", "\u2066x", "\u200fx", "\u200bx\ufeff", "\u2028x\u2029", "a\r\nb", "x\x85y",
    "\ud800", "\udcff", "\uffff", "\U0001fffe", "\U000e0041",
    "[bold]x[/bold]", "[/x]", "[link=http://x]x[/link]", ":smile:", "$x^2$", r"\$x$", "_x",
    "%s", r"\g<9>",
    "'DejaVu Sans'x", "x" * 5000, "", " ",
)  # fmt: skip
Strange = st.sampled_from(ATTACKS) | st.text(
    st.characters(exclude_categories=()) | st.sampled_from("=+-@|<>&\"'`*_[]()#$~\\\x1b\x9b\n\t"),
    max_size=20,
)
Strangers = st.lists(Strange, min_size=1, max_size=9)

SHOWN = re.compile(r"\x1b\[[\d;]*m")
"""The colours of Rich."""


def acts(char: str) -> bool:
    """Whether a character does something instead of showing something."""
    bidi = unicodedata.bidirectional(char)
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or (
        unicodedata.category(char) == "Cf"
        and char not in "\u200c\u200d"
        and bidi not in ("AN", "AL", "L")
    )


def assert_shows(text: str, *, lines: bool = False) -> None:
    left = "".join(char for char in text if acts(char) and not (lines and char == "\n"))
    assert left == ""
    text.encode()


def named(names: list[str]) -> Results:
    """Results in which every text is one of ``names``."""
    turn = iter(names * 999)
    runs = results.load(GOLDEN / "report" / "results.json").runs[:2]
    device = replace(runs[0].device, id=next(turn), name=next(turn), os=next(turn), cpu=next(turn))
    return Results(
        runs=tuple(_named(replace(run, device=device), turn) for run in runs),
        context={"title": next(turn), "note": next(turn), next(turn): {next(turn): [{}]}},
    )


def _named(run: BenchmarkRun, turn: Iterator[str]) -> BenchmarkRun:
    return replace(
        run,
        model=replace(
            run.model, slug=f"{next(turn)}{run.model.recipe}", name=next(turn), recipe=next(turn),
            dataset=next(turn), sha256=next(turn), baseline=None,
        ),
        harness=run.harness and replace(run.harness, name=next(turn), sha256=next(turn)),
        started=next(turn),
        config={next(turn): next(turn)},
        conditions=Conditions(other={next(turn): next(turn)}),
        verdict="noisy",
        reasons=(next(turn),),
        warnings=(next(turn), next(turn)),
    )  # fmt: skip


@given(Strange)
def test_a_clean_text_only_shows_something(text: str) -> None:
    cleaned = texts.clean(text)
    assert_shows(cleaned)
    assert texts.clean(cleaned) == cleaned
    assert len(texts.clean(text, 7)) <= 7
    assert_shows(texts.clean_lines(text), lines=True)


@pytest.mark.parametrize(
    "text", ["vit-mnist", "Käse · 5 °C", "猫 und 狗", "👩\u200d🚀", "می\u200cخواهم", "قطة"]
)
def test_honest_names_stay_as_they_are(text: str) -> None:
    assert texts.clean(text) == text


@given(Strange)
def test_a_part_of_a_file_name_stays_in_its_folder(text: str) -> None:
    name = texts.file_name(text)
    assert_shows(name)
    assert Path("folder", name).parent == Path("folder")
    assert name not in ("", ".", "..")
    assert len(name.encode()) < 180


@given(Strange, Strange)
def test_different_texts_stay_different_file_names(one: str, other: str) -> None:
    assert (texts.file_name(one) == texts.file_name(other)) == (one == other)


@given(st.recursive(Strange, lambda inner: st.lists(inner) | st.dictionaries(Strange, inner)))
def test_json_loses_nothing_and_shows_everything(value: object) -> None:
    written = texts.to_json(value)
    assert json.loads(written) == value
    assert_shows(written, lines=True)


@settings(max_examples=50)
@given(Strangers)
def test_csv_runs_nothing(names: list[str]) -> None:
    found = named(names)
    header, *rows = csv.reader(io.StringIO(export.to_csv(found)))
    assert len(rows) == 2
    for row in rows:
        assert len(row) == len(header)
        for cell in row:
            assert_shows(cell)
            assert not re.match(r"\s*[=+@＝＋－＠-](?![\d.e-]+$)", cell), cell


PLAIN = {
    "heading_open", "heading_close", "inline", "text", "text_special", "paragraph_open",
    "paragraph_close", "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close",
    "code_inline", "table_open", "table_close", "thead_open", "thead_close", "tbody_open",
    "tbody_close", "tr_open", "tr_close", "th_open", "th_close", "td_open", "td_close",
}  # fmt: skip
"""Kinds of Markdown in a report: no HTML, no link, no picture, no emphasis."""


@settings(max_examples=100)
@given(Strangers)
def test_markdown_stays_a_heading_a_table_and_a_list(names: list[str]) -> None:
    found = named(names)
    page = export.to_markdown(found)
    assert_shows(page, lines=True)
    parsed = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(page)
    kinds = [token.type for token in parsed]
    kinds += [inner.type for token in parsed for inner in token.children or ()]
    assert set(kinds) <= PLAIN, page
    assert kinds.count("heading_open") == len(columns.groups(found))
    assert kinds.count("tr_open") == len(found.runs) + 1


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))


def tags(page: str) -> list[tuple[str, tuple[str, ...]]]:
    parser = _Tags()
    parser.feed(re.sub(r"<svg.*?</svg>", "<svg>", page, flags=re.DOTALL))
    return parser.found


@settings(max_examples=4)
@given(Strangers)
def test_html_has_the_tags_of_an_honest_page(names: list[str]) -> None:
    page = to_html(named(names))
    assert_shows(page, lines=True)
    known = set(tags(to_html(named(["honest"])))) | {("code", ()), ("b", ())}
    assert set(tags(page)) <= known
    for figure in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL):
        ElementTree.fromstring(figure)


@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_plots_are_whole_and_show_the_name(attack: str) -> None:
    (group,) = columns.groups(named([f"a{attack}"]))
    drawn = plots.size(group)
    assert drawn is not None
    shown = "".join(ElementTree.fromstring(style.svg(drawn)).itertext())
    assert_shows(shown, lines=True)
    assert texts.clean(attack, 40).rstrip("…").strip() in shown


def test_a_legend_leaves_no_model_out() -> None:
    found = named(["_a"])
    (group,) = columns.groups(found)
    drawn = plots.pareto(group)
    assert drawn is not None
    (legend,) = drawn.legends
    assert [text.get_text().strip() for text in legend.get_texts()] == ["_a", "_a"]


def on_terminal(printing: Callable[[Console], object]) -> str:
    stream = io.StringIO()
    printing(Console(file=stream, force_terminal=True, width=200))
    return SHOWN.sub("", stream.getvalue())


@settings(max_examples=50)
@given(Strangers)
def test_tables_do_nothing_to_a_terminal(names: list[str]) -> None:
    assert_shows(on_terminal(lambda c: tables.print_results(named(names), c)), lines=True)


@pytest.fixture(scope="module")
def inspected() -> Inspection:
    return inspect(TINY)


@settings(max_examples=50)
@given(names=Strangers)
def test_inspections_do_nothing_to_a_terminal(names: list[str], inspected: Inspection) -> None:
    strange = _renamed(inspected, names)
    shown = on_terminal(lambda c: inspecting.print_inspection(strange, c))
    assert_shows(shown, lines=True)
    difference = diff.compare(strange, inspected)
    assert_shows(on_terminal(lambda c: inspecting.print_difference(difference, c)), lines=True)


@settings(max_examples=30)
@given(names=Strangers)
def test_drawings_are_whole(names: list[str], inspected: Inspection) -> None:
    drawn = drawing.draw([_renamed(inspected, names).model])
    assert_shows(drawn, lines=True)
    kinds = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(drawn).iter()}
    assert kinds <= {"svg", "style", "g", "text", "rect", "path", "title"}


def _renamed(inspection: Inspection, names: list[str]) -> Inspection:
    turn = iter(names * 999)
    graph = inspection.model.main
    tensors = tuple(replace(tensor, name=next(turn)) for tensor in graph.tensors)
    operators = tuple(replace(operator, name=next(turn)) for operator in graph.operators)
    path = Path(next(turn).replace("/", "").replace("\0", "") or "x")
    model = replace(
        inspection.model,
        path=path,
        description=next(turn),
        metadata=(next(turn),),
        subgraphs=(replace(graph, tensors=tensors, operators=operators),),
    )
    return replace(
        inspection, model=model, ops=tuple(replace(o, name=next(turn)) for o in inspection.ops)
    )


@given(Strangers)
def test_rows_and_lines_do_nothing_to_a_terminal(names: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        patch.setattr("sys.stdout", stream)
        options.print_rows([{"name": name} for name in names], as_json=False)
        options.print_rows([{"name": name} for name in names], as_json=True)
        for name in names:
            console.say(name)
        stream.flush()
        assert_shows(stream.buffer.getvalue().decode(), lines=True)  # type: ignore[attr-defined]


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for part in pair for text in strings(part))
    elif isinstance(value, (list, tuple)):
        yield from (text for part in value for text in strings(part))


@settings(max_examples=50)
@given(names=Strangers)
def test_results_are_clean_once_loaded(
    names: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = [name.encode(errors="ignore").decode() for name in names]  # halves are refused
    path = write_json(tmp_path_factory.getbasetemp() / "strange.json", named(whole).to_json())
    for text in strings(results.load(path).to_json()):
        assert_shows(text)
        assert len(text) <= texts.TEXT_LENGTH


@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_cards_and_labels_are_clean_once_read(attack: str, tmp_path: Path) -> None:
    label = attack.replace("\ud800", "").replace("\udcff", "")
    card = ModelCard(
        model=label, labels=(label, "b"), input_shape=(8, 8, 1), normalization=NAMED["0..1"],
        dataset=label,
    )  # fmt: skip
    path = tmp_path / "x.tflite"
    path.write_bytes(b"")
    embed_card(path, card)
    read = read_card(path)
    assert read is not None
    for text in (read.model, *read.labels, str(read.dataset)):
        assert_shows(text)
    for model in identify_all([path]).values():
        assert_shows(f"{model.slug}{model.name}")
    (tmp_path / "labels.txt").write_text(f"a{label}", encoding="utf-8")
    for name in read_labels(tmp_path / "labels.txt"):
        assert_shows(name)
