# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tier of topolvm: a volume group that the disks of homelab_hardware become, or one of the user's own."""

from __future__ import annotations

import re
import typing as t

from .._hardware.model import GROUP_PREFIX, group_of
from .._hardware.plan import TIERS
from .._lab.problems import UNSET, Findings
from .._lab.specs import Values
from .model import LEAST_OVERPROVISION, MOST_OVERPROVISION, OVERPROVISION, TOPOLVM, Tier

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/, without signs and exponents.
_QUANTITY = re.compile(r"(?=.*[1-9])(\d+(?:\.\d+)?)([KMGTPE]i|[kMGTPE])?")
_UNITS = "KMGTPE"
# lvm(8), "Valid names".
_GROUP = re.compile(r"(?!\.\.?$)[a-zA-Z0-9+_.][a-zA-Z0-9+_.-]{0,126}")
_LEAST_POOL = 1 << 30


def pool_tier(
    key: str, entry: Values, nodes: t.Sequence[str], disks: t.Mapping[str, t.Collection[str]], findings: Findings
) -> Tier:
    """Return a tier of topolvm; it is sound when nothing was added to the findings.

    *nodes* are those that are named or carry pods, *disks* the tiers of the disks in homelab_hardware, by node.
    """
    for name, said in (("folder", entry.get("folder")), ("mounted", entry.get("mounted", True))):
        if said not in (None, True):
            reason = "topolvm makes volumes in a volume group, and mounts no disk"
            findings.add(f"{key}.{name}", said, reason, "Remove it, or use provider: local-path")
    share = entry.get("overprovision", OVERPROVISION)
    if not LEAST_OVERPROVISION <= share <= MOST_OVERPROVISION:
        reason = f"it is not between {LEAST_OVERPROVISION} and {MOST_OVERPROVISION} percent of the pool"
        fix = "Remember that all volumes of a pool get errors when it is full, and that snapshots count"
        findings.add(f"{key}.overprovision", share, reason, fix)
    name, group = entry.get("name", ""), entry.get("group")
    if group is None:
        nodes = _with_disks(key, entry, nodes, disks, findings)
    else:
        _check_group(f"{key}.group", group, findings)
    return Tier(
        name=name,
        nodes=tuple(nodes),
        default=entry.get("default", False),
        provider=TOPOLVM,
        group=group or group_of(name),
        size=_size(key, entry, findings),
        overprovision=share,
    )


def _with_disks(
    key: str, entry: Values, nodes: t.Sequence[str], disks: t.Mapping[str, t.Collection[str]], findings: Findings
) -> t.Sequence[str]:
    """Return the nodes of a tier that is made of disks: those that are named, or that have such a disk."""
    name = entry.get("name")
    if name is None:
        return nodes
    if name not in TIERS:
        reason = "no disk of homelab_hardware can be of this tier, and it names neither a folder nor a volume group"
        fix = f"Call it {' or '.join(TIERS)}, or name a group of its nodes, with the size of the pool in it"
        findings.add(f"{key}.name", name, reason, fix)
        return nodes
    having = [node for node in nodes if name in disks.get(node, ())]
    lacking = [node for node in nodes if node not in having]
    if lacking and ("nodes" in entry or not having):
        reason = f"homelab_hardware names no disk of tier {name} on {', '.join(lacking)}"
        fix = "Name the disks there, and they become its volume group; or name a group of your own, or a folder"
        findings.add(f"{key}.nodes", entry.get("nodes", UNSET), reason, fix)
    return having


def _check_group(key: str, group: str, findings: Findings) -> None:
    if not _GROUP.fullmatch(group):
        reason = "it is no name of a volume group: letters, digits and +_.- without a - in front"
        findings.add(key, group, reason, "Write it as `vgs` shows it")
    elif group.startswith(GROUP_PREFIX):
        fix = f"Remove it, and call the tier {' or '.join(TIERS)}; or name a group of your own"
        findings.add(key, group, "such groups are made of the disks of homelab_hardware", fix)


def _size(key: str, entry: Values, findings: Findings) -> int | None:
    """Return what the pool takes of a group of the user's own, in bytes."""
    size, own = entry.get("size"), "group" in entry
    if size is None:
        if own:
            reason = "how much of a group of your own the pool takes is yours to say"
            findings.add(f"{key}.size", UNSET, reason, "Write, for example, 200Gi, and leave some of the group free")
        return None
    number = size_in_bytes(size)
    if not own:
        reason = "the pool takes what the disks of homelab_hardware have"
        findings.add(f"{key}.size", size, reason, "Remove it, or name a group of your own")
    elif number < _LEAST_POOL:
        reason = "it is less than 1Gi" if number else "it is no quantity of bytes"
        findings.add(f"{key}.size", size, reason, "Write, for example, 200Gi")
    return number


def size_in_bytes(quantity: str) -> int:
    """Return a quantity in bytes; 0 for what is none."""
    found = _QUANTITY.fullmatch(quantity)
    if found is None:
        return 0
    number, unit = float(found.group(1)), found.group(2) or ""
    power = _UNITS.index(unit[0].upper()) + 1 if unit else 0
    return int(number * (1024 if unit.endswith("i") else 1000) ** power)
