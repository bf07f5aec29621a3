"""``tflconv devices``."""

from __future__ import annotations

from dataclasses import asdict

import click

from tflconv import device
from tflconv.cli import options
from tflconv.device.kinds import KINDS, ListedDevice, kind


@click.group(name="devices", invoke_without_command=True)
@click.option("-l", "--long", is_flag=True, help="Also show what each device can report.")
@options.json_output
@click.pass_context
def command(context: click.Context, long: bool, as_json: bool) -> None:
    """List the devices that models can be measured on.

    arm64:CORE is an emulated core: it counts instructions and checks outputs, but tells no time.
    """
    if context.invoked_subcommand:
        return
    found = list(device.listed())
    if as_json:
        options.print_rows([asdict(one) for one in found], as_json=True)
        return
    options.print_rows([_row(one, long=long) for one in found], as_json=False)
    for hint in dict.fromkeys(one.hint for one in found if one.hint):
        click.echo(hint, err=True)


@command.command()
@click.argument("kind", type=click.Choice(["arm64"]), expose_value=False)
def setup() -> None:
    """Get what the emulated cores need, without root, and keep it in the user's cache."""
    from tflconv.device import emulator

    click.echo(emulator.setup().path)


@command.command()
@click.argument("kinds", nargs=-1, type=click.Choice(list(KINDS)))
def clean(kinds: tuple[str, ...]) -> None:
    """Remove what was copied to devices: to those of the given KINDS, or to all."""
    for name in kinds or KINDS:
        count = kind(name).clean()
        click.echo(f"{name}: {count} {'file' if count == 1 else 'files'} removed")


def _row(one: ListedDevice, *, long: bool) -> dict[str, object]:
    row: dict[str, object] = {"device": one.id, "name": one.name, "state": one.state}
    if long:
        row["reports"] = ", ".join(one.abilities) or None
    return row
