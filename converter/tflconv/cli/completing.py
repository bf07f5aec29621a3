"""Values that a shell completes: recipes, datasets, devices and models."""

from __future__ import annotations

import itertools
import string
from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def files(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Let the shell complete files and folders."""
    return [CompletionItem(begun, type="file")]


def recipes(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Return names of recipes, the short ones too, and prefixes of what trains before."""
    from tflconv import recipe
    from tflconv.compression import technique

    texts = {name: each.summary for name, each in recipe.SCHEMES.items()}
    texts |= {alias: f"short for {full}" for alias, full in recipe.ALIASES.items()}
    words = begun.split("_")[:-1]
    steps = itertools.takewhile(
        lambda word: word.rstrip(string.digits) in technique.TECHNIQUES, words
    )
    before = "".join(f"{step}_" for step in steps)
    return _starting(begun, ((before + name, text) for name, text in texts.items()))


def datasets(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Return names of datasets; where none begins so, files and folders."""
    from tflconv import data

    choices = _starting(begun, ((name, data.card(name).title) for name in data.names()))
    return choices or files(_, __, begun)


def devices(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Return the devices of this computer; phones only where their kind is begun."""
    from tflconv.device.arm64 import cores
    from tflconv.device.kinds import kind

    choices = [("host", "this computer")]
    choices += [(f"arm64:{name}", "emulated, counts instructions") for name in cores.CORES]
    phones = kind("adb").listed() if begun.startswith("a") and "r" not in begun[:2] else []
    choices += [(phone.id, phone.name) for phone in phones if phone.kind == "phone"]
    return _starting(begun, choices)


def serials(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Return the serial numbers of phones."""
    from tflconv.device.kinds import kind

    phones = ((phone.id.removeprefix("adb:"), phone.name) for phone in kind("adb").listed())
    return _starting(begun, phones)


def models(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Return the models of the registry."""
    from tflconv import models as registered
    from tflconv.models import registry

    return _starting(begun, ((name, registry.summary(name)) for name in registered.names()))


def _starting(begun: str, choices: Iterable[tuple[str, str]]) -> list[CompletionItem]:
    return [CompletionItem(name, help=text) for name, text in choices if name.startswith(begun)]
