"""Datasets: cards, readers, splits and calibration samples. Needs NumPy and Pillow only."""

from tflconv.data.calibration_set import (
    CalibrationSet,
    calibration,
    calibration_pictures,
    calibration_samples,
)
from tflconv.data.dataset import Dataset, Split, drawn, with_fewer
from tflconv.data.dataset_card import DataFile, DatasetCard, card, names
from tflconv.data.labels import named_labels, read_labels
from tflconv.data.loading import check_there, class_names, is_unsorted, load, load_for, shape_of
from tflconv.data.originals import loose, original_files
from tflconv.data.own import is_own
from tflconv.data.own import read as read_own
from tflconv.data.samples import Samples
from tflconv.model.pictures import View

__all__ = [
    "CalibrationSet",
    "DataFile",
    "Dataset",
    "DatasetCard",
    "Samples",
    "Split",
    "View",
    "calibration",
    "calibration_pictures",
    "calibration_samples",
    "card",
    "check_there",
    "class_names",
    "drawn",
    "is_own",
    "is_unsorted",
    "load",
    "load_for",
    "loose",
    "named_labels",
    "names",
    "original_files",
    "read_labels",
    "read_own",
    "shape_of",
    "with_fewer",
]
