# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: takes members out of tar and zip archives, piece by piece and nothing else."""

from __future__ import annotations

import contextlib
import tarfile
import typing as t
import zipfile

from .errors import HostError

_PIECE = 1 << 20


def _pieces(stream: t.IO[bytes]) -> t.Iterator[bytes]:
    return iter(lambda: stream.read(_PIECE), b"")


@contextlib.contextmanager
def opened(name: str, path: str, plain: bool) -> t.Iterator[t.Callable[[str], t.Iterator[bytes]]]:
    """Open a downloaded file; gives a function from a member's name to its bytes.

    ``plain`` is for a download that is the file itself, whatever it is. Raises HostError for an archive that
    cannot be read, and for a member that is missing or no regular file.
    """
    try:
        if plain:
            with open(path, "rb") as stream:
                yield lambda _member: _pieces(stream)
        elif tarfile.is_tarfile(path):
            with tarfile.open(path, "r:*") as archive:
                yield lambda member: _from_tar(name, archive, member)
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as bundle:
                yield lambda member: _from_zip(name, bundle, member)
        else:
            fix = "For a plain file give file_name"
            raise HostError(f"Cannot unpack archive:{name}", "it is neither tar nor zip", fix)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as exc:
        fix = "Its checksum is right, so ask its maker; or correct URL and sha256"
        raise HostError(f"Cannot unpack archive:{name}", f"it is damaged ({exc})", fix) from exc


def _missing(name: str, member: str, known: list[str]) -> HostError:
    shown = ", ".join(sorted(known)[:8]) + (" ..." if len(known) > 8 else "")
    return HostError(f"Cannot unpack archive:{name}", f"it has no file {member!r}", f"It holds: {shown}")


def _from_tar(name: str, archive: tarfile.TarFile, member: str) -> t.Iterator[bytes]:
    infos = {info.name[2:] if info.name.startswith("./") else info.name: info for info in archive.getmembers()}
    info = infos.get(member)
    if info is None or not (info.isreg() or info.islnk()):
        raise _missing(name, member, [key for key, value in infos.items() if value.isreg()])
    stream = archive.extractfile(info)
    if stream is None:
        raise _missing(name, member, list(infos))
    return _pieces(stream)


def _from_zip(name: str, bundle: zipfile.ZipFile, member: str) -> t.Iterator[bytes]:
    infos = {info.filename: info for info in bundle.infolist() if not info.is_dir()}
    if member not in infos:
        raise _missing(name, member, list(infos))
    return _pieces(bundle.open(infos[member]))
