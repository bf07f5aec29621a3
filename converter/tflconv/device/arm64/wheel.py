"""Take LiteRT for arm64 Linux from the wheel that pip would install on such a computer."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tflconv.core.files import sha256_file
from tflconv.core.versions import versions
from tflconv.device.complaints import last_line
from tflconv.errors import DeviceError

PACKAGE = "ai-edge-litert"
MEMBER = "ai_edge_litert/libLiteRt.so"
OLDEST_GLIBC, NEWEST_GLIBC = 17, 41


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A downloaded wheel and its SHA-256."""

    path: Path
    sha256: str

    def extract(self, target: Path) -> None:
        """Write the LiteRT library to ``target``; raise ``DeviceError`` if the wheel has none."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                target.write_bytes(archive.read(MEMBER))
        except (KeyError, zipfile.BadZipFile) as error:
            raise DeviceError(f"{self.path.name} does not hold {MEMBER}.") from error


def installed_version() -> str:
    """Return the version of LiteRT on this computer; the arm64 one must be the same.

    Raises:
        DeviceError: LiteRT is not installed here.

    """
    version = versions(PACKAGE)[PACKAGE]
    if version is None:
        raise DeviceError(f"{PACKAGE} is not installed.", hint=f"python -m pip install {PACKAGE}")
    return version


def download(version: str, folder: Path) -> Wheel:
    """Download the arm64 Linux wheel of LiteRT into ``folder`` with pip.

    Raises:
        DeviceError: pip fails.

    """
    done = subprocess.run(_command(version, folder), capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise DeviceError(
            f"pip cannot download {PACKAGE} {version} for arm64 Linux: {_reason(done.stderr)}",
            hint="Check the network and pip's settings: python -m pip config list.",
        )
    return Wheel(path=wheels[0], sha256=sha256_file(wheels[0]))


def _command(version: str, folder: Path) -> list[str]:
    platforms = [
        f"--platform=manylinux_2_{minor}_aarch64" for minor in range(NEWEST_GLIBC, OLDEST_GLIBC, -1)
    ]
    only_this = ["--no-deps", "--only-binary=:all:", f"--dest={folder}", f"{PACKAGE}=={version}"]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    return [*pip, *platforms, *only_this]


def _reason(stderr: str) -> str:
    errors = [line for line in stderr.splitlines() if "ERROR" in line]
    return last_line("\n".join(errors) or stderr).removeprefix("ERROR: ")
