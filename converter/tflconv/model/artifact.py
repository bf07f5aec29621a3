"""Names and lineage of model files: one slug for the file, the table row and the plot label."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tflconv.core.files import sha256_file


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One model, trained on one dataset, made by one recipe."""

    model: str
    dataset: str
    recipe: str

    @property
    def slug(self) -> str:
        """``vit-mnist-static_wi8_ai8``: the name of this variant everywhere."""
        return f"{self.model}-{self.dataset}-{self.recipe}"


@dataclass(frozen=True, kw_only=True)
class ModelArtifact:
    """A model file with its content hash and the hash of the file it was made from."""

    path: Path
    sha256: str
    bytes: int
    parent: str | None = None

    @classmethod
    def of(cls, path: Path, *, parent: str | None = None) -> ModelArtifact:
        """Read size and hash of the file at ``path``."""
        return cls(path=path, sha256=sha256_file(path), bytes=path.stat().st_size, parent=parent)
