# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: takes files out of what was downloaded, piece by piece and nothing else."""

from __future__ import annotations

import bz2
import contextlib
import tarfile
import typing as t
import zipfile

from .errors import HostError
from .model import BZIP2, Archive

_PIECE = 1 << 20


def _pieces(stream: t.IO[bytes]) -> t.Iterator[bytes]:
    return iter(lambda: stream.read(_PIECE), b"")


@contextlib.contextmanager
def opened(archive: Archive, path: str) -> t.Iterator[t.Callable[[str], t.Iterator[bytes]]]:
    """Open a downloaded file; gives a function from a member's name to its bytes.

    Without members it is the file itself, packed or not, whatever it is. Raises HostError for an archive that
    cannot be read, and for a member that is missing or no regular file.
    """
    name = archive.name
    try:
        if not archive.members:
            with open(path, "rb") as stream:
                yield lambda _member: _from_bzip2(name, stream) if archive.packed == BZIP2 else _pieces(stream)
        elif tarfile.is_tarfile(path):
            with tarfile.open(path, "r:*") as bundle:
                yield lambda member: _from_tar(name, bundle, member)
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as zipped:
                yield lambda member: _from_zip(name, zipped, member)
        else:
            fix = "For a plain file give file_name"
            raise HostError(f"Cannot unpack archive:{name}", "it is neither tar nor zip", fix)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as exc:
        raise _damaged(name, exc) from exc


def _damaged(name: str, exc: Exception) -> HostError:
    fix = "Its checksum is right, so ask its maker; or correct URL and sha256"
    return HostError(f"Cannot unpack archive:{name}", f"it is damaged ({exc})", fix)


def _from_bzip2(name: str, packed: t.IO[bytes]) -> t.Iterator[bytes]:
    try:
        with bz2.open(packed) as stream:
            yield from _pieces(t.cast("t.IO[bytes]", stream))
    except OSError as exc:
        # What is no bzip2 is an error of the operating system to that module, without a number.
        if exc.errno is not None:
            raise
        raise _damaged(name, exc) from exc


def _missing(name: str, member: str, known: list[str]) -> HostError:
    shown = ", ".join(sorted(known)[:8]) + (" ..." if len(known) > 8 else "")
    return HostError(f"Cannot unpack archive:{name}", f"it has no file {member!r}", f"It holds: {shown}")


def _named(member: str, names: t.Iterable[str]) -> str:
    """Return what the archive calls a member; "*/" is its top folder, which has the version in its name."""
    if not member.startswith("*/"):
        return member
    return next((name for name in names if name.partition("/")[2] == member[2:]), member)


def _from_tar(name: str, archive: tarfile.TarFile, member: str) -> t.Iterator[bytes]:
    infos = {info.name[2:] if info.name.startswith("./") else info.name: info for info in archive.getmembers()}
    info = infos.get(_named(member, infos))
    if info is None or not (info.isreg() or info.islnk()):
        raise _missing(name, member, [key for key, value in infos.items() if value.isreg()])
    stream = archive.extractfile(info)
    if stream is None:
        raise _missing(name, member, list(infos))
    return _pieces(stream)


def _from_zip(name: str, bundle: zipfile.ZipFile, member: str) -> t.Iterator[bytes]:
    infos = {info.filename: info for info in bundle.infolist() if not info.is_dir()}
    found = _named(member, infos)
    if found not in infos:
        raise _missing(name, member, list(infos))
    return _pieces(bundle.open(infos[found]))
