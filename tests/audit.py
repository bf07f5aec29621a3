"""Known holes of the packages that are installed here: ``make audit``.

pip-audit asks PyPI's advisories about every installed version. It lives in a virtual environment
of its own, ``.venv/audit``, as it brings some thirty packages that nothing else needs. What it
finds is judged by what can be done about it:

- a hole whose repair is a version that every installed package allows ends the check with 1;
- a hole without such a version is told and passes: nobody here can close it;
- without a network, or where the index has no advisories, nothing was checked. That is told as what
  it is, and passes, so that the tests of this project run anywhere.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import TypedDict

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

HOME = Path(sys.prefix) / "audit"
INSTALL_SECS, AUDIT_SECS = 180, 300


class Hole(TypedDict):
    """A hole of one version of a package, and the versions that repair it."""

    id: str
    fix_versions: list[str]


class Package(TypedDict, total=False):
    """What pip-audit says of a package: its holes, or why it was skipped."""

    name: str
    version: str
    vulns: list[Hole]
    skip_reason: str


class NotAudited(Exception):  # noqa: N818 - no error: there is nothing to ask
    """Nothing could be checked; the message says why."""


def requirements() -> dict[str, SpecifierSet]:
    """Return which versions all installed packages together allow of each package."""
    allowed: dict[str, SpecifierSet] = {}
    for distribution in distributions():
        for text in distribution.requires or []:
            try:
                wanted = Requirement(text)
            except InvalidRequirement:
                continue
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                name = canonicalize_name(wanted.name)
                allowed[name] = allowed.get(name, SpecifierSet()) & wanted.specifier
    return allowed


def report() -> list[Package]:
    """Run pip-audit on the packages of this Python."""
    tool = HOME / "bin" / "pip-audit"
    if not tool.exists():
        _run([sys.executable, "-m", "venv", str(HOME)], INSTALL_SECS)
        _run([str(HOME / "bin" / "pip"), "install", "--quiet", "pip-audit>=2.7"], INSTALL_SECS)
    places = {str(distribution.locate_file("")) for distribution in distributions()}
    paths = [argument for place in sorted(places) for argument in ("--path", place)]
    quiet = ["--format", "json", "--progress-spinner", "off", "--desc", "off", "--timeout", "10"]
    return parsed(_run([str(tool), *paths, *quiet], AUDIT_SECS, accepted=(0, 1)))


def parsed(text: str) -> list[Package]:
    """Return the packages in what pip-audit printed."""
    try:
        packages: list[Package] = json.loads(text)["dependencies"]
    except (ValueError, KeyError, TypeError):
        raise NotAudited("pip-audit printed no report") from None
    return packages


def holes(packages: list[Package], allowed: dict[str, SpecifierSet]) -> Iterator[tuple[bool, str]]:
    """Yield of each hole whether it can be closed, and a line about it."""
    for package in packages:
        for hole in package.get("vulns", []):
            specifier = allowed.get(canonicalize_name(package["name"]), SpecifierSet())
            repairs = [fix for fix in hole["fix_versions"] if specifier.contains(fix)]
            what = f"{package['name']} {package['version']}: {hole['id']}"
            if repairs:
                yield (
                    True,
                    f"{what}. Repaired in {', '.join(repairs)}: raise its floor in setup.cfg.",
                )
            elif hole["fix_versions"]:
                yield False, f"{what}. Repaired in versions that {specifier} rules out."
            else:
                yield False, f"{what}. No version repairs it."


def judge(packages: list[Package]) -> int:
    """Print what was found and return the exit code."""
    checked = [package for package in packages if "skip_reason" not in package]
    if not checked:
        raise NotAudited("there is no network, or the index has no advisories")
    found = list(holes(packages, requirements()))
    print(f"{len(checked)} of {len(packages)} packages audited, {len(found)} known holes.")
    for _, line in found:
        print(line)
    return int(any(closable for closable, _ in found))


def _run(command: list[str], seconds: int, accepted: tuple[int, ...] = (0,)) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotAudited(f"{Path(command[0]).name} does not run: {error}") from None
    if done.returncode not in accepted:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise NotAudited(f"{Path(command[0]).name} ended with {done.returncode}: {last}")
    return done.stdout


def main() -> int:
    """Audit, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--report", type=Path, help="a report that pip-audit made elsewhere")
    chosen = parser.parse_args().report
    try:
        return judge(report() if chosen is None else parsed(chosen.read_text(encoding="utf-8")))
    except NotAudited as reason:
        print(f"Not audited: {reason}.")
        return 0


if __name__ == "__main__":
    sys.exit(main())
