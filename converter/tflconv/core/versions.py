"""Read the versions of installed packages without importing them."""

from __future__ import annotations

import contextlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version


def versions(*packages: str) -> dict[str, str | None]:
    """Return the installed version of each of ``packages``; None for one that is missing.

    Example:
        >>> versions("no-such-package")
        {'no-such-package': None}
    """
    return {package: _installed(package) for package in packages}


@cache
def _installed(package: str) -> str | None:
    """Kept, for it reads files of the package."""
    with contextlib.suppress(PackageNotFoundError):
        return version(package)
    return None
