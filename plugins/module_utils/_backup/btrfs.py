# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read-only snapshots of subvolumes."""

from __future__ import annotations

import os

from .._host.errors import HostError, explained
from . import process

# Beside what it is a snapshot of; nobody takes it for a volume.
FOLDER = ".homelab-backup"
# The root of every subvolume has this inode.
_ROOT = 256


def is_subvolume(path: str) -> bool:
    """Tell whether a folder of a btrfs is the root of a subvolume."""
    try:
        return os.stat(path).st_ino == _ROOT
    except OSError:
        return False


def snapshot(subvolume: str, target: str) -> None:
    """Make *target* a read-only snapshot. Raises HostError."""
    attempt = f"Cannot make a snapshot of {subvolume}"
    with explained(attempt):
        os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
    _run(attempt, "subvolume", "snapshot", "-r", subvolume, target)


def create(target: str) -> None:
    """Make a subvolume. Raises HostError."""
    _run(f"Cannot make the subvolume {target}", "subvolume", "create", target)


def delete(path: str) -> None:
    """Delete a subvolume, if it is there, and the hidden folder it lay in when that is empty then. Raises HostError."""
    attempt = f"Cannot delete the snapshot {path}"
    if os.path.lexists(path):
        if not is_subvolume(path):
            raise HostError(attempt, "it is no subvolume", "Look at what it is, and remove it")
        _run(attempt, "subvolume", "delete", path)


def _run(attempted: str, *words: str) -> None:
    done = process.run(attempted, "Install the package btrfs-progs", "btrfs", *words)
    if done.returncode:
        fix = "Is that file system mounted read-write, and has it space left (`btrfs filesystem usage`)?"
        raise HostError(attempted, process.complaint(done), fix)
