"""Every run that was measured, in one file that lasts; ``results.json`` stays the exchange format.

>>> from pathlib import Path
>>> from tflconv.history import History
>>> History(Path("history.sqlite")).runs()
[]
"""

from tflconv.history.database import History, Kept, begins_hash
from tflconv.history.keeping import OFF, VARIABLE, HistoryPlace, Keeping, place

__all__ = ["OFF", "VARIABLE", "History", "HistoryPlace", "Keeping", "Kept", "begins_hash", "place"]
