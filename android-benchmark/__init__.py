"""The native benchmark harness; read it through ``tflconv.resources``."""
