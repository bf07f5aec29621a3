"""Sections of the HTML report, one file each; a section without data is empty."""
