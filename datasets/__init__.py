"""Bundled dataset cards and small real samples; read them through ``tflconv.core.resources``."""
