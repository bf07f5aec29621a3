"""What ``tflconv doctor`` looks for: whether it is there, and how to get it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """Whether ``subject`` is there. ``needed_for`` says what does not work without it."""

    subject: str
    ok: bool
    detail: str
    needed_for: str
    hint: str | None = None
