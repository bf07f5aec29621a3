"""Builds what travels in the wheel: ``python -m tflconv.android_benchmark.prebuild``."""

from __future__ import annotations

from tflconv.benchmark import prebuilt

if __name__ == "__main__":
    prebuilt.make(prebuilt.folder())
    print((prebuilt.folder() / prebuilt.MANIFEST).read_text(), end="")
