"""Downloads the files of a dataset: whole and checked, or not at all.

A download goes to a hidden ``.part`` file beside its target and takes the target's name only when
its size and SHA-256 are those of the card. A broken download is resumed where it ended, at once or
by the next call. Where no checksum is published, that of the first download is recorded in
``fetched.json`` and checked from then on; such a file is never joined from two downloads. One
process at a time fetches into the folder of a dataset.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tflconv.core import outputs, telling
from tflconv.core.downloads import (
    BrokenOff,
    DownloadError,
    DownloadLimits,
    Outdated,
    TooLong,
    asked,
)
from tflconv.core.files import explain_write_errors, replacing_file, sha256_file, write_json
from tflconv.core.private import locked
from tflconv.data.archives import is_archive, members
from tflconv.data.dataset_card import DataFile, DatasetCard, card
from tflconv.data.layout import arranged
from tflconv.data.locating import RECORD, checksums, data_dir, recorded
from tflconv.errors import TflconvError, UsageError

ATTEMPTS = 3
SECONDS = 6 * 3600.0
"""Time for one attempt at one file; 16 GB need it at 6 Mbit/s."""

MAX_BYTES = 16 << 30
"""Size of a file whose card says no size."""

DownloadCallback = Callable[[str, int, int | None], None]
"""Called with the name of the file, the bytes received, and the bytes in all, if known."""


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """One file of a dataset on this machine.

    Attributes:
        path: The file.
        sha256: Its checksum.
        fresh: Whether it was downloaded or copied just now.
        first: Whether its checksum was not known before.
    """

    path: Path
    sha256: str
    fresh: bool
    first: bool


def fetch(name: str, progress: DownloadCallback | None = None) -> tuple[Fetched, ...]:
    """Download the missing files of a dataset into its data folder.

    Args:
        name: Name of the dataset.
        progress: Called after each block of a download.

    Returns:
        All files of the dataset.

    Raises:
        UsageError: The dataset is bundled, or a file has no public URL.
        TflconvError: No URL gives the right bytes, or a file cannot be written.
    """
    wanted = _fetchable(name)
    if missing := [file.path for file in wanted.files if not file.urls]:
        raise UsageError(
            f"dataset {name} has no public address for {', '.join(missing)}.", hint=wanted.login
        )
    with _alone(wanted):
        return tuple(_fetch_file(wanted, file, progress or _silent) for file in wanted.files)


def adopt(name: str, source: Path) -> tuple[Fetched, ...]:
    """Copy the files of a dataset from a file or folder into its data folder.

    Args:
        name: Name of the dataset.
        source: A folder with the files, or the one file of the dataset under any name.

    Returns:
        All files of the dataset.

    Raises:
        UsageError: A file is missing, or the dataset is bundled.
        TflconvError: A checksum differs, or an archive is damaged or has no picture of a class.
    """
    wanted = _fetchable(name)
    if not source.exists():
        raise UsageError(
            f"there is no file {source}.", hint=f"Leave it out to download {name} instead."
        )
    if source.is_file() and len(wanted.files) != 1:
        names = ", ".join(file.path for file in wanted.files)
        raise UsageError(f"{name} has several files: give the folder that holds {names}.")
    return tuple(_adopt_file(wanted, file, source) for file in wanted.files)


@contextmanager
def _alone(wanted: DatasetCard) -> Iterator[None]:
    """Keep other processes from writing into the folder of a dataset."""
    folder = data_dir() / wanted.name
    with explain_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    words = f"another process fetches {wanted.name}; waiting for it"
    with locked(folder, lambda: telling.warn(words)):
        yield


def _fetchable(name: str) -> DatasetCard:
    published = card(name)
    if published.bundled:
        raise UsageError(
            f"{name} travels with tflconv; there is nothing to fetch.",
            hint=f"Say its name where a dataset is asked for: --dataset {name}.",
        )
    outputs.try_folder(data_dir() / name)
    return recorded(published, data_dir() / name)


def _fetch_file(wanted: DatasetCard, file: DataFile, progress: DownloadCallback) -> Fetched:
    target = data_dir() / wanted.name / file.path
    if target.is_file() and file.sha256 in (None, sha256_file(target)):
        return _settled(target, file, fresh=False)
    problems = []
    for url in file.urls:
        problem = _try(url, target, file, progress)
        if problem is None:
            return _settled(target, file, fresh=True)
        problems.append(f"{url}: {problem}.")
    raise TflconvError(
        f"cannot fetch {file.path} of {wanted.name}. {' '.join(problems)}",
        hint="Try again later (the download is resumed), or download the file otherwise and run"
        f" `tflconv datasets fetch {wanted.name} --from FILE`.",
    )


def _try(url: str, target: Path, file: DataFile, progress: DownloadCallback) -> str | None:
    """Download ``url`` to ``target``; return the reason where that fails."""
    try:
        with explain_write_errors(target):
            _download(url, target, file, progress)
    except DownloadError as error:
        return error.message
    return None


def _settled(target: Path, file: DataFile, *, fresh: bool) -> Fetched:
    """Record the checksum of ``target`` if it was not known, and return what was done."""
    digest = sha256_file(target)
    if file.sha256 is None:
        record = checksums(target.parent)
        write_json(target.parent / RECORD, record | {file.path: digest})
    return Fetched(path=target, sha256=digest, fresh=fresh, first=file.sha256 is None)


def _adopt_file(wanted: DatasetCard, file: DataFile, source: Path) -> Fetched:
    original = source / file.path if source.is_dir() else source
    if not original.is_file():
        raise UsageError(f"{source} has no file {file.path}.")
    digest = sha256_file(original)
    if file.sha256 not in (None, digest):
        raise TflconvError(
            f"{original} is not {file.path} of {wanted.name}:"
            f" its sha256 is {digest}, expected {file.sha256}."
        )
    if is_archive(Path(file.path)):
        _check_archive(original, wanted)
    target = data_dir() / wanted.name / file.path
    with _alone(wanted):
        with replacing_file(target) as temporary:
            shutil.copyfile(original, temporary)
        return _settled(target, file, fresh=True)


def _check_archive(path: Path, wanted: DatasetCard) -> None:
    """Read the archive to its end and check that it has a picture of every class."""
    names = [member.name for member in members(path)]
    if wanted.format != "pictures":
        return
    labels = {place.label for place in arranged(names, wanted).places.values()}
    if missing := [label for label in wanted.classes if label not in labels]:
        raise TflconvError(
            f"{path} is not {wanted.name}:"
            f" no picture of '{missing[0]}' among its {len(names)} files."
        )


def _download(url: str, target: Path, file: DataFile, progress: DownloadCallback) -> None:
    """Download ``url`` to ``target``, resuming an earlier attempt."""
    part = target.with_name(f".{target.name}.part")
    for _ in range(ATTEMPTS):
        try:
            _receive(url, part, file, progress)
            break
        except BrokenOff as broken:
            problem = broken.message
        except Outdated as outdated:
            part.unlink()
            problem = outdated.message
        except TooLong:
            part.unlink()
            raise
    else:
        raise DownloadError(f"the connection broke {ATTEMPTS} times ({problem})")
    _verify(part, file)
    part.replace(target)


def _receive(url: str, part: Path, file: DataFile, progress: DownloadCallback) -> None:
    """Append the missing bytes to ``part``."""
    have = part.stat().st_size if part.exists() else 0
    if file.bytes is not None and have >= file.bytes:
        return
    if file.sha256 is None:
        have = 0  # nothing would tell a seam between two versions of the file
        part.unlink(missing_ok=True)
    limits = DownloadLimits(bytes=file.bytes or MAX_BYTES, seconds=SECONDS)
    with (
        asked(url, limits, start=have, checked=file.sha256 is not None) as body,
        part.open("ab" if body.start else "wb") as out,
    ):
        for block in body.blocks:
            out.write(block)
            progress(file.path, out.tell(), body.size)


def _verify(part: Path, file: DataFile) -> None:
    size, digest = part.stat().st_size, sha256_file(part)
    if file.bytes not in (None, size):
        part.unlink()
        raise DownloadError(f"gave {size} bytes, expected {file.bytes}")
    if file.sha256 not in (None, digest):
        part.unlink()
        raise DownloadError(
            f"gave wrong bytes: sha256 {digest[:16]}…, expected {file.sha256[:16]}…"
        )


def _silent(_name: str, _done: int, _total: int | None) -> None:
    pass
