# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fit disks x volume groups -> ordered changes with their diff: pure, no side effects."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._hardware.model import GROUP_TAG, group_of
from .._hardware.plan import EMPTY, PREPARED
from .._host.builder import Change
from .._host.errors import HostError
from .model import POOL, Group, Pool, PoolWish

_SHARE = "over the group but a tenth"


@dataclass
class Plan:
    """The changes in the order they are made; *notes* say what is left as it is.

    *joining* has the disks that become part of a group, *own* the sizes of pools in groups of the user's, both by the
    group's name.
    """

    changes: list[Change] = field(default_factory=list)
    joining: dict[str, tuple[str, ...]] = field(default_factory=dict)
    own: dict[str, Pool] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, identity: str, action: str, before: str, after: str) -> None:
        """Plan one more change."""
        self.changes.append(Change(identity, action, before, after))


def make_plan(
    usable: t.Sequence[t.Mapping[str, str]], groups: t.Mapping[str, Group], pools: t.Sequence[PoolWish] = ()
) -> Plan:
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
    for wish in pools:
        _plan_own(plan, wish, groups.get(wish.group))
    return plan


def _plan_own(plan: Plan, wish: PoolWish, group: Group | None) -> None:
    """Plan a pool in a group of the user's: it takes what is free there, and nothing else."""
    attempt = f"Cannot make a thin pool in volume group {wish.group}"
    if group is None:
        raise HostError(attempt, "the host has no such group", "Correct its name, or make it with `vgcreate`")
    _refuse_broken(group)
    pool, wanted = group.pool, group.pool_of(wish.size)
    if pool and GROUP_TAG not in pool.tags:
        cause = f"it has one called {POOL} that this collection did not make"
        raise HostError(attempt, cause, f"Rename it with `lvrename {group.name} {POOL} NAME`")
    if pool and not pool.is_less_than(wanted):
        if wanted.is_less_than(pool):
            plan.notes.append(f"{group.name}/{POOL} has {_size(pool.data)}, more than was asked for: it stays.")
        return
    # What the metadata takes, it takes twice: LVM keeps room for its repair.
    needed = wanted.data - pool.data if pool else wanted.data + 2 * wanted.metadata
    if needed > group.free:
        cause = f"{_size(needed)} are needed, and {_size(group.free)} of {_size(group.size)} are free"
        raise HostError(attempt, cause, "Ask for less, or give the group another disk with `vgextend`")
    plan.own[group.name] = wanted
    before, action = (_size(pool.data), "extend") if pool else ("absent", "create")
    plan.add(f"thin_pool:{group.name}/{POOL}", action, before, _size(wanted.data))


def _refuse(group: Group) -> None:
    if not group.is_ours:
        fix = f"Rename it with `vgrename {group.name} NAME`, or remove it if nothing on it is needed"
        cause = "the host has one of this name that this collection did not make"
        raise HostError(f"Cannot use volume group {group.name}", cause, fix)
    _refuse_broken(group)


def _refuse_broken(group: Group) -> None:
    attempt = f"Cannot use volume group {group.name}"
    if group.missing:
        fix = "Connect the disk again; or, when it is lost, `vgreduce --removemissing` gives up what lay on it"
        raise HostError(attempt, f"{group.missing} of its disks are not there", fix)
    if group.volumes.get(POOL, "thin-pool") != "thin-pool":
        fix = f"Rename that volume with `lvrename {group.name} {POOL} NAME`"
        raise HostError(attempt, f"its volume {POOL} is of type {group.volumes[POOL]}, not a thin pool", fix)


def _size(number: int) -> str:
    return f"{number / (1 << 30):.1f} GiB"
