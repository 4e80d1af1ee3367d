# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why restic did not do it: its exit codes and its words, with what to do."""

from __future__ import annotations

import os
import socket
import typing as t

from .._host.errors import HostError
from .model import Json, Repository

FATAL, INCOMPLETE, NO_REPOSITORY, LOCKED, WRONG_PASSWORD = 1, 3, 10, 11, 12

_FULL = ("no space left on device", "disk quota exceeded", "insufficient storage", "quotaexceeded", "xminiostoragefull")
_UNREACHABLE = (
    "connection refused",
    "no route to host",
    "network is unreachable",
    "i/o timeout",
    "no such host",
    "connection reset",
    "deadline exceeded",
)
_DAMAGED = (
    "ciphertext verification failed",
    "hash mismatch",
    "invalid data returned",
    "does not match id",
    "unexpected eof",
)
_UNTRUSTED = ("x509:", "tls: failed to verify", "server gave http response to https client")
_REFUSED = ("permission denied", "access denied", "401 unauthorized", "403 forbidden", "read-only file system")


def explain(
    attempted: str, code: int, words: str, repository: Repository, holders: t.Callable[[], list[Json]]
) -> HostError:
    """Return the error for what restic ended with. *holders* looks at the locks, when there is reason to."""
    said, low = words or "restic said nothing", words.lower()
    if code == NO_REPOSITORY:
        verb = "copy" if repository.is_copy else "init"
        fix = f"Make it with the verb {verb}, or correct {repository.key}.url; is the target mounted?"
        return HostError(attempted, f"there is no repository at {repository.url}", fix)
    if code == WRONG_PASSWORD:
        fix = f"Put the password of this repository into {repository.password_file}"
        return HostError(attempted, f"the password in {repository.password_file} opens none of its keys", fix)
    if code == LOCKED:
        locks = [_holder(lock) for lock in holders()]
        fix = "Wait for its end; a lock that nobody renews for 30 minutes is taken away by the next run"
        return HostError(attempted, "the repository is locked by " + (", ".join(locks) or said), fix)
    if code < 0:
        return HostError(
            attempted, f"restic was ended by signal {-code}", "Run again; `dmesg` tells of too little memory"
        )
    if any(one in low for one in _FULL):
        return HostError(
            attempted, f"the target is full: {said}", "Free space there, or forget and prune old snapshots"
        )
    if any(one in low for one in _UNTRUSTED):
        fix = f"Is it that machine? Then give the certificate of its authority as homelab_backup.{repository.key}.ca"
        return HostError(attempted, f"what the target shows is not believed: {said}", fix)
    if any(one in low for one in _UNREACHABLE):
        return unreachable(attempted, said)
    if any(one in low for one in _DAMAGED):
        fix = "Run the verb check with data, and `restic repair` as it says; keep a copy of the repository first"
        return HostError(attempted, f"the repository is damaged: {said}", fix)
    if any(one in low for one in _REFUSED):
        fix = f"Let the credentials of homelab_backup.{repository.key}.environment, or root, read and add there"
        return HostError(attempted, f"the target refuses it: {said}", fix)
    return HostError(attempted, f"restic ended with {code}: {said}", "Look at what it says")


def unreachable(attempted: str, said: str) -> HostError:
    """Return the error for a target that does not answer."""
    fix = "Is it up, and may this node reach it? Nothing was written; the next run goes on"
    return HostError(attempted, f"the target cannot be reached: {said}", fix)


def _holder(lock: Json) -> str:
    since = str(lock.get("time", "")).partition(".")[0]
    kind = "exclusively " if lock.get("exclusive") else ""
    who = f"process {lock.get('pid')} on {lock.get('hostname')}"
    alive = "which that host must know"
    if lock.get("hostname") == socket.gethostname():
        alive = "which is alive" if os.path.exists(f"/proc/{lock.get('pid')}") else "which is gone"
    return f"{who} ({kind}since {since}, {alive})"
