# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two folders change places in one step of the kernel: whoever looks sees the old one or the new one."""

from __future__ import annotations

import ctypes
import os
import shutil

from .._host.errors import explained

# Beside a target, where a restore is made ready and the former content waits.
FOLDER = ".homelab-restore"
NEW, OLD = "new", "old"
_HERE, _EXCHANGE = -100, 2


def aside_of(target: str) -> str:
    """Return the folder in which a restore of *target* works: on the same file system."""
    return os.path.join(os.path.dirname(target), FOLDER, os.path.basename(target))


def into_place(target: str, aside: str) -> None:
    """Have *aside*/new at *target*; what was there is *aside*/old then. Raises HostError.

    Between the two steps the former content is called new: ``settle`` knows by the mark that the verified one is in.
    """
    with explained(f"Cannot put the restored folder in place of {target}"):
        if not os.path.lexists(target):
            os.rename(f"{aside}/{NEW}", target)
            _sync(os.path.dirname(target))
            return
        libc = ctypes.CDLL(None, use_errno=True)
        here = ctypes.c_uint(_EXCHANGE)
        if libc.renameat2(_HERE, os.fsencode(f"{aside}/{NEW}"), _HERE, os.fsencode(target), here):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        os.rename(f"{aside}/{NEW}", f"{aside}/{OLD}")
        _sync(os.path.dirname(target))


def settle(target: str, aside: str) -> str:
    """Clean up after a restore that ended at any moment; *target* is the old content or the new. Raises OSError."""
    if os.path.lexists(aside):
        remove(aside)
    return f"cleaned up after a restore of {target}"


def remove(aside: str) -> None:
    """Remove what a restore worked in. Raises OSError."""
    if os.path.lexists(aside):
        shutil.rmtree(aside)
    parent = os.path.dirname(aside)
    if os.path.isdir(parent) and not os.listdir(parent):
        os.rmdir(parent)


def _sync(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def back(target: str, aside: str) -> None:
    """Have the former content at *target* again. Raises HostError."""
    with explained(f"Cannot put back what was at {target}"):
        if os.path.lexists(f"{aside}/{OLD}"):
            os.rename(f"{aside}/{OLD}", f"{aside}/{NEW}")
            into_place(target, aside)
        else:
            os.rename(target, f"{aside}/{NEW}")
