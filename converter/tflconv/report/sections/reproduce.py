"""How to get the same figures: commands, the plan, and versions and hashes of what took part."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

from tflconv.benchmark.config import BenchmarkConfig
from tflconv.core.jsonvalue import JsonObject, JsonValue
from tflconv.core.text import file_name, to_json
from tflconv.core.text import to_html as escape
from tflconv.report import markup, method
from tflconv.report.columns import DeviceRuns
from tflconv.report.toml import to_toml
from tflconv.results import Results

MOST_COMMANDS = 12
MOST_FILES = 20
"""Files that a command names; more are told by a pattern."""

_TOLD_ELSEWHERE = ("title", "note", "plan", "training")
_DEFAULTS = BenchmarkConfig().to_json()


def html(results: Results, groups: Sequence[DeviceRuns]) -> str:
    """Return the section."""
    return markup.section(
        "To reproduce",
        _plan(results.context),
        _commands(groups),
        _environment(results.context),
        _hashes(results, groups),
        anchor="reproduce",
    )


def commands(groups: Sequence[DeviceRuns]) -> list[str]:
    """Return the ``tflconv bench`` that measures the runs again, one per device and settings."""
    files: dict[tuple[str, str], list[str]] = {}
    for group in groups:
        for cell in group.cells:
            options = _options(cell.run.config)
            files.setdefault((group.device.id, options), []).append(cell.run.model.slug)
    return [
        f"tflconv bench {_files(slugs)} --device {shlex.quote(device)}{options}"
        for (device, options), slugs in files.items()
    ]


def _files(slugs: Sequence[str]) -> str:
    if len(slugs) > MOST_FILES:
        return "models/*.tflite"
    return " ".join(shlex.quote(f"models/{file_name(slug)}.tflite") for slug in slugs)


def _options(config: JsonObject) -> str:
    """Return the settings that are not the defaults, as options of ``tflconv bench``."""
    changed = {n: v for n, v in config.items() if n in _DEFAULTS and v != _DEFAULTS[n]}
    return "".join(f" {_option(name, value)}" for name, value in changed.items())


def _option(name: str, value: JsonValue) -> str:
    if name == "accelerator":
        return "--use-gpu"
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    return f"--{flag} {shlex.quote(method.plain(value))}"


def _plan(context: JsonObject) -> str:
    plan = context.get("plan")
    if not isinstance(plan, dict):
        return ""
    return (
        "<p>Save the plan as <code>plan.toml</code>, then run"
        " <code>tflconv study plan.toml -o DIR</code>.</p>\n"
        f"{_details('The plan, with every default', to_toml(plan))}"
    )


def _commands(groups: Sequence[DeviceRuns]) -> str:
    lines = commands(groups)
    if not lines:
        return ""
    more = len(lines) - MOST_COMMANDS
    rest = f"\n# and {more} more" if more > 0 else ""
    return (
        "<p>To measure the files of this report again; their hashes are below:</p>\n"
        f'<pre class="command" tabindex="0">{_escaped_lines(lines[:MOST_COMMANDS])}{rest}</pre>'
    )


def _environment(context: JsonObject) -> str:
    rest = {k: v for k, v in context.items() if k not in _TOLD_ELSEWHERE and v not in ([], {})}
    simple = {k: v for k, v in rest.items() if not _is_nested(v)}
    nested = (_details(k, to_json(v)) for k, v in rest.items() if k not in simple)
    return markup.definitions(method.flat(simple)) + "".join(nested)


def _hashes(results: Results, groups: Sequence[DeviceRuns]) -> str:
    files_ = {run.model.slug: run.model for run in results.runs}.values()
    used = {part.sha256: part for group in groups for part in method.software(group)}.values()
    rows = [(model.slug, f"{model.bytes} bytes", model.sha256) for model in files_]
    rows += [(part.name, part.version, part.sha256) for part in used]
    if not rows:
        return ""
    body = (
        f'<tr><th scope="row">{name}</th><td>{what}</td><td class="hash">{sha256}</td></tr>'
        for name, what, sha256 in (map(escape, row) for row in rows)
    )
    heads = ["file", "size or version", "SHA-256"]
    caption = "Files and programs that took part"
    return markup.table(heads, body, kind="hashes", caption=caption, sortable=False)


def _details(name: str, text: str) -> str:
    return (
        f"<details><summary>{escape(name)}</summary>"
        f'<pre tabindex="0">{_escaped_lines(text.split(chr(10)))}</pre></details>\n'
    )


def _escaped_lines(lines: Iterable[str]) -> str:
    return "\n".join(map(escape, lines))


def _is_nested(value: object) -> bool:
    inner = value.values() if isinstance(value, Mapping) else value
    return isinstance(inner, Iterable) and any(isinstance(v, (Mapping, list)) for v in inner)
