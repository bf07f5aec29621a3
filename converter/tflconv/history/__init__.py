"""Every run that was measured, in one file that lasts; ``results.json`` stays the exchange format.

>>> from pathlib import Path
>>> from tflconv.history import History
>>> History(Path("history.sqlite")).runs()
[]
"""

from tflconv.history.database import VARIABLE, History, Kept, default

__all__ = ["VARIABLE", "History", "Kept", "default"]
