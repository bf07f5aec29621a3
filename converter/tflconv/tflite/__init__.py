"""The flatbuffer of a ``.tflite`` file: read, edited, written; its schema is known nowhere else."""
