"""Names and lineage of model files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tflconv.core.files import gzip_size, sha256_file


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One model, trained on one dataset and converted by one recipe."""

    model: str
    dataset: str
    recipe: str

    @property
    def slug(self) -> str:
        """The name of this variant in files, tables and plots.

        Example:
            >>> Variant(model="vit", dataset="mnist", recipe="static_wi8_ai8").slug
            'vit-mnist-static_wi8_ai8'
        """
        return f"{self.model}-{self.dataset}-{self.recipe}"


@dataclass(frozen=True, kw_only=True)
class ModelArtifact:
    """A model file and where it comes from.

    Attributes:
        path: The file.
        sha256: Hash of its content.
        bytes: Its size.
        parent: Hash of the file that it was made of.
    """

    path: Path
    sha256: str
    bytes: int
    parent: str | None = None

    @cached_property
    def download_bytes(self) -> int:
        """Its size as gzip packs it, which is what a download of it moves."""
        return gzip_size(self.path)

    @classmethod
    def of(cls, path: Path, *, parent: str | None = None) -> ModelArtifact:
        """Describe the file at ``path``, made of the file with the hash ``parent``."""
        return cls(path=path, sha256=sha256_file(path), bytes=path.stat().st_size, parent=parent)
