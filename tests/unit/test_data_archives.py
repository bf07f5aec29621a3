import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from making_pictures import write_tar, write_zip

from tflconv.data.archives import ArchiveLimits, members
from tflconv.errors import TflconvError

GOOD = {"cats/1.png": b"one", "dogs/2.png": b"two"}


def names_and_contents(path: Path) -> dict[str, bytes]:
    return {member.name: member.content for member in members(path)}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_every_kind_of_tar_gives_its_files(tmp_path: Path, mode: str) -> None:
    assert names_and_contents(write_tar(tmp_path / "a.tar", GOOD, mode)) == GOOD


def test_a_zip_gives_its_files_and_leaves_out_hidden_ones(tmp_path: Path) -> None:
    hidden = {"__MACOSX/cats/._1.png": b"x", "cats/.DS_Store": b"y"}
    assert names_and_contents(write_zip(tmp_path / "a.zip", GOOD | hidden)) == GOOD


def test_a_zip_with_the_separators_of_windows_has_folders(tmp_path: Path) -> None:
    written = {name.replace("/", "\\"): content for name, content in GOOD.items()}
    path = write_zip(tmp_path / "a.zip", written | {"cats\\": b"", "__MACOSX\\._1.png": b"x"})
    assert names_and_contents(path) == GOOD


@pytest.mark.parametrize("name", ["../evil.png", "cats/../../evil.png", "..\\evil.png"])
@pytest.mark.parametrize("write", [write_tar, write_zip])
def test_a_name_that_climbs_out_is_refused(tmp_path: Path, write, name: str) -> None:
    path = write(tmp_path / "a.archive", GOOD | {name: b"evil"})
    with pytest.raises(TflconvError, match="points outside"):
        list(members(path))
    assert [p.name for p in tmp_path.iterdir()] == ["a.archive"]


@pytest.mark.parametrize("name", ["/etc/evil.png", "C:/evil.png", "\\evil.png"])
@pytest.mark.parametrize("write", [write_tar, write_zip])
def test_an_absolute_name_is_refused(tmp_path: Path, write, name: str) -> None:
    with pytest.raises(TflconvError, match="absolute path"):
        list(members(write(tmp_path / "a.archive", {name: b"evil"})))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_a_link_or_device_in_a_tar_is_refused(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("cats/1.png")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(TflconvError, match="a link or a device"):
        list(members(path))


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("cats/1.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(TflconvError, match="is a link"):
        list(members(tmp_path / "a.zip"))


@pytest.mark.parametrize("write", [write_tar, write_zip])
def test_one_huge_member_is_refused_before_it_is_unpacked(tmp_path: Path, write) -> None:
    path = write(tmp_path / "a.archive", {"cats/1.png": bytes(20 << 20)})
    assert path.stat().st_size < 100_000
    with pytest.raises(TflconvError, match=r"cats/1\.png.*unpacks to 20971520 bytes"):
        list(members(path, ArchiveLimits(member_bytes=16 << 20)))


@pytest.mark.parametrize("write", [write_tar, write_zip])
def test_many_members_that_are_huge_together_are_refused(tmp_path: Path, write) -> None:
    files = {f"cats/{i}.png": bytes(1 << 20) for i in range(12)}
    with pytest.raises(TflconvError, match="unpacks to more than 8388608 bytes"):
        list(members(write(tmp_path / "a", files), ArchiveLimits(total_bytes=8 << 20)))


@pytest.mark.parametrize("write", [write_tar, write_zip])
def test_too_many_members_are_refused(tmp_path: Path, write) -> None:
    files = {f"cats/{i}.png": b"" for i in range(12)}
    with pytest.raises(TflconvError, match="more than 10 files"):
        list(members(write(tmp_path / "a", files), ArchiveLimits(count=10)))


def test_a_huge_header_is_not_read_into_memory(tmp_path: Path) -> None:
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 1 << 40
    path = tmp_path / "a.tar"
    path.write_bytes(name.tobuf(tarfile.GNU_FORMAT) + bytes(4096))
    with pytest.raises(TflconvError, match=r"a\.tar unpacks to more than"):
        list(members(path))


def test_a_name_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for content in (b"a", b"b"):
            info = tarfile.TarInfo("cats/1.png")
            info.size = 1
            archive.addfile(info, io.BytesIO(content))
    with pytest.raises(TflconvError, match="is there twice"):
        list(members(path))


@pytest.mark.parametrize("write", [write_tar, write_zip])
def test_a_cut_archive_says_so(tmp_path: Path, write) -> None:
    path = write(tmp_path / "a", {f"cats/{i}.png": bytes(range(256)) * 40 for i in range(20)})
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(TflconvError, match="the archive is damaged"):
        list(members(path))


@pytest.mark.parametrize("content", [b"", b"no archive at all" * 100])
def test_what_is_no_archive_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pictures.tar"
    path.write_bytes(content)
    with pytest.raises(TflconvError, match=r"pictures\.tar"):
        list(members(path))


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"cats/1.png": b"one"})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(TflconvError, match="is encrypted"):
        list(members(path))
