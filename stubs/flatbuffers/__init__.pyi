"""The part of the flatbuffers library that tflconv uses."""

from . import number_types as number_types
from . import table as table
from .builder import Builder as Builder
