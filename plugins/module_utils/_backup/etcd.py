# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the cluster: a snapshot by etcd's own means, and data made of one (etcd.io, Disaster recovery)."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile

from .._host.errors import HostError, explained
from . import process

_REMEDY = "Run site.yml: the role backup installs it on control planes"
_PATIENCE_S = 300.0
# What is watched by revision has to see that time went on (etcd.io): far more than what was written since the snapshot.
_BUMP = 1_000_000_000


def save(attempt: str, pki: str, endpoint: str, target: str) -> None:
    """Write a snapshot of the etcd at *endpoint* (HOST:PORT) to the file *target*, and prove it beside.

    *pki* is the folder with ca.crt, healthcheck-client.crt and its key. Raises HostError.
    """
    identity = [f"--cacert={pki}/ca.crt"]
    identity += [f"--{what}={pki}/healthcheck-client.{end}" for what, end in (("cert", "crt"), ("key", "key"))]
    etcdctl = ["etcdctl", f"--endpoints=https://{endpoint}", *identity]
    # A snapshot alone would wait for an etcd that does not answer.
    _demand(attempt, *etcdctl, "endpoint", "health")
    try:
        _demand(attempt, *etcdctl, "snapshot", "save", target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{target}.part")
    with explained(attempt):
        os.chmod(target, 0o600)
    prove(attempt, target, os.path.dirname(target))


def prove(attempt: str, path: str, work: str) -> None:
    """Make a data folder of the snapshot *path* in *work*, compare the two, and remove it. Raises HostError.

    Only to restore looks at the checksum that a snapshot ends with; its status does not.
    """
    with explained(attempt), tempfile.TemporaryDirectory(dir=work, prefix=".etcd-") as folder:
        _demand(attempt, "etcdutl", "snapshot", "restore", path, f"--data-dir={folder}/data")
        then, now = (_status(attempt, one) for one in (path, f"{folder}/data/member/snap/db"))
    if then != now:
        cause = f"what etcdutl made of it has {now[1]} keys up to revision {now[0]}, not {then[1]} up to {then[0]}"
        raise HostError(attempt, cause, "Take an older snapshot")


def restore(attempt: str, path: str, name: str, address: str, folder: str) -> None:
    """Make the data *folder*, which is not there, of a new cluster of one member out of the snapshot *path*.

    *name* and *address* are the member's, as kubeadm calls it. Raises HostError.
    """
    peer = f"https://{address}:2380"
    words = [f"--name={name}", f"--initial-cluster={name}={peer}", f"--initial-advertise-peer-urls={peer}"]
    words += [f"--bump-revision={_BUMP}", "--mark-compacted"]
    _demand(attempt, "etcdutl", "snapshot", "restore", path, f"--data-dir={folder}", *words)


def _status(attempt: str, path: str) -> tuple[int, int]:
    """Return revision and number of keys. Its hash is one of all pages; hashkv fails where there are leases (3.6)."""
    said = _demand(attempt, "etcdutl", "--write-out=json", "snapshot", "status", path)
    try:
        told = json.loads(said)
        return int(told["revision"]), int(told["totalKey"])
    except (KeyError, TypeError, ValueError) as exc:
        raise HostError(attempt, f"etcdutl does not tell what is in {path}", _REMEDY) from exc


def _demand(attempt: str, *command: str) -> bytes:
    try:
        done = process.run(attempt, _REMEDY, *command, timeout=_PATIENCE_S)
    except process.Slow as exc:
        fix = "Look at etcd: `crictl logs $(crictl ps --quiet --name etcd)`"
        raise HostError(attempt, f"{command[0]} did not end in {_PATIENCE_S:.0f} s", fix) from exc
    if done.returncode:
        raise HostError(attempt, _cause(process.complaint(done)), "Look at etcd, and at the disk")
    return done.stdout


def _cause(said: str) -> str:
    """Return what matters of a line that is a log entry of its own."""
    try:
        entry = json.loads(said)
        return ": ".join(str(entry[key]) for key in ("msg", "error") if entry.get(key))
    except (AttributeError, ValueError):
        return said
