"""Small files that unpack, decode or parse to something large, one maker for each trick."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fakes import hostile_files as sound
from fakes.memory import peak_of
from tflconv.data import idx

MB = 1 << 20
MOST, LIMIT = 10 * MB, 500
"""Bytes of a file, and megabytes of memory that it may take beyond what is in use."""


def results_with(part: str, value: str) -> bytes:
    """Results in which ``part``, such as runs.0.latency.samples_ns, is the JSON ``value``."""
    whole = json.loads(sound.few_results())
    holder: Any = whole
    *path, last = [int(word) if word.isdecimal() else word for word in part.split(".")]
    for key in path:
        holder = holder[key]
    holder[last] = "@"
    return json.dumps(whole).replace('"@"', value).encode()


def repeated(text: str, ends: str = "[]") -> str:
    """A list or object of 9 MB."""
    count = 9 * MB // (len(text) + 1)
    return ends[0] + ",".join([text] * count) + ends[1]


def many_keys(value: str) -> str:
    return "{" + ",".join(f'"{n:x}":{value}' for n in range(9 * MB // (len(value) + 9))) + "}"


def png(width: int, height: int, *, mode: int = 2) -> bytes:
    """A PNG of one colour; ``mode`` is 0 for grey, 2 for RGB, 6 for RGBA."""
    channels = {0: 1, 2: 3, 6: 4}[mode]

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    packer = zlib.compressobj(1)
    row = bytes(1 + channels * width)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, mode, 0, 0, 0)
    magic = b"\x89PNG\r\n\x1a\n"
    return magic + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def png_with_text() -> bytes:
    """A small PNG with a packed comment of 200 MB."""
    small = png(8, 8)
    text = b"a\0\0" + zlib.compress(bytes(200 * MB), 1)
    check = zlib.crc32(b"zTXt" + text)
    chunk = struct.pack(">I", len(text)) + b"zTXt" + text + struct.pack(">I", check)
    return small[:33] + chunk + small[33:]


def gif(frames: int) -> bytes:
    stream = io.BytesIO()
    first = Image.new("P", (4000, 4000))
    first.save(stream, "GIF", save_all=True, append_images=[first] * frames)
    return stream.getvalue()


def tiff() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (9900, 9900)).save(stream, "TIFF", compression="tiff_adobe_deflate")
    return stream.getvalue()


def webp() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (16383, 6000)).save(stream, "WEBP", lossless=True, method=0)
    return stream.getvalue()


def zipped(name: str, block: bytes, megabytes: int, copies: int = 1) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for copy in range(copies):
            with archive.open(f"{copy % 2}/{name.format(copy)}", "w", force_zip64=True) as member:
                for _ in range(megabytes):
                    member.write(block * (MB // len(block)))
    return stream.getvalue()


def tar_gz(name: str, megabytes: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as archive:
        info = tarfile.TarInfo(name)
        info.size = megabytes * MB
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    return stream.getvalue()


def npy(shape: tuple[int, ...], content: bytes = b"") -> bytes:
    stream = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + content


def npz() -> bytes:
    member = npy((700, MB)) + bytes(700 * MB)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a.npy", member)
    return stream.getvalue()


def state() -> bytes:
    return zipped("arr_{}.npy", b"\0", 350, copies=2)


BOMBS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "results: faults by the million": (
        "results", lambda: results_with("runs.0.latency.samples_ns", repeated("{}")),
    ),
    "results: lists by the million": (
        "results", lambda: results_with("context", '{"a":' + repeated("[]") + "}"),
    ),
    "results: keys by the million": ("results", lambda: results_with("context", many_keys("{}"))),
    "results: samples by the million": (
        "results", lambda: results_with("runs.0.latency.samples_ns", repeated("1")),
    ),
    "results: operators by the hundred thousand": (
        "results",
        lambda: results_with("runs.0.graph.ops", repeated('{"name":"a","kind":"b"}')).replace(
            b'"delegated"', b'"other": 0, "delegated"'
        ),
    ),
    "results: one long text": (
        "results", lambda: results_with("runs.0.model.slug", '"' + "a" * 9 * MB + '"'),
    ),
    "plan: tables by the million": ("plan", lambda: b"[[models]]\n" * (9 * MB // 11)),
    "plan: tables up to the limit": ("plan", lambda: b"models=[" + b"{}," * 21_000 + b"]"),
    "plan: one key, deep": ("plan", lambda: (".".join(["a"] * 30_000) + "=1").encode()),
    "idx.gz: zeros": ("idx.gz", lambda: gzip.compress(bytes(4) + bytes(700 * MB), 1)),
    "idx: a header that lies": ("idx", lambda: bytes([0, 0, 8, 3]) + b"\x7f\xff\xff\xff" * 3),
    "idx.gz: a true header": (
        "idx.gz", lambda: gzip.compress(idx.encode(np.zeros((700, 1024, 1024), np.uint8)), 1),
    ),
    "png: 9900 x 9900": ("png", lambda: png(9900, 9900)),
    "png: 9900 x 9900, transparent": ("png", lambda: png(9900, 9900, mode=6)),
    "png: 60000 x 60000": ("png", lambda: png(60_000, 6_000)),
    "png: comment": ("png", png_with_text),
    "gif: frames": ("gif", lambda: gif(20)),
    "tiff: 9900 x 9900": ("tiff", tiff),
    "webp: 16383 x 6000": ("webp", webp),
    "zip: zeros": ("zip", lambda: zipped("{}.png", b"\0", 700)),
    "tar.gz: zeros": ("tar.gz", lambda: tar_gz("cat/1.png", 700)),
    "zip: many zeros": ("zip", lambda: zipped("{}.png", b"\0", 60, copies=30)),
    "zip: pictures": ("zip", lambda: sound.zipped({
        f"{label}/{n}.png": png(9000, 9000) for label in ("cat", "dog") for n in range(2)
    })),
    "npz: zeros": ("npz", npz),
    "npy: a header that lies": ("npy", lambda: npy((1 << 20, 1 << 20))),
    "npy: a long header": ("npy", lambda: npy((1,) * 3000)),
    "training state: zeros": ("training state", state),
    "table: rows": ("table of labels", lambda: b"file,label\n" + b"a,b\n" * (9 * MB // 4)),
    "table: cells": ("table of labels", lambda: b"," * (9 * MB)),
    "table: rows of cells": ("table of labels", lambda: b"file,label\n" + b",,\n" * (3 * MB)),
    "labels: lines": ("labels", lambda: b"a\n" * (9 * MB // 2)),
    "manifest: lists": (
        "manifest", lambda: b'{"files":' + repeated("[]").encode() + b"}",
    ),
    "manifest: files": ("manifest", lambda: json.dumps(
        sound.MANIFEST | {"files": [{"path": "a", "sha256": "b", "bytes": 1}] * 180_000}
    ).encode()),
    "card: names": ("card", lambda: sound.MODEL.read_bytes()[: sound.BEFORE_CARD] + sound.zipped(
        {"tflconv.json": b'{"labels":' + repeated('""').encode() + b"}"}
    )),
    "keras: layers": ("keras", lambda: sound.zipped(
        sound.KERAS | {"config.json": repeated("{}").encode()}
    )),
    "golden contract: zeros": ("golden contract", lambda: zipped("inputs/{}.bin", b"\0", 700)),
    "golden contract: samples": ("golden contract", lambda: sound.zipped(
        {"golden.json": b'{"samples":' + repeated("{}").encode() + b"}"}
    )),
    "log of an app: outputs": (
        "log of an app", lambda: b'{"outputs":' + repeated("1").encode() + b"}",
    ),
    "harness: lines": ("words of the harness", lambda: b'{"type":"run"}\n' * (9 * MB // 15)),
}  # fmt: skip
"""By name: the kind of file, and its maker."""


def check(name: str, folder: Path) -> tuple[float, float]:
    """Use a bomb in a process of its own; return its megabytes, and those that it took at most."""
    kind = next(kind for kind in sound.KINDS if kind.name == BOMBS[name][0])
    content = BOMBS[name][1]()
    path = folder / f"bomb{kind.suffix}"
    path.write_bytes(content)
    peak, end = peak_of(lambda: kind.use(path))
    path.unlink()
    assert len(content) < MOST
    assert peak < LIMIT, f"{peak:.0f} MB: {end}"
    assert "Traceback" not in end, end
    assert not end.startswith("SIG"), end
    return len(content) / 1e6, peak
