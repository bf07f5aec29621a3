"""Say in one sentence why Keras or TensorFlow could not open a model, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tflconv.core.shortening import first_line
from tflconv.core.text import clean
from tflconv.errors import TflconvError


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Open the model at ``path`` inside of this block.

    Raises:
        TflconvError: Keras or TensorFlow raised anything else.
    """
    try:
        yield
    except (TflconvError, KeyboardInterrupt, MemoryError):
        raise
    except Exception as error:  # Keras raises anything from KeyError to its own kinds
        raise TflconvError(
            f"cannot open {path} as a model: {_reason(error)}", hint=_hint(error)
        ) from error


@contextmanager
def of_version(path: Path, version: str, installed: str) -> Iterator[None]:
    """Open a file that Keras of ``version`` wrote inside of this block, with the ``installed`` one.

    Raises:
        TflconvError: Keras raised anything, and the file is of a newer one.
    """
    try:
        yield
    except (TflconvError, KeyboardInterrupt, MemoryError):
        raise
    except Exception as error:
        if _numbers(version) <= _numbers(installed):
            raise
        raise TflconvError(
            f"cannot open {path} as a model: Keras {clean(version, 20)} wrote it, and {installed}"
            " is installed here.",
            hint="Update it, pip install -U keras, or save the model with the older one.",
        ) from error


def _numbers(version: str) -> list[int]:
    return [int(number[:9]) for number in re.findall("[0-9]+", version)[:3]]


def _reason(error: Exception) -> str:
    text = str(error)
    if "lambda" in text.lower():
        return "it holds a Lambda layer, which is code."
    if _LAMBDA_INSIDE.search(text):
        return "it holds a lambda function, as activation or otherwise, which is code."
    if missing := _MISSING_CODE.search(text):
        name = missing[1] or missing[2]
        return f"the code of '{name}' is not in the file."
    return f"{first_line(error)}."


def _hint(error: Exception) -> str:
    text = str(error)
    if "lambda" in text.lower():
        return "Code inside a file is never run. Replace it by a registered layer and save again."
    if _LAMBDA_INSIDE.search(text):
        return (
            "Code inside a file is never run. Give the function a name, save again, and name the"
            " file that defines it: --custom-objects FILE.py."
        )
    if _MISSING_CODE.search(text):
        return "If you trust that code, name the file that defines it: --custom-objects FILE.py."
    return "Is the file whole? Models come as .keras, .h5, SavedModel folder or float .tflite."


_MISSING_CODE = re.compile(
    r"(?:[Cc]ould not locate (?:class|function)|Unknown (?:layer|object):?) '?([\w.>]+)'?"
    r"|'class_name': 'function', 'config': '(\w+)'[^$]*Unknown activation function"
)
_LAMBDA_INSIDE = re.compile(r"\{'value': \['[\w+/\\=]+', ")
"""A function without a name, as Keras writes its bytes."""
