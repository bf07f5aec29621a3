"""``tflconv devices``."""

from __future__ import annotations

from dataclasses import asdict
from typing import ClassVar

import click

from tflconv import device
from tflconv.cli import commands, options
from tflconv.cli.console import say, say_next, working
from tflconv.device import connecting
from tflconv.device.access import Access
from tflconv.device.kinds import KINDS, ListedDevice, kind


class _Devices(commands.Group):
    moved: ClassVar = {"list": "devices"}


@commands.group(name="devices", cls=_Devices, invoke_without_command=True)
@click.option("-l", "--long", is_flag=True, help="Also list what each device can measure.")
@options.adb_servers
@options.json_output
@click.pass_context
def command(
    context: click.Context, long: bool, adb_servers: tuple[str, ...], as_json: bool
) -> None:
    """List the devices that models can be measured on.

    arm64:CORE is an emulated core: it counts instructions and checks outputs, but measures no time.

    \b
    Examples:
      tflconv devices --long
      tflconv devices --json
    """
    if context.invoked_subcommand:
        return
    with working("looking for devices"):
        devices = list(device.listed(adb_servers=adb_servers))
    if as_json:
        options.print_rows([asdict(entry) for entry in devices], as_json=True)
        return
    options.print_rows([_row(entry, long=long) for entry in devices], as_json=False)
    for hint in dict.fromkeys(entry.hint for entry in devices if entry.hint):
        say(hint, err=True)
    if not any(entry.kind == "phone" for entry in devices):
        say("No phone is listed. To connect one:", err=True)
        for number, step in enumerate(connecting.steps(), start=1):
            say(f"{number}. {step}", err=True)
    say_next("tflconv", "bench", "MODEL.tflite", "--device", devices[0].id)


@command.command()
@click.argument("kind", type=click.Choice(["arm64"]), expose_value=False)
def setup() -> None:
    """Download what emulated cores need into the user's cache; no root is needed.

    \b
    Examples:
      tflconv devices setup arm64
      tflconv devices setup arm64 && tflconv bench MODEL.tflite --device arm64:cortex-a76
    """
    from tflconv.device import emulator

    with working("downloading what emulated cores need"):
        place = emulator.setup().path
    say(place)
    say_next("tflconv", "bench", "MODEL.tflite", "--device", "arm64:cortex-a76")


@command.command()
@click.argument("kinds", nargs=-1, type=click.Choice(list(KINDS)))
@options.adb_servers
def clean(kinds: tuple[str, ...], adb_servers: tuple[str, ...]) -> None:
    """Delete the files that were copied to devices of the given KINDS, by default of all.

    \b
    Examples:
      tflconv devices clean
      tflconv devices clean adb --adb-server lab1:5037
    """
    access = Access(adb_servers=adb_servers)
    for name in kinds or KINDS:
        with working(f"cleaning {name}"):
            count = kind(name).clean(access)
        say(f"{name}: {count} {'file' if count == 1 else 'files'} removed")


def _row(entry: ListedDevice, *, long: bool) -> dict[str, object]:
    row: dict[str, object] = {"device": entry.id, "name": entry.name, "state": entry.state}
    if long:
        row["reports"] = ", ".join(entry.abilities) or None
    return row
