"""Files and folders that systems and programs leave among pictures, left out everywhere alike."""

from __future__ import annotations

from pathlib import PurePosixPath

_FOLDERS = {"__macosx", "@eadir", "__pycache__", "$recycle.bin", "lost+found"}
_FILES = {"thumbs.db", "ehthumbs.db", "desktop.ini"}


def is_hidden(name: str) -> bool:
    """Return whether a file or folder name is one that no person put among the pictures.

    Example:
        >>> [is_hidden(name) for name in (".ipynb_checkpoints", "__MACOSX", "cats")]
        [True, True, False]
    """
    return name.startswith(".") or name.lower() in _FOLDERS | _FILES


def is_hidden_path(path: str) -> bool:
    """Return whether a relative path is, or lies in, something hidden."""
    return any(is_hidden(part) for part in PurePosixPath(path).parts)
