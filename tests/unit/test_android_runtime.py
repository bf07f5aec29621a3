"""Which LiteRT a phone gets: a file, Gradle's, a checked download. A real server, real archives."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from fakes.servers import ESCAPES, Hostile, Quiet, serving
from tflconv.core import bounded
from tflconv.core.files import sha256_bytes
from tflconv.device import android_runtime
from tflconv.device.maven import Repository
from tflconv.errors import TflconvError, UsageError

GROUP, NAME = android_runtime.GROUP, android_runtime.NAME
FOLDER = Path(*GROUP.split("."), NAME)


def elf(*, machine: int = 0xB7, names: bytes = b"\0LiteRtCreateModelFromFd\0") -> bytes:
    """As much of a shared library as is looked at."""
    return b"\x7fELF\x02\x01\x01".ljust(18, b"\0") + bytes([machine, 0]) + names


def archive(path: Path, library: bytes | None, **others: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as container:
        container.writestr("AndroidManifest.xml", "<manifest/>")
        if library is not None:
            container.writestr(android_runtime.MEMBER, library)
        for name, content in others.items():
            container.writestr(f"jni/arm64-v8a/{name}.so", content)
    return path


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("GRADLE_USER_HOME", str(tmp_path / "gradle"))
    for name in ("TFLCONV_RUNTIME", "TFLCONV_MAVEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A Maven repository on the loopback with version 2.2.0, and its folder."""
    root = tmp_path / "repository"
    aar = archive(root / FOLDER / "2.2.0" / f"{NAME}-2.2.0.aar", elf())
    publish(aar)
    metadata = "<metadata><versioning><release>2.2.0</release></versioning></metadata>"
    (root / FOLDER / "maven-metadata.xml").write_text(metadata)
    handler = partial(QuietHandler, directory=str(root))
    with serving(Quiet(("127.0.0.1", 0), handler)) as address:
        yield address, root


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


def publish(aar: Path, kind: str = "sha256") -> None:
    digest = hashlib.new(kind, aar.read_bytes()).hexdigest()
    aar.with_name(f"{aar.name}.{kind}").write_text(digest)


def test_an_archive_that_was_named(tmp_path: Path) -> None:
    aar = archive(tmp_path / "litert-2.1.6.aar", elf())
    library = android_runtime.choose(aar, android=True)
    assert (library.abi, library.version, library.source) == (
        "aarch64-android",
        "2.1.6",
        "--runtime",
    )
    assert library.path.read_bytes() == elf()
    assert library.software.sha256 == sha256_bytes(elf())


class FakePhone:
    """Notes what is brought to it and which links are laid."""

    folder = "/phone"

    def __init__(self) -> None:
        self.links: dict[str, str] = {}

    def push_all(self, sources: Sequence[Path]) -> list[str]:
        return [f"{self.folder}/{sha256_bytes(path.read_bytes())}.so" for path in sources]

    def script(self, text: str, *arguments: str) -> str:
        self.links |= dict(zip(arguments[2::2], arguments[1::2], strict=True))
        return "yes"


def test_an_archive_brings_its_accelerator(tmp_path: Path) -> None:
    gpu, java = elf(names=b"gpu"), elf(names=b"java")
    files = {"libLiteRtClGlAccelerator": gpu, "liblitert_jni": java}
    phone = FakePhone()
    runtime = android_runtime.install(phone, archive(tmp_path / "litert.aar", elf(), **files))
    assert runtime.accelerators == ("libLiteRtClGlAccelerator.so",)
    assert phone.links == {
        "libLiteRt.so": f"/phone/{sha256_bytes(elf())}.so",
        "libLiteRtClGlAccelerator.so": f"/phone/{sha256_bytes(gpu)}.so",
    }
    assert runtime.path.endswith("/libLiteRt.so")
    assert runtime.launcher == ()


