"""Datasets: cards, readers, splits and calibration samples; numpy and Pillow, no TensorFlow."""

from tflconv.data.card import DataFile, DatasetCard, card, names
from tflconv.data.dataset import CalibrationSet, Dataset, Split, calibration
from tflconv.data.loading import load

__all__ = [
    "CalibrationSet",
    "DataFile",
    "Dataset",
    "DatasetCard",
    "Split",
    "calibration",
    "card",
    "load",
    "names",
]
