"""Label files: one class a line, in the order of the model's outputs."""

from __future__ import annotations

from pathlib import Path

from tflconv.errors import TflconvError


def read_labels(path: Path, count: int | None = None) -> tuple[str, ...]:
    """The labels in the text file at ``path``; ``count`` is how many there must be.

    Raises ``TflconvError`` where lines are empty or doubled, or their number is another.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").rstrip("\n").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TflconvError(f"cannot read labels from {path}: {error}.") from error
    labels = tuple(line.strip() for line in lines)
    for number, label in enumerate(labels, 1):
        if not label:
            raise TflconvError(f"{path}, line {number}: a label is empty.")
    if count is not None and len(labels) != count:
        raise TflconvError(
            f"{path} has {len(labels)} labels; the model has {count} outputs.",
            hint="The file holds one label a line, in the order of the model's outputs.",
        )
    return labels