def test_a_library_that_was_named_brings_the_accelerator_beside_it(tmp_path: Path) -> None:
    for name, machine in (("libLiteRt", 0xB7), ("libLiteRtClGlAccelerator", 0xB7), ("x", 0x3E)):
        (tmp_path / f"{name}.so").write_bytes(elf(machine=machine))
    (tmp_path / "libLiteRtWebGpuAccelerator.so").write_bytes(elf(machine=0x3E))
    library = android_runtime.choose(tmp_path / "libLiteRt.so", android=True)
    assert [path.name for path in library.accelerators] == ["libLiteRtClGlAccelerator.so"]


def test_a_library_that_was_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "libLiteRt.so"
    library.write_bytes(elf())
    monkeypatch.setenv("TFLCONV_RUNTIME", str(library))
    assert android_runtime.choose(None, android=True).path == library


def test_a_damaged_copy_in_the_cache_is_replaced(tmp_path: Path) -> None:
    aar = archive(tmp_path / "litert-2.1.6.aar", elf())
    copy = android_runtime.choose(aar, android=True).path
    copy.write_bytes(b"damaged")
    assert android_runtime.choose(aar, android=True).path.read_bytes() == elf()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"text", "not a 64-bit library"),
        (elf(machine=0x3E), "not for arm64"),
        (elf(names=b"\0TfLiteModelCreate\0"), "older than 2.1.6"),
    ],
)
def test_a_library_that_cannot_be_used(tmp_path: Path, content: bytes, words: str) -> None:
    library = tmp_path / "libLiteRt.so"
    library.write_bytes(content)
    with pytest.raises(UsageError, match=words):
        android_runtime.choose(library, android=True)


def test_an_archive_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no jni/arm64-v8a"):
        android_runtime.choose(archive(tmp_path / "other.aar", None), android=True)


def test_a_runtime_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no runtime"):
        android_runtime.choose(tmp_path / "missing.aar", android=True)


def test_the_newest_of_gradles_that_is_new_enough(tmp_path: Path) -> None:
    cache = tmp_path / "gradle/caches/modules-2/files-2.1" / GROUP / NAME
    for version in ("1.4.2", "2.1.5", "2.1.6", "2.10.0", "2.9.0"):
        archive(cache / version / "0a1b" / f"{NAME}-{version}.aar", elf())
    library = android_runtime.choose(None, android=True)
    assert (library.version, library.source) == ("2.10.0", "Gradle cache")


def test_gradle_without_a_new_enough_one(tmp_path: Path) -> None:
    cache = tmp_path / "gradle/caches/modules-2/files-2.1" / GROUP / NAME
    archive(cache / "2.1.5" / "0a1b" / f"{NAME}-2.1.5.aar", elf())
    assert android_runtime.newest_in_gradle() is None


