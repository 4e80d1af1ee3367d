# SPDX-License-Identifier: GPL-3.0-or-later
"""Tar files that come out the same, byte for byte, whenever their content is the same."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import typing as t
from dataclasses import dataclass
from pathlib import Path

GZIP_LEVEL = 1
"""Programs travel over a bridge of this machine: unpacking fast counts for more than size."""


@dataclass(frozen=True)
class Entry:
    """One member: a regular file from ``source``, a symbolic link to ``link``, or a folder (neither)."""

    path: str
    source: Path | None = None
    link: str | None = None
    mode: int = 0o755
    uid: int = 0
    gid: int = 0


def entry_of(path: str, root: Path) -> Entry | None:
    """Describe ``root``/``path`` as it lies there; None when it is neither file, link nor folder."""
    place = root / path
    status = place.lstat()
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        return Entry(path, link=os.readlink(place), mode=0o777)
    if stat.S_ISREG(status.st_mode):
        return Entry(path, source=place, mode=mode, uid=status.st_uid, gid=status.st_gid)
    if stat.S_ISDIR(status.st_mode):
        return Entry(path, mode=mode, uid=status.st_uid, gid=status.st_gid)
    return None


def write(stream: t.BinaryIO, entries: t.Iterable[Entry]) -> None:
    """Write an uncompressed tar of ``entries``, sorted by path, without times and names."""
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for entry in sorted(entries, key=lambda one: one.path):
            member = tarfile.TarInfo(entry.path)
            member.mode, member.uid, member.gid = entry.mode, entry.uid, entry.gid
            if entry.link is not None:
                member.type, member.linkname = tarfile.SYMTYPE, entry.link
                archive.addfile(member)
            elif entry.source is not None:
                member.size = entry.source.stat().st_size
                with entry.source.open("rb") as content:
                    archive.addfile(member, content)
            else:
                member.type = tarfile.DIRTYPE
                archive.addfile(member)


def write_file(path: Path, entries: t.Iterable[Entry]) -> None:
    """Write an uncompressed tar file."""
    with path.open("wb") as stream:
        write(stream, entries)


def write_gzip(path: Path, entries: t.Iterable[Entry]) -> None:
    """Write a tar.gz file."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0) as stream:
        write(t.cast(t.BinaryIO, stream), entries)


def of_texts(texts: dict[str, tuple[str, int]], folders: dict[str, int]) -> bytes:
    """Return a tar of small files (path → text, mode) and folders (path → mode)."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path, mode in sorted(folders.items()):
            member = tarfile.TarInfo(path)
            member.type, member.mode = tarfile.DIRTYPE, mode
            archive.addfile(member)
        for path, (text, mode) in sorted(texts.items()):
            content = text.encode()
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(content), mode
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()
