"""Download an archive from a Maven repository and check it twice.

On the first download the archive must have the checksum that the repository publishes beside it.
Its SHA-256, computed from the file, is then kept in a lock file, and from then on the same version
must have the same content, whatever the repository publishes.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tflconv.core import downloads
from tflconv.core.downloads import DownloadError, DownloadLimits
from tflconv.core.files import sha256_bytes, write_bytes, write_json
from tflconv.core.private import locked
from tflconv.core.text import clean
from tflconv.errors import TflconvError

CHECKSUMS = ("sha512", "sha256", "sha1")
"""Checksums that a repository may publish, the strongest first."""

_WORDS = DownloadLimits(bytes=1 << 20, seconds=60)
"""For a checksum, or the list of versions."""

_ARCHIVE = DownloadLimits(bytes=256 << 20, seconds=3600)
_VERSION = re.compile(r"\w[\w.+-]*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A Maven repository at ``address`` and the folder of what was downloaded from it."""

    address: str
    folder: Path

    @property
    def lock(self) -> Path:
        """Path of the lock file, which holds the SHA-256 of each path in the repository."""
        return self.folder / "lock.json"

    def newest(self, group: str, name: str) -> str:
        """Return the newest released version of an artifact.

        Raises:
            TflconvError: The repository cannot be reached or names no released version.

        """
        path = f"{_path(group)}/{name}/maven-metadata.xml"
        try:
            release = ElementTree.fromstring(self._get(path)).findtext("versioning/release")
        except ElementTree.ParseError:
            release = None
        if release is None or not _VERSION.fullmatch(release.strip()):
            raise TflconvError(f"{self.address}/{path} names no released version.")
        return release.strip()

    def fetch(self, group: str, name: str, version: str, extension: str) -> Path:
        """Return the path of an archive, downloaded on the first call.

        Args:
            group: Such as ``com.google.ai.edge.litert``.
            name: Such as ``litert``.
            version: Such as ``2.1.6``.
            extension: Such as ``aar``.

        Raises:
            TflconvError: It cannot be downloaded, or its checksum is wrong.

        """
        path = f"{_path(group)}/{name}/{version}/{name}-{version}.{extension}"
        target = self.folder / path
        content = target.read_bytes() if target.is_file() else self._published(path)
        self._check_lock(path, content)
        return target if target.is_file() else write_bytes(target, content)

    def _published(self, path: str) -> bytes:
        content = self._get(path, _ARCHIVE)
        for kind in CHECKSUMS:
            expected = self._checksum(f"{path}.{kind}")
            if expected is None:
                continue
            if hashlib.new(kind, content).hexdigest() != expected:
                raise _tampered(
                    self.address, path, f"its published {kind} is {clean(expected, 120)}"
                )
            return content
        raise TflconvError(f"{self.address} publishes no checksum of {path}.")

    def _check_lock(self, path: str, content: bytes) -> None:
        digest = sha256_bytes(content)
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder):
            known = json.loads(self.lock.read_text()) if self.lock.is_file() else {}
            if path not in known:
                write_json(self.lock, known | {path: digest})
            elif known[path] != digest:
                raise _tampered(self.address, path, f"{self.lock} says {known[path]}")

    def _checksum(self, path: str) -> str | None:
        try:
            words = self._get(path).decode("ascii", "replace").split()
        except TflconvError:
            return None
        return words[0].lower() if words else None

    def _get(self, path: str, limits: DownloadLimits = _WORDS) -> bytes:
        address = f"{self.address.rstrip('/')}/{path}"
        try:
            return downloads.read(address, limits)
        except DownloadError as error:
            raise TflconvError(
                f"cannot fetch {address}: {error.message}.",
                hint="Check the address and the network.",
            ) from error


def _path(group: str) -> str:
    return group.replace(".", "/")


def _tampered(address: str, path: str, evidence: str) -> TflconvError:
    return TflconvError(
        f"{path} from {address} is not what it should be: {evidence}.",
        hint="Do not use it: the download was damaged or the archive was replaced.",
    )