def test_a_download_is_checked_and_locked(
    repository: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address, root = repository
    monkeypatch.setenv("TFLCONV_MAVEN", address)
    library = android_runtime.choose(None, android=True)
    assert (library.version, library.source) == ("2.2.0", "Maven repository")
    aar = root / FOLDER / "2.2.0" / f"{NAME}-2.2.0.aar"
    lock = tmp_path / "cache/runtime/maven/lock.json"
    assert sha256_bytes(aar.read_bytes()) in lock.read_text()


@pytest.mark.parametrize("kind", ["sha1", "sha512"])
def test_other_published_checksums(repository: tuple[str, Path], tmp_path: Path, kind: str) -> None:
    address, root = repository
    aar = root / FOLDER / "2.2.0" / f"{NAME}-2.2.0.aar"
    aar.with_name(f"{aar.name}.sha256").unlink()
    publish(aar, kind)
    fetched = Repository(address=address, folder=tmp_path / "f").fetch(GROUP, NAME, "2.2.0", "aar")
    assert fetched.read_bytes() == aar.read_bytes()


def test_a_download_that_is_not_what_was_published(
    repository: tuple[str, Path], tmp_path: Path
) -> None:
    address, root = repository
    archive(root / FOLDER / "2.2.0" / f"{NAME}-2.2.0.aar", elf() + b"evil")
    here = Repository(address=address, folder=tmp_path / "f")
    with pytest.raises(TflconvError, match="not what it should be: its published sha256"):
        here.fetch(GROUP, NAME, "2.2.0", "aar")
    assert not list(here.folder.rglob("*.aar"))
    assert not here.lock.exists()


def test_a_version_that_was_exchanged_after_it_was_locked(
    repository: tuple[str, Path], tmp_path: Path
) -> None:
    address, root = repository
    here = Repository(address=address, folder=tmp_path / "f")
    here.fetch(GROUP, NAME, "2.2.0", "aar").unlink()
    publish(archive(root / FOLDER / "2.2.0" / f"{NAME}-2.2.0.aar", elf() + b"evil"))
    with pytest.raises(TflconvError, match=r"lock\.json says"):
        here.fetch(GROUP, NAME, "2.2.0", "aar")


def test_a_download_that_was_changed_here(repository: tuple[str, Path], tmp_path: Path) -> None:
    here = Repository(address=repository[0], folder=tmp_path / "f")
    here.fetch(GROUP, NAME, "2.2.0", "aar").write_bytes(b"changed")
    with pytest.raises(TflconvError, match=r"lock\.json says"):
        here.fetch(GROUP, NAME, "2.2.0", "aar")


def test_no_checksum_no_download(repository: tuple[str, Path], tmp_path: Path) -> None:
    address, root = repository
    (root / FOLDER / "2.2.0" / f"{NAME}-2.2.0.aar.sha256").unlink()
    with pytest.raises(TflconvError, match="publishes no checksum"):
        Repository(address=address, folder=tmp_path / "f").fetch(GROUP, NAME, "2.2.0", "aar")


def test_a_repository_that_does_not_answer(tmp_path: Path) -> None:
    here = Repository(address="http://127.0.0.1:1", folder=tmp_path / "f")
    with pytest.raises(TflconvError, match="cannot fetch"):
        here.newest(GROUP, NAME)


@pytest.mark.parametrize("version", ["../../../../x", "..", "2.2.0/..", "2.2.0\x1b[2J", "", "-r"])
def test_a_version_that_is_none_names_no_path(
    repository: tuple[str, Path], tmp_path: Path, version: str
) -> None:
    address, root = repository
    metadata = f"<metadata><versioning><release>{version}</release></versioning></metadata>"
    (root / FOLDER / "maven-metadata.xml").write_text(metadata)
    with pytest.raises(TflconvError, match="names no released version"):
        Repository(address=address, folder=tmp_path / "f").newest(GROUP, NAME)


@pytest.mark.parametrize(
    ("path", "why"), [("rude", "404"), ("noise", "2J"), ("endless", "how long")]
)
def test_a_hostile_repository_is_one_printable_message(tmp_path: Path, path: str, why: str) -> None:
    with serving(Hostile()) as address:
        here = Repository(address=address, folder=tmp_path / "f")
        with pytest.raises(TflconvError, match=why) as caught:
            here._get(path)
    assert caught.value.message.isprintable()


def test_a_checksum_that_is_none_is_shown_as_it_may_be(
    repository: tuple[str, Path], tmp_path: Path
) -> None:
    address, root = repository
    checksum = root / FOLDER / "2.2.0" / f"{NAME}-2.2.0.aar.sha256"
    checksum.write_text(ESCAPES + "f" * 5000)
    with pytest.raises(TflconvError, match="its published sha256") as caught:
        Repository(address=address, folder=tmp_path / "f").fetch(GROUP, NAME, "2.2.0", "aar")
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 400


def test_an_archive_that_unpacks_to_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(bounded.VARIABLE, "1")
    path = tmp_path / "bomb.aar"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as container:
        container.writestr(android_runtime.MEMBER, elf() + bytes(2 << 20))
    with pytest.raises(TflconvError, match="unpacks to more than 1 MB"):
        android_runtime.choose(path, android=True)


def test_a_damaged_archive_is_one_message(tmp_path: Path) -> None:
    path = archive(tmp_path / "litert.aar", elf() * 100)
    content = bytearray(path.read_bytes())
    content[content.index(b"LiteRtCreate")] ^= 1
    path.write_bytes(content)
    with pytest.raises(TflconvError, match="the archive is damaged"):
        android_runtime.choose(path, android=True)
