# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be undone, written down before it is done: a kill leaves nothing frozen, no snapshot."""

from __future__ import annotations

import json
import os
import shutil
import typing as t

from .._host.errors import HostError, explained
from . import btrfs, freezer, swap
from .model import Json, Places

# In which order kinds are undone: pods first, they stand still.
THAW, SUBVOLUME, FOLDER, SWAP, UNLOCK = ORDER = ("thaw", "subvolume", "folder", "swap", "unlock")


class Journal:
    """The list on the disk."""

    def __init__(self, places: Places) -> None:
        self._path = places.journal
        self.entries: list[Json] = []
        try:
            with open(self._path, encoding="utf-8") as stream:
                self.entries = json.load(stream)
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as exc:
            fix = f"Look for snapshots in folders named {btrfs.FOLDER} and for frozen pods, then remove that file"
            raise HostError(f"Cannot read {self._path}", str(exc), fix) from exc

    def add(self, kind: str, **what: t.Any) -> Json:
        """Write down that something is about to be done; returns what to give to ``remove``."""
        entry = {"do": kind, **what}
        if entry not in self.entries:
            self.entries.append(entry)
            self._write()
        return entry

    def remove(self, entry: Json) -> None:
        """Something is undone, or has become what it was for."""
        if entry in self.entries:
            self.entries.remove(entry)
            self._write()

    def _write(self) -> None:
        with explained(f"Cannot write {self._path}"):
            write_whole(self._path, json.dumps(self.entries))


def write_whole(path: str, text: str, mode: int = 0o600) -> None:
    """Replace a file by one that is on the disk. Raises OSError."""
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    temporary = f"{folder}/.{os.path.basename(path)}.new"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as stream:
        os.fchmod(stream.fileno(), mode)
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def undo_all(journal: Journal, unlock: t.Callable[[], None] | None) -> list[str]:
    """Undo what is in the journal; returns what was, in a few words each. Raises HostError when something cannot be.

    *unlock* takes dead processes' locks from the repository; without it that is left for the next start.
    """
    done, failed = [], []
    for entry in sorted(journal.entries, key=lambda one: ORDER.index(one["do"])):
        if entry["do"] == UNLOCK and unlock is None:
            continue
        try:
            done.append(undo(entry, unlock))
        except (HostError, OSError) as exc:
            failed.append(str(exc))
            continue
        journal.remove(entry)
    if failed:
        raise HostError("Cannot undo what an ended run left", "; ".join(failed), "Correct that, and run again")
    return done


def undo(entry: Json, unlock: t.Callable[[], None] | None = None) -> str:
    """Undo one thing; it may not have been done, or be undone already. Raises HostError and OSError."""
    kind = entry["do"]
    if kind == THAW:
        freezer.thaw(entry["cgroup"])
        return f"thawed {entry['cgroup']}"
    if kind == SUBVOLUME:
        btrfs.delete(entry["path"])
        return f"deleted the snapshot {entry['path']}"
    if kind == FOLDER:
        if os.path.lexists(entry["path"]):
            shutil.rmtree(entry["path"])
        return f"removed {entry['path']}"
    if kind == SWAP:
        return swap.settle(entry["target"], entry["aside"])
    if unlock:
        unlock()
    return "asked the repository to take away locks of ended processes"
