"""Weights that a training starts from: a file, or a download that is checked by its hash."""

from __future__ import annotations

from pathlib import Path

from tflconv.core import downloads
from tflconv.core.downloads import DownloadError, DownloadLimits
from tflconv.core.files import cache_dir, sha256_bytes, sha256_file, sha256_path, write_bytes
from tflconv.core.progress import Callback, Progress
from tflconv.errors import TflconvError
from tflconv.pipeline import checking
from tflconv.training.config import is_address
from tflconv.training.course import StartingWeights

_LIMITS = DownloadLimits(bytes=1 << 30, seconds=3600.0)


def start(weights: str, sha256: str | None, progress: Callback) -> StartingWeights:
    """Return the file that ``weights`` names, downloaded if it is an address.

    Args:
        weights: A path or an address.
        sha256: The hash that the file must have; an address needs one.
        progress: Is told of a download.

    Raises:
        TflconvError: There is no such file, it has another hash, or it cannot be downloaded.
    """
    if is_address(weights):
        assert sha256 is not None  # the request was checked
        return StartingWeights(
            name=weights, path=_downloaded(weights, sha256, progress), sha256=sha256
        )
    path = Path(weights)
    checking.model_file(path)
    actual = sha256_path(path)
    if sha256 not in (None, actual):
        raise TflconvError(
            f"{path} has the sha256 {actual}, expected {sha256}.", hint="Is it another file?"
        )
    return StartingWeights(name=path.name, path=path, sha256=actual)


def _downloaded(address: str, sha256: str, progress: Callback) -> Path:
    target = cache_dir("weights") / sha256
    if target.is_file() and sha256_file(target) == sha256:
        return target
    progress(Progress(stage="fetch", message=f"downloading {address}"))
    try:
        content = downloads.read(address, _LIMITS)
    except DownloadError as error:
        raise TflconvError(
            f"cannot fetch {address}: {error.message}.", hint="Check the address and the network."
        ) from error
    if sha256_bytes(content) != sha256:
        raise TflconvError(
            f"{address} is not the file that was asked for: its sha256 is"
            f" {sha256_bytes(content)}, expected {sha256}.",
            hint="Do not use it: the download was damaged, or the file was replaced.",
        )
    return write_bytes(target, content)
