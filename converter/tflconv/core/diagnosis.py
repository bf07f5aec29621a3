"""Requirements that ``tflconv doctor`` checks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One requirement and whether it is met.

    Attributes:
        subject: What is required, such as ``adb``.
        ok: Whether it was found.
        detail: What was found, or what is wrong.
        needed_for: What does not work without it.
        hint: How to install it.
    """

    subject: str
    ok: bool
    detail: str
    needed_for: str
    hint: str | None = None
