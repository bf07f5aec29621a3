"""Messages are written once, for the command line; in Python their options become parameters.

A command line inside of a message (``tflconv convert MODEL --golden COUNT``) stays one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

_COMMAND = re.compile(r"tflconv [a-z]+\b(?:[^`;,:.(\n]|[.,:](?=\S))*")
_OPTION = re.compile(
    r"(?P<leave>\b[Ll]eave )?(?P<tick>`?)(?<![\w-])--(?P<option>[a-z][a-z-]*[a-z])"
    r"(?:=(?P<given>[\w:./%-]*[\w%])"
    r"| (?P<apart>[A-Z][A-Z.,]*[A-Z]|[\w:./%-]*[\d-][\w:./%-]*[\w%]|[\w:./%-]*\d)"
    r"(?P<more>(?:, [\w:./%-]*[\w%])* or [\w:./%,-]*[\w%](?=[.,;:)]|$))?)?"
)
_LISTED = re.compile(r"(?P<before>, | or )(?P<value>[A-Z][A-Z.,]*[A-Z]|[\w:./%-]*[\w%])")
_SETTING = re.compile(r"--setting (\w+)\.(\w+)=([\w.]*\w)")
_ELSEWHERE = {
    "recipe": "recipes",
    "device": "devices",
    "option": "options",
    "output": "folder",
    "for": "target",
    "card": "with_card",
    "serial": "devices",
    "adb_server": "adb_servers",
}
"""Parameters that are not called as their option."""

_CLASSES = {"distill": "DistillStepConfig"}
"""Settings of steps whose class is not called as the step."""

_AS_ONE_VALUE = {"qat": "qat", "distill": "distill"}
"""Options of this prefix are one parameter, which takes their settings as one value."""


def in_python(
    text: str, known: Collection[str], flags: Collection[str] = (), others: Collection[str] = ()
) -> str:
    """Return ``text`` with options of the command line as parameters.

    Args:
        text: The message.
        known: Parameters of the function that was called.
        flags: Parameters that are true or false.
        others: Parameters of other functions, by which an option is known, too.

    Example:
        >>> in_python("Add --calibration-count COUNT, or leave --strip out.", ["calibration_count"])
        'Add calibration_count=COUNT, or leave --strip out.'
        >>> in_python("Say --rewrite as-is, or --no-augment.", ["rewrite", "augment"])
        'Say rewrite="as-is", or augment=False.'
        >>> in_python("Say --normalize 0..1, -1..1, caffe or MEAN,STD.", ["normalize"])
        'Say normalize="0..1", "-1..1", "caffe" or MEAN,STD.'
        >>> in_python("Use --setting channels.tile=1 or --qat-engine=tfmot.", ["settings", "qat"])
        'Use settings=ChannelsConfig(tile=1) or qat=QatConfig(engine="tfmot").'
        >>> in_python("Say which: --dataset. See `tflconv inspect --results`.", ["dataset"])
        'Say which: dataset. See `tflconv inspect --results`.'
    """
    spelled, end = "", 0
    for command in _COMMAND.finditer(text):
        spelled += _spelled(text[end : command.start()], known, flags, others) + command[0]
        end = command.end()
    return spelled + _spelled(text[end:], known, flags, others)


def _spelled(
    text: str, known: Collection[str], flags: Collection[str], others: Collection[str]
) -> str:
    """Return ``text``, which holds no command line, in words of Python."""

    def setting(match: re.Match[str]) -> str:
        config = _CLASSES.get(match[1], f"{match[1].title()}Config")
        return f"settings={config}({match[2]}={_value(match[3])})"

    def option(match: re.Match[str]) -> str:
        words = match.groupdict()
        value = words["given"] or words["apart"]
        name, value = _parameter(words["option"].replace("-", "_"), value, {*known, *others})
        if name is None:
            return match[0]
        before = (words["leave"] or "") + words["tick"]
        if value is None and name in flags and not words["leave"]:
            value = "True"
        more = words["more"] or ""
        if value is not None and value.startswith('"'):  # what follows are values like it
            more = _LISTED.sub(lambda each: each["before"] + _value(each["value"]), more)
        return (f"{before}{name}" if value is None else f"{before}{name}={value}") + more

    return _OPTION.sub(option, _SETTING.sub(setting, text))


def _parameter(
    name: str, value: str | None, known: Collection[str]
) -> tuple[str | None, str | None]:
    """Return the parameter that an option is, and its value in Python; None if it is none."""
    positive = name.removeprefix("no_")
    for word in (name, _ELSEWHERE.get(name)):
        if word in known:
            return word, None if value is None else _value(value)
    if positive != name:
        parameter = next(
            (each for each in (positive, _ELSEWHERE.get(positive)) if each in known), None
        )
        return parameter, "False"
    owner, _, setting = name.partition("_")
    if _AS_ONE_VALUE.get(owner) in known and setting:
        text = "..." if value is None else _value(value)
        return owner, f"{owner.title()}Config({setting}={text})"
    return None, None


_WORDS: Mapping[str, str] = {"true": "True", "false": "False"}


def _value(text: str) -> str:
    """Return a value as Python has it: words in quotes, numbers and placeholders as they are."""
    if text in _WORDS:
        return _WORDS[text]
    is_placeholder = text == text.upper() and any(letter.isalpha() for letter in text)
    is_number = re.fullmatch(r"-?\d+(\.\d+)?", text) is not None
    return text if is_placeholder or is_number else f'"{text}"'
