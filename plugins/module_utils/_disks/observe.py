# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at the volume groups of a host."""

from __future__ import annotations

from .._host.errors import HostError
from .._host.system import System
from .model import RECORD, Group, Record, load, parse_groups

_REPORT = ("--reportformat", "json", "--units", "b", "--nosuffix")
_FIX = "Run the task as root (become: true)"


def has_lvm(system: System) -> bool:
    """Tell whether the tools are there."""
    return system.exists("/usr/sbin/vgs")


def observe(system: System) -> dict[str, Group]:
    """Return the volume groups by name, none without the tools. Raises HostError."""
    if not has_lvm(system):
        return {}
    asked = {
        "vgs": "vg_name,vg_size,vg_extent_size,vg_free,vg_tags,vg_missing_pv_count",
        "pvs": "pv_name,vg_name",
        "lvs": "vg_name,lv_name,lv_size,segtype,lv_metadata_size,lv_tags",
    }
    told = [
        system.demand("Cannot look at the volume groups", _FIX, command, *_REPORT, "--options", fields)
        for command, fields in asked.items()
    ]
    return parse_groups(*told)


def record(system: System) -> Record:
    """Return what this host remembers."""
    return load(system.read_text(RECORD))


def demand_device_mapper(system: System) -> None:
    """Refuse a kernel that cannot have thin pools (dm-thin-pool), loaded or not. Raises HostError."""
    found = system.run("modprobe", "--dry-run", "--quiet", "dm_thin_pool").rc == 0
    if not found and not system.exists("/sys/module/dm_thin_pool"):
        cause = "the kernel has no thin pools of the device mapper (dm_thin_pool)"
        fix = "Boot a kernel of the distribution, or use provider: local-path; containers have no disks"
        raise HostError("Cannot prepare disks", cause, fix)
