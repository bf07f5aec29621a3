"""Read the versions of installed packages without importing them."""

from __future__ import annotations

import contextlib
from importlib.metadata import PackageNotFoundError, version


def versions(*packages: str) -> dict[str, str | None]:
    """Return the installed version of each of ``packages``; None for one that is missing.

    Example:
        >>> versions("no-such-package")
        {'no-such-package': None}
    """
    installed: dict[str, str | None] = dict.fromkeys(packages)
    for package in packages:
        with contextlib.suppress(PackageNotFoundError):
            installed[package] = version(package)
    return installed
