"""Settings of layers that decide how much is computed while they are opened, or by what name.

A spectrogram makes a matrix of the length of its window, and looks its window up by name; so these
are held between limits by which recordings of sound are described. So are the words that a table
does not know.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from tflconv.core.jsonvalue import JsonObject, JsonValue

Check = Callable[[JsonValue], bool]


def broken_setting(name: str, config: JsonObject) -> str | None:
    """Return the first setting of the class ``name`` that breaks its rule, or None.

    Example:
        >>> broken_setting("MelSpectrogram", {"window": "hann", "fft_length": 10**9})
        'fft_length'
        >>> broken_setting("Dense", {"units": 3}) is None
        True
    """
    rules = _RULES.get(name, {})
    return next((key for key, kept in rules.items() if not kept(config.get(key))), None)


def _one_of(*known: str) -> Check:
    return lambda value: value is None or (isinstance(value, str) and value in known)


def _whole(most: int, *, least: int = 1) -> Check:
    def kept(value: JsonValue) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | None):
            return False
        return value is None or least <= value <= most

    return kept


def _number(value: JsonValue) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        return False
    return value is None or math.isfinite(value)


def _numbers(value: JsonValue) -> bool:
    """A number, or a few of them, as JSON or as Keras writes a tuple."""
    if isinstance(value, dict):
        inner = value.get("config", value.get("items"))
        return value.get("class_name") == "__tuple__" and _numbers(inner)
    if isinstance(value, list):
        return len(value) <= 16 and all(map(_number, value))
    return _number(value)


_WINDOWS = _one_of("hann", "hamming")
_LENGTH = _whole(1 << 16)
_UNKNOWN_WORDS = {"num_oov_indices": _whole(1 << 16, least=0)}
"""A table of words has an entry for each of them."""

_RULES: Mapping[str, Mapping[str, Check]] = {
    "AbsMaxQuantizer": {
        "axis": _numbers,
        "epsilon": _number,
        "output_dtype": _one_of("int4", "int8", "int16", "float8_e4m3fn", "float8_e5m2"),
        "value_range": _numbers,
    },
    "IntegerLookup": _UNKNOWN_WORDS,
    "MelSpectrogram": {
        "fft_length": _LENGTH,
        "max_freq": _number,
        "min_freq": _number,
        "num_mel_bins": _whole(1 << 10),
        "sampling_rate": _whole(1 << 24),
        "sequence_length": _LENGTH,
        "sequence_stride": _LENGTH,
        "window": _WINDOWS,
    },
    "StringLookup": _UNKNOWN_WORDS,
    "STFTSpectrogram": {
        "fft_length": _LENGTH,
        "frame_length": _LENGTH,
        "frame_step": _LENGTH,
        "mode": _one_of("angle", "imag", "log", "magnitude", "psd", "real", "stft"),
        "padding": _one_of("same", "valid"),
        "scaling": _one_of("density", "spectrum"),
        "window": _WINDOWS,
    },
}
