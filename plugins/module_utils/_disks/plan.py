# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fit disks x volume groups -> ordered changes with their diff: pure, no side effects."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._hardware.model import group_of
from .._hardware.plan import EMPTY, PREPARED
from .._host.builder import Change
from .._host.errors import HostError
from .model import POOL, Group

_SHARE = "over the group but a tenth"


@dataclass
class Plan:
    """The changes in the order they are made; *notes* say what is left as it is.

    *joining* has the disks that become part of a group, by the group's name.
    """

    changes: list[Change] = field(default_factory=list)
    joining: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, identity: str, action: str, before: str, after: str) -> None:
        """Plan one more change."""
        self.changes.append(Change(identity, action, before, after))


def make_plan(usable: t.Sequence[t.Mapping[str, str]], groups: t.Mapping[str, Group]) -> Plan:
    """Return what makes the tiers' groups and pools; *usable* as judge() has it. Raises HostError.

    Nothing is ever taken out of a group, made smaller or removed.
    """
    plan = Plan()
    tiers = list(dict.fromkeys(entry["tier"] for entry in usable))
    for tier in sorted(tiers):
        name = group_of(tier)
        group = groups.get(name)
        if group:
            _refuse(group)
        disks = [entry for entry in usable if entry["tier"] == tier]
        new = [entry for entry in disks if entry["because"] != PREPARED]
        for entry in new:
            if entry["because"] != EMPTY:
                plan.add(f"disk:{entry['disk']}", "wipe", entry["contents"], "empty")
        names = " ".join(entry["disk"] for entry in new)
        plan.joining[name] = tuple(entry["disk"] for entry in new)
        if group is None:
            plan.add(f"volume_group:{name}", "create", "absent", names)
        elif new:
            plan.add(f"volume_group:{name}", "extend", " ".join(group.disks), f"{names} as well")
        if group is None or group.pool is None:
            plan.add(f"thin_pool:{name}/{POOL}", "create", "absent", _SHARE)
        elif new or group.pool_is_small:
            plan.add(f"thin_pool:{name}/{POOL}", "extend", _size(group.pool.data), _SHARE)
        if group:
            plan.notes += [
                f"{disk} is part of {name} and not named in the input: it stays. To take it out: pvmove, then vgreduce."
                for disk in group.disks
                if disk not in {entry["disk"] for entry in disks}
            ]
    return plan


def _refuse(group: Group) -> None:
    attempt = f"Cannot use volume group {group.name}"
    if not group.is_ours:
        fix = f"Rename it with `vgrename {group.name} NAME`, or remove it if nothing on it is needed"
        raise HostError(attempt, "the host has one of this name that this collection did not make", fix)
    if group.missing:
        fix = "Connect the disk again; or, when it is lost, `vgreduce --removemissing` gives up what lay on it"
        raise HostError(attempt, f"{group.missing} of its disks are not there", fix)
    if group.volumes.get(POOL, "thin-pool") != "thin-pool":
        fix = f"Rename that volume with `lvrename {group.name} {POOL} NAME`"
        raise HostError(attempt, f"its volume {POOL} is of type {group.volumes[POOL]}, not a thin pool", fix)


def _size(number: int) -> str:
    return f"{number / (1 << 30):.1f} GiB"
