"""Datasets: cards, readers, splits and calibration samples. Needs NumPy and Pillow only."""

from tflconv.data.calibration_set import (
    CalibrationSet,
    calibration,
    calibration_file,
    calibration_pictures,
)
from tflconv.data.dataset import Dataset, Split
from tflconv.data.dataset_card import DataFile, DatasetCard, card, names
from tflconv.data.labels import read_labels
from tflconv.data.loading import is_unsorted, load, load_for
from tflconv.model.pictures import View

__all__ = [
    "CalibrationSet",
    "DataFile",
    "Dataset",
    "DatasetCard",
    "Split",
    "View",
    "calibration",
    "calibration_file",
    "calibration_pictures",
    "card",
    "is_unsorted",
    "load",
    "load_for",
    "names",
    "read_labels",
]
