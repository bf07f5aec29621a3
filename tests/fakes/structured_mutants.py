"""Damage inside of sound files: odd values in JSON and TOML, damaged members in sound archives.

Flipped bytes end at the first check of a format. What is made here passes it, as a file made by
hand would: the archive is whole, its checksums are right, and what is in it is not.
"""

from __future__ import annotations

import bz2
import copy
import gzip
import io
import json
import lzma
import math
import random
import re
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

from fakes.mutants import mutant

Mutate = Callable[[bytes, int], bytes]

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1 << 31, 1 << 64, 10**400, 0.5, -1e-300, 1e308, math.nan, math.inf,
    "", "a", "0", "nan", "\ud800", "\x1b[2J", "\u202e", "../../x", "/dev/zero", "=1+1", "<b>",
    "a" * 5000, [], {}, [[]], [None], {"": None}, [1, "a", None], {"a": {"b": [{}]}},
)  # fmt: skip
_DEEP = json.loads("[" * 180 + "]" * 180)


def of_json(original: bytes, number: int) -> bytes:
    """Return JSON with one to four values replaced, removed, doubled or added."""
    draw = random.Random(number)
    if draw.random() < 0.2:
        return mutant(original, number)
    value = json.loads(original)
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        _change(value, draw)
    return json.dumps(value).encode()


def _change(value: Any, draw: random.Random) -> None:
    holder = value
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            return
        key = draw.choice(keys)
        if isinstance(holder[key], dict | list) and holder[key] and draw.random() < 0.8:
            holder = holder[key]
            continue
        _change_at(holder, key, draw)
        return


def _change_at(holder: Any, key: Any, draw: random.Random) -> None:
    action = draw.randrange(8)
    if action == 0:
        del holder[key]
    elif action == 1 and isinstance(holder, list):
        holder += [copy.deepcopy(holder[key]) for _ in range(draw.choice((1, 1, 50)))]
    elif action == 1:
        holder[draw.choice(("", "x", "name", "__class__"))] = copy.deepcopy(holder[key])
    elif action == 2:
        holder[key] = [holder[key]]
    elif action == 3 and draw.random() < 0.1:
        holder[key] = copy.deepcopy(_DEEP)
    else:
        holder[key] = copy.deepcopy(draw.choice(ODD))


_TOML_ODD = (
    "-1", "0", "1e400", "nan", "inf", "-inf", '""', '"a"', "[]", "{}", "[[]]", "true", "1" * 400,
    "1979-05-27", '"\\u202e"', '"' + "a" * 5000 + '"', '"/dev/zero"', '["host", "host"]',
    "[" * 500 + "]" * 500, "a.b.c = 1", "{a = 1}",
)  # fmt: skip


def of_toml(original: bytes, number: int) -> bytes:
    """Return TOML with values replaced, and lines removed, doubled or moved."""
    draw = random.Random(number)
    if draw.random() < 0.2:
        return mutant(original, number)
    lines = original.decode().splitlines()
    for _ in range(draw.choice((1, 1, 2, 4))):
        at = draw.randrange(len(lines))
        action = draw.randrange(6)
        if action == 0:
            del lines[at]
        elif action == 1:
            lines.insert(draw.randrange(len(lines)), lines[at])
        else:
            lines[at] = re.sub(r"= *.*", lambda _: f"= {draw.choice(_TOML_ODD)}", lines[at])
    return "\n".join(lines).encode()


def of_text(original: bytes, number: int) -> bytes:
    """Return a table or list with cells replaced, and lines removed, doubled or joined."""
    draw = random.Random(number)
    if draw.random() < 0.3:
        return mutant(original, number)
    lines = original.decode().split("\n")
    for _ in range(draw.choice((1, 2, 4))):
        at = draw.randrange(len(lines))
        cells = lines[at].split(",")
        odd = str(draw.choice(ODD)).encode(errors="replace").decode()
        cells[draw.randrange(len(cells))] = draw.choice((odd, '"', "\0", "\r", "\ufeff", ",,,"))
        lines[at] = draw.choice((",", ";", "\t")).join(cells)
        if draw.random() < 0.2:
            lines += lines[at : at + 1] * draw.choice((1, 100))
    return "\n".join(lines).encode(errors="replace")


def of_zip(member: Mutate, *, start: int = 0) -> Mutate:
    """Return a mutator of archives whose members are changed by ``member``, or their container.

    Args:
        member: Changes the content of a member.
        start: Where the archive begins; what lies before it stays.
    """

    def change(original: bytes, number: int) -> bytes:
        draw = random.Random(number)
        if draw.random() < 0.4:
            return original[:start] + mutant(original[start:], number)
        with zipfile.ZipFile(io.BytesIO(original)) as archive:
            members = [(info.filename, archive.read(info)) for info in archive.infolist()]
        at = draw.randrange(len(members))
        name, content = members[at]
        members[at] = (name, member(content, number))
        if draw.random() < 0.1:
            members[at] = (draw.choice(("", "../x", "/x", "a" * 300, "x\0y", "é")), content)
        if draw.random() < 0.1:
            members.append(draw.choice(members))
        if draw.random() < 0.1:
            del members[draw.randrange(len(members))]
        return original[:start] + _zipped(members, draw)

    return change


def _zipped(members: list[tuple[str, bytes]], draw: random.Random) -> bytes:
    kind = draw.choice(
        (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name or "x"), content, kind)
    return buffer.getvalue()


PACKERS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "": (bytes, bytes),
    "gz": (gzip.decompress, lambda content: gzip.compress(content, 1)),
    "bz2": (bz2.decompress, bz2.compress),
    "xz": (lzma.decompress, lambda content: lzma.compress(content, preset=0)),
}


def packed(kind: str, inner: Mutate) -> Mutate:
    """Return a mutator of what a gzip, bzip2 or xz file holds, and of the file itself."""
    unpack, pack = PACKERS[kind]

    def change(original: bytes, number: int) -> bytes:
        if random.Random(number).random() < 0.5:
            return mutant(original, number)
        return pack(inner(unpack(original), number))

    return change


def of_tar(member: Mutate) -> Mutate:
    """Return a mutator of tar archives: of one member, or of the headers."""

    def change(original: bytes, number: int) -> bytes:
        draw = random.Random(number)
        if draw.random() < 0.5:
            return mutant(original, number)
        buffer = io.BytesIO()
        with (
            tarfile.open(fileobj=io.BytesIO(original)) as old,
            tarfile.open(fileobj=buffer, mode="w") as new,
        ):
            infos = old.getmembers()
            chosen = draw.choice(infos)
            for info in infos:
                stream = old.extractfile(info)
                content = stream.read() if stream else b""
                if info is chosen:
                    content = member(content, number)
                    info.name = draw.choice((info.name, info.name, "x", "../x", "/x", "a" * 200))
                    info.type = draw.choice((info.type, info.type, tarfile.SYMTYPE, b"Z"))
                info.size = len(content)
                new.addfile(info, io.BytesIO(content))
        return buffer.getvalue()

    return change
