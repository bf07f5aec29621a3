"""Recognizes sets in forms that are not read as folders: tables of others, records, archives.

A folder of them has no pictures in class folders; it is called by what it is instead.
(https://huggingface.co/docs/datasets; https://github.com/webdataset/webdataset.)
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_ONCE = (
    "Write its pictures out once, each into a folder of its class, CLASS/0.png; or give arrays:"
    " --dataset FILE.npz with x and y."
)
_FORMS = (
    (r"\.parquet$", "tables of Parquet, as Hugging Face has them", _ONCE),
    (r"\.arrow$", "tables of Arrow, as save_to_disk of Hugging Face writes them", _ONCE),
    (r"\.tfrec(ord)?s?(-\d+-of-\d+)?$", "records of TensorFlow (TFRecord)", _ONCE),
    (r"\.cls$", "pairs of WebDataset", _ONCE),
    (
        r"(^|/)metadata\.jsonl$",
        "a table of Hugging Face as JSON lines",
        "Make a table of it, labels.csv with the columns file_name and label, and name that:"
        " --dataset DIR/labels.csv.",
    ),
    (
        r"\.[ct]sv$",
        "a table beside its pictures",
        "Where it has their labels or pixels, unpack it if it is packed, and name it: --dataset"
        " DIR/TABLE.csv.",
    ),
    (r"\.(zip|tar|tgz|gz|7z|rar)$", "archives inside", "Unpack them, and name the folder."),
)


def kind(names: Sequence[str]) -> tuple[str, str] | None:
    """Return what a set is that has no pictures in class folders, and what to do; None if unknown.

    Args:
        names: All files of the set, as paths.

    Returns:
        What, with an example, and a hint.

    Example:
        >>> kind(["data/train-0.parquet"])[0]
        'tables of Parquet, as Hugging Face has them (such as data/train-0.parquet)'
    """
    for pattern, what, todo in _FORMS:
        example = next((name for name in names if re.search(pattern, name, re.IGNORECASE)), None)
        if example is not None:
            return f"{what} (such as {example})", todo
    return None
