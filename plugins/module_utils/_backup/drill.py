# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rehearse the restore of every volume of a node: nothing that is in use is touched."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field

from .._host.errors import HostError
from .discover import find
from .model import Json, Places, Wanted
from .restore import Restored, Wish, moment_ns, restore


@dataclass
class Drilled:
    """What was rehearsed: by volume "snapshot", "tier", "taken", "files", "bytes", "seconds" and "age_s", or why not.

    "tier" is "" of one that is on none, "age_s" is what would be lost: how many seconds ago the backup was taken.
    """

    volumes: dict[str, Json] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def drill(wanted: Wanted, places: Places, check: bool = False, clock: t.Callable[[], float] = time.time) -> Drilled:
    """Restore the last backup of each volume beside it, verify and remove it; in *check* only look for backups."""
    found = find(wanted)
    result = Drilled(failed=dict(found.refused))
    for volume in found.volumes:
        words = (wanted.lab, volume.name, volume.path, wanted.repository)
        try:
            done = restore(Wish(*words, metrics_file=wanted.metrics_file, rehearsal=True), places, check)
        except HostError as exc:
            result.failed[volume.name] = str(exc)
        else:
            result.volumes[volume.name] = _told(done, volume.tier, clock())
    return result


def _told(done: Restored, tier: str, now: float) -> Json:
    return {
        "snapshot": done.snapshot,
        "tier": tier,
        "taken": done.taken,
        "files": done.files,
        "bytes": done.bytes,
        "seconds": done.seconds,
        "age_s": round(now - moment_ns(done.taken) / 1e9),
    }
