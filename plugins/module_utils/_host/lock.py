# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: one run at a time on a host, whoever started it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import time
import typing as t

from .errors import HostError, explained

LOCK = "/run/lock/atarnet-homelab.lock"


@contextlib.contextmanager
def host_lock(timeout: float = 600.0, path: str = LOCK, command: str = "") -> t.Iterator[None]:
    """Hold the lock of this host; waits ``timeout`` seconds, then raises HostError naming who holds it.

    A module whose controller was killed may still run: the next run waits for its end instead of mixing with it.
    """
    with explained(f"Cannot open the lock {path}"):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(handle, path, timeout)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()} {command or sys.argv[0]}\n".encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _acquire(handle: int, path: str, timeout: float) -> None:
    end = time.monotonic() + timeout
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            if time.monotonic() >= end:
                break
        time.sleep(0.1)
    pid, _blank, command = os.pread(handle, 4096, 0).decode("utf-8", "replace").strip().partition(" ")
    holder = f"process {pid} ({command or 'unknown'})" if pid else "a process that did not say which"
    fix = "Wait for its end, or look at it with `ps` and stop it if it hangs"
    raise HostError(f"Cannot take the lock {path}", f"{holder} has held it for over {timeout:.0f} s", fix)
