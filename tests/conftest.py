"""What all tests share: a missing tool skips, or fails where ``TFLCONV_REQUIRE`` names it."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from hypothesis import settings

settings.register_profile("tflconv", deadline=None, derandomize=True)  # new draws: the nightly
settings.register_profile(
    "nightly", deadline=None, max_examples=int(os.environ.get("TFLCONV_EXAMPLES", "2000"))
)
settings.load_profile("tflconv")

os.environ["TFLCONV_HISTORY"] = "off"
"""No test writes into the history of whoever runs it; those of histories name their own."""


@pytest.fixture(scope="session")
def require() -> Callable[[str, bool, str], None]:
    """``require("adb", found, "no adb on PATH")`` at the start of a test that needs a tool."""

    def check(word: str, available: bool, reason: str) -> None:
        if available:
            return
        if word in os.environ.get("TFLCONV_REQUIRE", "").split(","):
            pytest.fail(f"TFLCONV_REQUIRE asks for {word}: {reason}")
        pytest.skip(reason)

    return check
