# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record the end of a run on a control plane.

This file is a program of its own: a module takes longer to begin than all that is done here. It reads from standard
input what `end` takes, as JSON, and prints what that returns.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
import typing as t

_PATIENCE_S = 10.0


def end(record: str, partial: str, lock: str, id: str, news: dict[str, t.Any]) -> t.Any:
    """Add *news* and the time to the record of the run *id*; return the record that is found instead of it, or null.

    *record* is its path, *partial* that of a file beside it while it is not whole. Raises OSError, also when *lock* is
    held by another for 10 seconds.
    """
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(handle)
        try:
            with open(record, encoding="utf-8") as stream:
                found = json.load(stream)
        except (FileNotFoundError, ValueError):
            return None
        if not isinstance(found, dict) or found.get("id") != id:
            return found
        found.update(news, ended=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        _replace(record, partial, json.dumps(found, indent=1) + "\n")
        return None
    finally:
        os.close(handle)


def _acquire(handle: int) -> None:
    limit = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= limit:
                raise
            time.sleep(0.05)


def _replace(path: str, partial: str, text: str) -> None:
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, path)


if __name__ == "__main__":
    json.dump(end(**json.load(sys.stdin)), sys.stdout)
