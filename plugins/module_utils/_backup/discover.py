# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which volumes a node has: by the folders of its tiers, without asking the cluster, which may be down."""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass, field

from .._host.errors import HostError
from .model import PROBES, Tier, Volume, Wanted
from .observe import mounted_by

# As local-path-provisioner names them; neither a namespace nor a claim has an underscore.
_FOLDER = re.compile(r"pvc-[0-9a-f-]{36}_([a-z0-9][-a-z0-9]*)_([a-z0-9][-a-z0-9.]*)")
InUse = t.Callable[[str], str]


@dataclass(frozen=True)
class Found:
    """The *volumes* that are to be backed up; by name, why some are *refused*; and what is in the way of nobody.

    A tier that is *away* is refused by its own name, as nobody knows what lies on it.
    """

    volumes: tuple[Volume, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    away: tuple[Tier, ...] = ()


def claim_of(folder: str) -> str:
    """Return NAMESPACE/CLAIM of a folder's name, "" when the provisioner did not give it."""
    match = _FOLDER.fullmatch(folder)
    return f"{match[1]}/{match[2]}" if match else ""


def find(wanted: Wanted, in_use: InUse = mounted_by) -> Found:
    """Return what of *wanted* this node has; *in_use* tells who has a folder, "" when nobody has."""
    away = tuple(tier for tier in wanted.tiers if not os.path.isfile(f"{tier.folder}/{tier.marker}"))
    here = {tier: sorted(os.listdir(tier.folder)) for tier in wanted.tiers if tier not in away}
    found = choose(wanted, here, in_use)
    for tier in away:
        found.refused[tier.label] = (
            f"its disk is away: {tier.folder} has no {tier.marker}. Mount it; `findmnt {os.path.dirname(tier.folder)}`"
        )
    return Found(found.volumes, found.refused, found.notes, away)


def one(wanted: Wanted, name: str, attempt: str, fix: str) -> Volume:
    """Return the volume NAMESPACE/CLAIM of this node; *fix* is what to do when it has none. Raises HostError."""
    found = find(wanted)
    volume = next((volume for volume in found.volumes if volume.name == name), None)
    if not volume:
        raise HostError(attempt, found.refused.get(name, "this node has no volume of that claim"), fix)
    return volume


def choose(wanted: Wanted, here: t.Mapping[Tier, t.Sequence[str]], in_use: InUse) -> Found:
    """Return the volumes among the folders that tiers hold, and those that are named. Pure but for *in_use*."""
    places: dict[str, list[str]] = {}
    tiers: dict[str, str] = {}
    notes = []
    for tier, names in here.items():
        for name in names:
            claim = claim_of(name)
            if claim.startswith(PROBES):
                continue
            if claim:
                path = f"{tier.folder}/{name}"
                places.setdefault(claim, []).append(path)
                tiers[path] = tier.name
            elif not name.startswith("."):
                notes.append(f"{tier.folder}/{name} is no folder of a claim, and is not backed up")
    refused: dict[str, str] = {}
    volumes = [volume for volume in wanted.volumes if volume.name not in wanted.leave_out]
    for claim in sorted(set(places) - wanted.leave_out):
        path = _one(claim, places[claim], in_use, refused)
        if path:
            notes += [
                f"{other} is kept of a former claim, and is not backed up" for other in places[claim] if other != path
            ]
            namespace, _slash, name = claim.partition("/")
            volumes.append(Volume(namespace, name, path, wanted.hooks.get(claim), tiers[path]))
    return Found(tuple(volumes), refused, notes)


def _one(claim: str, paths: t.Sequence[str], in_use: InUse, refused: dict[str, str]) -> str:
    """Return the folder of a claim: of several, one was kept when its claim was deleted and made anew."""
    used = list(paths) if len(paths) == 1 else [path for path in paths if in_use(path)]
    if len(used) == 1:
        return used[0]
    who = "none of them is" if not used else "several are"
    refused[claim] = (
        f"it has {len(paths)} folders and {who} in use: {', '.join(paths)}. Start the app, so that its volume is seen, "
        "or move away what was kept of a former claim (`kubectl get persistentvolumes` tells which is bound)"
    )
    return ""
