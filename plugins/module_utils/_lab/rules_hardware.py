# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about the machines: what can be told of disks, ports and the time of reboots before any host is looked at."""

from __future__ import annotations

import re
import typing as t

from .problems import UNSET, Findings, did_you_mean
from .specs import Values

_KEY = "homelab_hardware"
_BY_ID = "/dev/disk/by-id/"
_PARTITION = re.compile(r"-part\d+$")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
# 400 Gbit/s; beyond it the number was surely meant as bit/s.
_FASTEST_MBIT = 400_000


def check_hardware(known: Values, findings: Findings) -> None:
    """Report hosts that are none or come twice, disks without one clear name, and impossible speeds and times."""
    hardware: Values = known.get(_KEY, {})
    window = hardware.get("updates", {}).get("window", "00:00")
    if not _TIME.fullmatch(window):
        fix = 'Write hours and minutes in quotes, for example "03:00"'
        findings.add(f"{_KEY}.updates.window", window, "it is not a time of day", fix)
    nodes = [node["name"] for node in known.get("homelab_nodes", ()) if "name" in node]
    hosts: dict[str, str] = {}
    disks: dict[str, str] = {}
    for index, host in enumerate(hardware.get("hosts", ())):
        key = f"{_KEY}.hosts[{index}]"
        _check_host(f"{key}.name", host.get("name"), nodes, hosts, findings)
        for number, disk in enumerate(host.get("disks", ())):
            _check_disk(f"{key}.disks[{number}]", disk, findings)
            _check_twice(f"{key}.disks[{number}]", disk, disks, findings)
        for name, speed in host.get("ports", {}).items():
            _check_speed(f"{key}.ports.{name}", speed, findings)


def _check_host(key: str, name: str | None, nodes: list[str], first: dict[str, str], findings: Findings) -> None:
    if name is None:
        return
    if name in first:
        findings.add(key, name, f"{first[name]} is the same host", "Put everything of a host into one entry")
    elif nodes and name not in nodes:
        fix = f"{did_you_mean(name, nodes)}Use one of {', '.join(nodes)}"
        findings.add(key, name, "homelab_nodes has no such node", fix)
    first.setdefault(name, key)


def _check_disk(key: str, disk: Values, findings: Findings) -> None:
    serial, path, wipe = disk.get("serial", ""), disk.get("path", ""), disk.get("wipe_serial", "")
    if bool(serial) == bool(path):
        reason = "it has both serial and path" if serial else "it has neither serial nor path"
        findings.add(key, UNSET, reason, "Name the disk in one way; playbooks/hardware.yml lists what each host has")
    if path and (not path.startswith(_BY_ID) or path == _BY_ID):
        reason = "names such as /dev/sda change with the next boot"
        findings.add(f"{key}.path", path, reason, f"Use its link below {_BY_ID}, or its serial")
    elif _PARTITION.search(path):
        fix = f'Write "{_PARTITION.sub("", path)}", or partition it yourself and leave it out here'
        findings.add(f"{key}.path", path, "it is a partition, not a disk", fix)
    if serial and wipe and serial != wipe:
        fix = "Write the same serial, when everything on that disk may be lost"
        findings.add(f"{key}.wipe_serial", wipe, f'it confirms another disk than serial "{serial}"', fix)


def _check_twice(key: str, disk: Values, first: dict[str, str], findings: Findings) -> None:
    """A disk is in one machine; serials and links are unique over the lab."""
    for field in ("serial", "path"):
        value = disk.get(field)
        if value and value in first:
            findings.add(f"{key}.{field}", value, f"{first[value]} is the same disk", "Name every disk once")
        elif value:
            first[value] = f"{key}.{field}"


def _check_speed(key: str, speed: t.Any, findings: Findings) -> None:
    if isinstance(speed, bool) or not isinstance(speed, int):
        findings.add(key, speed, "it must be a whole number of Mbit/s", "Write for example 1000, or 0 for any speed")
    elif not 0 <= speed <= _FASTEST_MBIT:
        reason = f"it is not between 0 and {_FASTEST_MBIT} Mbit/s"
        findings.add(key, speed, reason, "Write it in Mbit/s, for example 1000")
