# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walk a folder that others may write to: sorted, never through a link, with memory for one folder a level."""

from __future__ import annotations

import hashlib
import os
import stat
import typing as t

from .names import to_text

# Of an empty folder that stands for a subvolume inside a btrfs snapshot: snapshots end at subvolumes.
_NO_SUBVOLUME = 2
_PIECE = 1 << 20
_ZEROS = bytes(_PIECE)
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


class Entry(t.NamedTuple):
    """One thing in the tree. *folder* is the open folder it lies in, good until the walk goes on; the root has ""."""

    path: str
    name: str
    folder: int
    status: os.stat_result


def key(path: str) -> tuple[str, ...]:
    """Return what the walk's order compares by."""
    return tuple(path.split("/")) if path else ()


def walk(root: str) -> t.Iterator[Entry]:
    """Give everything below *root*, and it first; a folder before what is in it. Raises OSError.

    What goes away in the meantime is left out; sockets are, since nobody can restore one.
    """
    top = os.open(root, _OPEN | os.O_DIRECTORY)
    stack: list[tuple[int, str, list[str]]] = [(top, "", [])]
    try:
        yield Entry("", ".", top, os.fstat(top))
        stack[0][2].extend(_names(top))
        while stack:
            folder, prefix, names = stack[-1]
            if not names:
                os.close(folder)
                stack.pop()
                continue
            name = names.pop()
            try:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISSOCK(status.st_mode):
                continue
            path = prefix + to_text(name)
            yield Entry(path, name, folder, status)
            if stat.S_ISDIR(status.st_mode):
                inner = _open_folder(name, folder)
                if inner >= 0:
                    stack.append((inner, f"{path}/", _names(inner)))
    finally:
        for folder, *_rest in stack:
            os.close(folder)


def _open_folder(name: str, folder: int) -> int:
    try:
        return os.open(name, _OPEN | os.O_DIRECTORY, dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError):
        return -1


def _names(folder: int) -> list[str]:
    return sorted(os.listdir(folder), key=to_text, reverse=True)


def is_left_out_subvolume(entry: Entry) -> bool:
    """Tell whether a subvolume was here, of which a snapshot has nothing."""
    return stat.S_ISDIR(entry.status.st_mode) and entry.status.st_ino == _NO_SUBVOLUME


def digest(entry: Entry) -> tuple[str, bool]:
    """Return the SHA-256 of a regular file, and whether it was the same file throughout. Raises OSError.

    Holes are not read; their zeros count.
    """
    handle = os.open(entry.name, _OPEN | os.O_NONBLOCK, dir_fd=entry.folder)
    try:
        before = os.fstat(handle)
        value = hashlib.sha256()
        if before.st_blocks * 512 < before.st_size:
            _read_sparse(handle, before.st_size, value)
        else:
            for piece in iter(lambda: os.read(handle, _PIECE), b""):
                value.update(piece)
        return value.hexdigest(), version(before) == version(os.fstat(handle)) == version(entry.status)
    finally:
        os.close(handle)


def _read_sparse(handle: int, size: int, value: t.Any) -> None:
    at = 0
    while at < size:
        try:
            start = os.lseek(handle, at, os.SEEK_DATA)
        except OSError:
            start = size
        for done in range(at, start, _PIECE):
            value.update(_ZEROS[: min(_PIECE, start - done)])
        if start >= size:
            return
        at = min(os.lseek(handle, start, os.SEEK_HOLE), size)
        os.lseek(handle, start, os.SEEK_SET)
        while start < at:
            piece = os.read(handle, min(_PIECE, at - start))
            if not piece:
                return
            value.update(piece)
            start += len(piece)


def version(status: os.stat_result) -> tuple[int, int, int, int]:
    """Return what differs after a file was written to, or replaced."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def attributes(entry: Entry) -> str:
    """Return the SHA-256 of the extended attributes (access lists among them), "" where there are none."""
    place = os.fsencode(f"/proc/self/fd/{entry.folder}/") + os.fsencode(entry.name)
    names = os.listxattr(place, follow_symlinks=False)
    if not names:
        return ""
    value = hashlib.sha256()
    for name in sorted(names):
        content = os.getxattr(place, name, follow_symlinks=False)
        value.update(f"{len(os.fsencode(name))} {len(content)}\n".encode() + os.fsencode(name) + content)
    return value.hexdigest()
