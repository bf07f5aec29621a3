"""Clean the texts of strangers, and escape them for every format that we write.

Labels, names of models, devices and files, cards, results and what a phone or a server answers may
hold anything: codes that clear a terminal or rename its window, marks that turn the order of
reading round, formulas that a spreadsheet runs, tags that a page runs. Texts are cleaned when they
are read, and whoever writes escapes them for its format, which cleans them once more: not all
values come from files.
"""

from __future__ import annotations

import hashlib
import html as _html
import json
import re
import unicodedata

from tflconv.core.jsonvalue import JsonValue

NAME_LENGTH = 255
"""Most characters of a name; no file has a longer one."""
_PLOT_LENGTH = 60
"""Most characters of a name in a plot, which has room for some 40."""
_FILE_BYTES = 150
"""Most bytes of a part of a file's name; the whole name may have 255."""
TEXT_LENGTH = 4000
"""Most characters of any text in a card or in results."""

_SPACES = dict.fromkeys(map(ord, "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"), " ")
_SIGN = "\ufffd"
"""Stands for a character that does something instead of showing something."""
_JOINERS = "\u200c\u200d"
_ARABIC_SIGNS = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2"
_JOINED = re.compile(f"[{_JOINERS}]+")
_HIDDEN = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    "\ufff0-\uffff\U000e0000-\U000e0fff]"
)
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_MARKS = re.compile(r"[\\`*<>&|~$@]|(?<!\w)_|_(?!\w)|\](?=[(\[:])|://|www\.", re.IGNORECASE)
_FIRST_MARK = re.compile(r"^([#+=\[-])|^(\d+)([.)])(?=\s|$)")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "@": "&#64;", "://": ":&#47;&#47;"}
_COMPACT = json.JSONEncoder(ensure_ascii=False).encode
_PARTS_OF_PATHS = re.compile(r"[/\\]")


def clean(text: str, length: int | None = None) -> str:
    r"""Return ``text`` as one line that shows something and does nothing.

    White space of any kind becomes a blank. Control characters, halves of surrogate pairs and
    what no character is assigned to become ``\ufffd``. Invisible marks, such as those that turn
    the direction of writing, are left out, but for joiners inside of scripts that need them.

    Args:
        text: Any text.
        length: Most characters; ``…`` marks a cut.

    Example:
        >>> clean("cat\x1b[2J\n\u202egod") == "cat\ufffd[2J god"
        True
    """
    if not (text.isascii() and text.isprintable()):
        shown = "".join(map(_shown, text.translate(_SPACES)))
        text = _JOINED.sub(lambda match: _joiner(match, shown), shown)
    if length is not None and len(text) > length:
        return f"{text[: length - 1]}…"
    return text


def clean_lines(text: str) -> str:
    """Return ``text`` with each of its lines cleaned, for messages of several lines."""
    return "\n".join(clean(line) for line in text.split("\n"))


def clean_name(text: str) -> str:
    """Return the name of a model, class, dataset or device, cleaned and not endless."""
    return clean(text, NAME_LENGTH).strip()


def clean_json(value: JsonValue) -> JsonValue:
    """Return ``value`` with all texts in it cleaned, keys included."""
    if isinstance(value, str):
        return clean(value, TEXT_LENGTH)
    if isinstance(value, dict):
        return {clean(key, TEXT_LENGTH): clean_json(part) for key, part in value.items()}
    if isinstance(value, list) and not set(map(type, value)) <= {int, float}:
        return [clean_json(part) for part in value]
    return value


def file_name(text: str) -> str:
    """Return ``text`` as a part of a file's name, which leads to no other folder.

    What had to be changed gets a hash, so that different texts stay different names.

    Example:
        >>> file_name("vit-mnist"), file_name("../passwd")
        ('vit-mnist', '..-passwd-bde48295')
    """
    shown = clean(text).encode()[:_FILE_BYTES].decode(errors="ignore")
    name = _PARTS_OF_PATHS.sub("-", shown)
    if name == text and name.strip(". "):
        return name
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{name}-{digest[:8]}"


def to_csv(text: str) -> str:
    """Return ``text`` as a cell that no spreadsheet takes for a formula.

    Example:
        >>> to_csv("=1+2"), to_csv("vit")
        ("'=1+2", 'vit')
    """
    cell = clean(text)
    return f"'{cell}" if cell.lstrip().startswith(_FORMULA) else cell


def to_markdown(text: str) -> str:
    r"""Return ``text`` for Markdown, also for a table: no tag, link, emphasis, code or new line.

    Example:
        >>> to_markdown("<b>[a](b)|"), to_markdown("wi8_ai8")
        ('&lt;b&gt;[a\\](b)\\|', 'wi8_ai8')
    """
    marked = _MARKS.sub(_escaped, clean(text).strip())
    return _FIRST_MARK.sub(lambda m: rf"{m[2] or ''}\{m[1] or m[3]}", marked)


def to_markdown_with_code(text: str) -> str:
    """Return a sentence of ours for Markdown, with code between its backquotes.

    Example:
        >>> to_markdown_with_code("see `tflconv inspect` *")
        'see `tflconv inspect` \\\\*'
    """
    parts = clean(text).split("`")
    if len(parts) % 2 == 0 or not all(map(str.strip, parts[1::2])):
        return to_markdown(text)
    shown = [f"`{part}`" if i % 2 else _MARKS.sub(_escaped, part) for i, part in enumerate(parts)]
    return "".join(shown)


def to_html(text: str) -> str:
    """Return ``text`` for HTML, XML and SVG, in elements and attributes.

    Example:
        >>> to_html('<b>"x"')
        '&lt;b&gt;&quot;x&quot;'
    """
    return _html.escape(clean(text))


def to_plot(text: str) -> str:
    """Return ``text`` for a plot, where a name that starts with ``_`` is left out of legends."""
    shown = clean(text, _PLOT_LENGTH)
    return f"\u200a{shown}" if shown.startswith("_") else shown


def to_json(value: object, *, indent: int | None = 1) -> str:
    r"""Return ``value`` as JSON that any tool can read and any terminal can show.

    Nothing is lost: characters that do something, or cannot be seen, are written as escapes.

    Example:
        >>> to_json("\x1b\x9b\ud800é")
        '"\\u001b\\u009b\\ud800é"'
    """
    text = (
        _COMPACT(value) if indent is None else json.dumps(value, indent=indent, ensure_ascii=False)
    )
    return text if text.isascii() and text.isprintable() else _HIDDEN.sub(_json_escape, text)


def _shown(char: str) -> str:
    if char in _JOINERS or char in _ARABIC_SIGNS:
        return char
    if char.isprintable():
        return char
    return {"Cf": "", "Zs": " "}.get(unicodedata.category(char), _SIGN)


def _joiner(match: re.Match[str], text: str) -> str:
    """Keep one joiner between two characters that are not ASCII."""
    before, after = text[: match.start()][-1:], text[match.end() :][:1]
    return match[0][0] if not (before.isascii() or after.isascii()) else ""


def _escaped(match: re.Match[str]) -> str:
    if match[0].lower() == "www.":
        return f"{match[0][:3]}&#46;"
    return _ENTITIES.get(match[0], rf"\{match[0]}")


def _json_escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(rf"\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
