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

    def __init__(self, wanted: Wanted, places: Places, volumes: t.Iterable[str]) -> None:
        self._path = places.last
        self._now: Json = {"repository": wanted.repository.url, "host": wanted.host, "manifests": {}}
        for volume in sorted(volumes):
            for name in (MANIFEST, f"{DUMP}.{MANIFEST}"):
                path = f"{places.of(volume)}/{name}"
                if os.path.lexists(path):
                    # A manifest that says something else is another file.
                    status = os.stat(path)
                    self._now["manifests"][path] = [status.st_ino, status.st_mtime_ns, status.st_size]

    def is_this(self, restic: Restic) -> bool:
        """Tell whether that snapshot is what would be taken, and still in the repository. Raises HostError."""
        try:
            with open(self._path, encoding="utf-8") as stream:
                known = dict(json.load(stream))
        except (OSError, ValueError):
            return False
        snapshot = str(known.pop("snapshot", ""))
        if known != self._now or not snapshot:
            return False
        found = restic.demand("Cannot look for the last snapshot", "snapshots", "--no-lock", f"--host={known['host']}")
        return any(one.get("id") == snapshot for one in found.messages)

    def keep(self, snapshot: str) -> None:
        """Remember which snapshot has them. Raises HostError."""
        with explained(f"Cannot write {self._path}"):
            write_whole(self._path, json.dumps({**self._now, "snapshot": snapshot}))


def predict(steps: t.Sequence[Step], wanted: Wanted, places: Places) -> bool:
    """Tell whether a run would make a snapshot, without writing anything. Raises HostError.

    What a database would dump is unknown before.
    """
    for step in steps:
        hook = step.volume.hook
        if hook and hook.kind in ("postgres", "mysql"):
            return True
        if manifest.unchanged(step.real, f"{places.of(step.volume.name)}/{MANIFEST}", step.method) is None:
            return True
    return bool(steps) and not Last(wanted, places, [step.volume.name for step in steps]).is_this(
        Restic(wanted.repository, places)
    )
