# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: the one exception of host_state, and how operating system errors become it."""

from __future__ import annotations

import contextlib
import errno
import os
import typing as t

_FIXES = {
    errno.ENOSPC: "Free space on that file system and run again; nothing was left half-written",
    errno.EDQUOT: "Raise the quota or free space and run again; nothing was left half-written",
    errno.EROFS: "Mount that file system read-write, or leave this resource out",
    errno.EACCES: "Run the task as root (become: true) and look at the rights of the folders above it",
    errno.EPERM: "Run the task as root (become: true) and look for an immutable flag (lsattr)",
    errno.ENOENT: "List a directory resource for the missing folder before this one",
    errno.ENOTDIR: "Move the file that lies where a folder is needed",
    errno.EISDIR: "Move the folder that lies where a file is needed",
    errno.EINVAL: "Correct the value; the kernel does not accept it",
}


class HostError(Exception):
    """An explained failure: ``<attempted> <object>: <cause>. <what to do>.``"""

    def __init__(self, attempted: str, cause: str, fix: str) -> None:
        super().__init__(f"{attempted}: {cause.rstrip('.')}. {fix.rstrip('.')}.")


@contextlib.contextmanager
def explained(attempted: str) -> t.Iterator[None]:
    """Turn an OSError of the block into a HostError that names cause, code and fix."""
    try:
        yield
    except OSError as exc:
        code = errno.errorcode.get(exc.errno or 0, "")
        cause = os.strerror(exc.errno) if exc.errno else str(exc)
        named = f"{cause} ({code})" if code else cause
        fix = _FIXES.get(exc.errno or 0, "Look at the file system and the kernel log of the host, then run again")
        raise HostError(attempted, named, fix) from exc
