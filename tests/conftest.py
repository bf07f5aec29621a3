"""What all tests share: skipping on a user's machine is failing where ``TFLCONV_REQUIRE`` says so."""

from __future__ import annotations

import os

import pytest


def require(word: str, available: bool, reason: str) -> None:
    """Skip the test because ``reason``, or fail it if ``word`` is in ``TFLCONV_REQUIRE``."""
    if available:
        return
    if word in os.environ.get("TFLCONV_REQUIRE", "").split(","):
        pytest.fail(f"TFLCONV_REQUIRE asks for {word}: {reason}")
    pytest.skip(reason)
