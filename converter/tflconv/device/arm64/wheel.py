"""Take LiteRT for arm64 Linux from the wheel that pip would install on such a computer."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from tflconv.core import bounded
from tflconv.core.files import sha256_file
from tflconv.core.versions import versions
from tflconv.device.complaints import NOTHING, complaint
from tflconv.errors import DeviceError

PACKAGE = "ai-edge-litert"
MEMBER = "ai_edge_litert/libLiteRt.so"
OLDEST_GLIBC, NEWEST_GLIBC = 17, 41
SECONDS = 1800.0
"""Time that pip may take."""


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A downloaded wheel and its SHA-256."""

    path: Path
    sha256: str

    def extract(self, target: Path) -> None:
        """Write the LiteRT library to ``target``.

        Raises:
            DeviceError: The wheel has none.
            TflconvError: The wheel is damaged.

        """
        with bounded.explained(self.path, "the wheel"), bounded.open_zip(self.path) as archive:
            if MEMBER not in archive.namelist():
                raise DeviceError(f"{self.path.name} does not hold {MEMBER}.")
            with target.open("wb") as stream:
                bounded.copy_member(archive, MEMBER, stream)


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
    reason = complaint(_command(version, folder), folder, seconds=SECONDS)
    wheels = list(folder.glob("*.whl"))
    if reason is not None or not wheels:
        raise DeviceError(
            f"pip cannot download {PACKAGE} {version} for arm64 Linux: {reason or NOTHING}",
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
