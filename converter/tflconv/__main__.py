"""``python -m tflconv``."""

from tflconv.cli import main

main()
