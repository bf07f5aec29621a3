"""Installed versions of packages, read from their metadata without importing them."""

from __future__ import annotations

import contextlib
from importlib.metadata import PackageNotFoundError, version


def versions(*packages: str) -> dict[str, str | None]:
    """Installed versions of ``packages``, found without importing them; null where missing."""
    found: dict[str, str | None] = dict.fromkeys(packages)
    for package in packages:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
