# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hardware section of the lab plan: what each host's machine is looked at for, and when it may reboot."""

from __future__ import annotations

import typing as t

from .specs import Values

# Nodes reboot one after the other: the next one only when the last is surely back, or its absence is noticed.
REBOOT_APART_MINUTES = 30
_DAY_MINUTES = 24 * 60


def compile_hardware(hardware: t.Mapping[str, t.Any], pools: t.Mapping[str, t.Any], nodes: t.Sequence[str]) -> Values:
    """Return, for each host that the layer has something for, {disks, pools, ports, updates}; no host without a wish.

    *pools* are what storage wants in groups of the user's own, by host. updates is {enabled, reboot_at}, reboot_at
    being "HH:MM" or empty for no reboot; null leaves updates alone.
    """
    wishes = {entry["name"]: entry for entry in hardware.get("hosts", ())}
    updates = hardware.get("updates")
    return {
        name: {
            "disks": [dict(disk) for disk in wishes.get(name, {}).get("disks", ())],
            "pools": list(pools.get(name, ())),
            "ports": dict(wishes.get(name, {}).get("ports", {})),
            "updates": _updates(updates, index) if updates is not None else None,
        }
        for index, name in enumerate(nodes)
        if name in wishes or name in pools or updates is not None
    }


def _updates(updates: t.Mapping[str, t.Any], index: int) -> Values:
    hours, minutes = map(int, updates["window"].split(":"))
    start = (hours * 60 + minutes + index * REBOOT_APART_MINUTES) % _DAY_MINUTES
    reboot_at = f"{start // 60:02}:{start % 60:02}" if updates["reboot"] else ""
    return {"enabled": updates["enabled"], "reboot_at": reboot_at}
