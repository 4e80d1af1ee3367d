# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What restic sees: every volume's folder at its place in the view, read-only, in a mount namespace of its own.

The mounts are gone with the process, however it ends. Folders of the view stay: new ones would be other folders to
restic, and every run a new snapshot.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import typing as t

from .._host.errors import HostError, explained
from .model import DUMP, FILES, Places

_NEW_NAMESPACE = 0x00020000
_READ_ONLY, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 32, 4096, 16384, 1 << 18


def make_folders(places: Places, volume: str, with_dump: bool) -> str:
    """Have the folders of a volume in the view; returns the volume's. Raises HostError."""
    folder = places.of(volume)
    with explained(f"Cannot make {folder}"):
        if not os.path.isdir(f"{folder}/{FILES}"):
            os.makedirs(places.state, mode=0o700, exist_ok=True)
            os.makedirs(f"{folder}/{FILES}", exist_ok=True)
        if with_dump:
            os.makedirs(f"{folder}/{DUMP}", mode=0o700, exist_ok=True)
        elif os.path.lexists(f"{folder}/{DUMP}"):
            # Of a hook that it has no more.
            shutil.rmtree(f"{folder}/{DUMP}")
    return folder


def binder(sources: t.Mapping[str, str], failure: int) -> t.Callable[[], None]:
    """Return what puts *sources* (target to the folder to be seen there) in place, in the process it is called in.

    What goes wrong is written to the file *failure*: the caller is another process by then.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def mount(source: str, target: str, flags: int) -> None:
        if libc.mount(os.fsencode(source), os.fsencode(target), None, ctypes.c_ulong(flags), None):
            number = ctypes.get_errno()
            raise OSError(number, f"mounting {source} at {target}: {os.strerror(number)}")

    def bind() -> None:
        try:
            if libc.unshare(_NEW_NAMESPACE):
                number = ctypes.get_errno()
                raise OSError(number, f"a mount namespace of its own: {os.strerror(number)}")
            mount("none", "/", _RECURSIVE | _PRIVATE)
            for target, source in sources.items():
                mount(source, target, _BIND)
                mount("none", target, _REMOUNT | _BIND | _READ_ONLY)
        except OSError as exc:
            os.write(failure, str(exc.strerror).encode())
            raise

    return bind


@contextlib.contextmanager
def seen(sources: t.Mapping[str, str]) -> t.Iterator[t.Callable[[], None]]:
    """Give what makes *sources* seen in the process that restic becomes. Raises HostError when that cannot be done."""
    reading, writing = os.pipe()
    try:
        yield binder(sources, writing)
    except Exception as exc:  # What fails in the process to be comes back as an error of subprocess's own kind.
        os.set_blocking(reading, False)
        with contextlib.suppress(BlockingIOError):
            told = os.read(reading, 4096).decode("utf-8", "replace")
            fix = "Run it as root on the node itself, not in a container without CAP_SYS_ADMIN"
            raise HostError("Cannot show the volumes to restic", told, fix) from exc
        raise
    finally:
        os.close(reading)
        os.close(writing)
