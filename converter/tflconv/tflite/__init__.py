"""Read, edit and write ``.tflite`` flatbuffers; no other package uses their schema."""
