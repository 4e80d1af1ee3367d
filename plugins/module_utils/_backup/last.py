# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the last snapshot of this node what would be taken now?

Restic cannot always tell: hard links carry the number of their device, and every snapshot of btrfs is another device.
"""

from __future__ import annotations

import json
import os
import typing as t

from .._host.errors import explained
from . import manifest
from .journal import write_whole
from .model import DUMP, MANIFEST, Json, Places, Wanted
from .plan import Step
from .restic import Restic


class Last:
    """The manifests as they are now, against those that went into the last snapshot."""

    def __init__(self, wanted: Wanted, places: Places, steps: t.Iterable[Step]) -> None:
        self._path = places.last
        self._now: Json = {"repository": wanted.repository.url, "host": wanted.host, "manifests": {}}
        for step in steps:
            for name in (MANIFEST, f"{DUMP}.{MANIFEST}") if step.dumps else (MANIFEST,):
                path = f"{places.of(step.volume.name)}/{name}"
                if os.path.lexists(path):
                    # A manifest that says something else is another file.
                    status = os.stat(path)
                    self._now["manifests"][path] = [status.st_ino, status.st_mtime_ns, status.st_size]

    def snapshot(self) -> str:
        """Return the snapshot that has these manifests, "" when the last one has others."""
        try:
            with open(self._path, encoding="utf-8") as stream:
                known = dict(json.load(stream))
        except (OSError, ValueError):
            return ""
        snapshot = str(known.pop("snapshot", ""))
        return snapshot if known == self._now else ""

    def is_this(self, restic: Restic) -> bool:
        """Tell whether that snapshot is what would be taken, and still in the repository. Raises HostError."""
        snapshot, attempt = self.snapshot(), "Cannot look for the last snapshot"
        if not snapshot:
            return False
        found = restic.demand(attempt, "snapshots", "--no-lock", f"--host={self._now['host']}")
        return any(one.get("id") == snapshot for one in found.messages)

    def keep(self, snapshot: str) -> None:
        """Remember which snapshot has them. Raises HostError."""
        with explained(f"Cannot write {self._path}"):
            write_whole(self._path, json.dumps({**self._now, "snapshot": snapshot}))


def predict(steps: t.Sequence[Step], wanted: Wanted, places: Places) -> bool:
    """Tell whether a run would make a snapshot, without writing anything. Raises HostError.

    What a database would dump is unknown before.
    """
    if any(step.dumps_alive for step in steps):
        return True
    return bool(steps) and unchanged(steps, wanted, places) is None


def unchanged(steps: t.Sequence[Step], wanted: Wanted, places: Places) -> list[Json] | None:
    """Return the feet of the volumes' manifests when volumes and dumps are what the last snapshot has, else None.

    They are looked at where they are: what is unchanged when it is looked at was so when that began. Raises HostError.
    """
    latest, feet = Last(wanted, places, steps), []
    if not latest.snapshot():
        return None
    for step in steps:
        folder = places.of(step.volume.name)
        foot = manifest.unchanged(step.real, f"{folder}/{MANIFEST}", step.method)
        # Of the same files another dump can be asked for.
        dump = f"{folder}/{DUMP}", f"{folder}/{DUMP}.{MANIFEST}", step.method, step.dumped
        if foot is None or (step.dumps and manifest.unchanged(*dump) is None):
            return None
        feet.append(foot)
    return feet if latest.is_this(Restic(wanted.repository, places)) else None
