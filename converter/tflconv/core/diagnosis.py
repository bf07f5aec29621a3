"""What ``tflconv doctor`` finds: one line a thing, whether it is there, and how to get it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Whether ``subject`` is there. ``needed_for`` says what does not work without it."""

    subject: str
    ok: bool
    detail: str
    needed_for: str
    hint: str | None = None
