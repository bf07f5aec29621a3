"""Datasets: cards, readers, splits and calibration samples."""
