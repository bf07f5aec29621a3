"""The phone's read-only system: arm64 packages of the machine's own Debian mirror, unpacked once.

A private apt configuration (own state, own cache, no installed packages, architecture arm64)
resolves the packages, and ``dpkg-deb -x`` unpacks them without running any of their scripts. Of the
machine's package state only the address of its mirror and its keys are read; nothing is changed.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import platformdirs

from tflconv.core.files import replacing_folder

SUITE = "trixie"  # the first Debian release with a genuine adbd for arm64
PACKAGES = ("adbd", "busybox-static", "util-linux")  # Debian's busybox has no flock
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

APT_SECONDS = 200
"""How long one apt command may take; the mirror of a test machine is near."""

_CONFIGURATION = """\
Dir::State "{work}/state";
Dir::State::status "{work}/status";
Dir::Cache "{work}/cache";
Dir::Etc::sourcelist "{work}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "arm64";
APT::Architectures {{ "arm64"; }};
APT::Sandbox::User "";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
"""


def assemble() -> Path:
    """Folder with the phone's ``usr`` tree, from the cache or from the mirror."""
    key = hashlib.sha256(f"{SUITE} {PACKAGES} {_CONFIGURATION}".encode()).hexdigest()[:12]
    target = platformdirs.user_cache_path("tflconv") / "test-phone" / key
    if not target.is_dir():
        with replacing_folder(target) as folder:
            _unpack(_download(folder / "apt"), folder)
    return target


def mirror() -> str | None:
    """Address of the Debian mirror this machine installs its own packages from, if it has one."""
    system = _os_release()
    if system.get("ID") != "debian" or shutil.which("apt-get") is None:
        return None
    wanted = ("--no-release-info", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages")
    targets = (line.split() for line in _apt("indextargets", *wanted).splitlines())
    return next((uri for release, uri in targets if release == system["VERSION_CODENAME"]), None)


def _download(work: Path) -> Path:
    for name in ("state/lists/partial", "cache/archives/partial"):
        (work / name).mkdir(parents=True)
    (work / "status").touch()
    (work / "sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror()} {SUITE} main\n")
    configuration = work / "apt.conf"
    configuration.write_text(_CONFIGURATION.format(work=work))
    _apt("update", configuration=configuration)
    _apt("install", "--yes", "--download-only", *PACKAGES, configuration=configuration)
    return work / "cache/archives"


def _unpack(archives: Path, folder: Path) -> None:
    for package in sorted(archives.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True, timeout=60)
    for unneeded in ("apt", "etc", "usr/share"):
        shutil.rmtree(folder / unneeded)


def _apt(*arguments: str, configuration: Path | None = None) -> str:
    chosen = [] if configuration is None else [f"APT_CONFIG={configuration}"]
    command = ["env", *chosen, "LC_ALL=C", "apt-get", "-q", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=APT_SECONDS)
    return done.stdout


def _os_release() -> dict[str, str]:
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {name: value.strip('"') for name, value in pairs}
