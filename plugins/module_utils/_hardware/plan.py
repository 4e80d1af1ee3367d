# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on a machine: which of the wanted disks and ports it really has, and what stands against the others."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .model import NOT_KNOWN, Disk, Hardware, Interface, Wanted, WantedDisk, group_of

# A disk nobody can tell the kind of is what the user says; a guest's disk is what its host made it from.
TIERS: t.Mapping[str, frozenset[str]] = {
    "ssd": frozenset(("ssd", "nvme", "virtual", NOT_KNOWN)),
    "hdd": frozenset(("hdd", "virtual", NOT_KNOWN)),
}
EMPTY = "it is empty"
CONFIRMED = "its serial is confirmed for wiping"
PREPARED = "it is part of the tier's volume group"
INTERRUPTED = "its preparation was interrupted"


@dataclass(frozen=True)
class Past:
    """What was done to disks before, by serial or name: those being *preparing*, and when others were *wiped*."""

    preparing: t.Collection[str] = ()
    wiped: t.Mapping[str, str] = field(default_factory=dict)


@dataclass
class Verdict:
    """What may be used, and why the rest may not; each problem is a sentence with its fix."""

    usable: list[dict[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def judge(hardware: Hardware, wanted: Wanted, past: Past = Past()) -> Verdict:
    """Compare what a host has with what the lab wants of it; every problem is found, not only the first.

    usable has, for each disk that is fit, {disk, serial, tier, because, contents}.
    """
    verdict = Verdict()
    taken: dict[str, str] = {}
    for want in wanted.disks:
        attempt = f"Using disk {want.label} of host {wanted.host} for tier {want.tier}"
        disk, problem = _find(hardware, want)
        if disk is not None and disk.name in taken:
            problem = f"{taken[disk.name]} names the same disk, {disk.name}. Name every disk once."
        elif disk is not None:
            taken[disk.name] = want.label
            problem = _against(hardware, disk, want, past)
        if problem or disk is None:
            verdict.problems.append(f"{attempt}: {problem}")
            continue
        fit = {"disk": disk.name, "serial": disk.serial, "tier": want.tier, "because": _because(disk, past)}
        verdict.usable.append({**fit, "contents": "; ".join(disk.contents)})
    for name, speed in wanted.ports.items():
        problem = _against_port(hardware, name, speed)
        if problem:
            verdict.problems.append(f"Using port {name} of host {wanted.host}: {problem}")
    return verdict


def _find(hardware: Hardware, want: WantedDisk) -> tuple[Disk | None, str]:
    """Return the disk, or why there is none."""
    found = [disk for disk in hardware.disks if want.path in disk.by_id or (want.serial and disk.serial == want.serial)]
    if len(found) == 1:
        return found[0], ""
    if found:
        names = " and ".join(disk.name for disk in found)
        return None, f"{names} have this serial. Name the disk by its path below /dev/disk/by-id instead."
    there = "; ".join(describe(disk) for disk in hardware.disks) or "no disk at all"
    return None, f"there is no such disk. It has {there}. Correct the name, or connect the disk."


def _because(disk: Disk, past: Past) -> str:
    if disk.group:
        return PREPARED
    if not disk.contents:
        return EMPTY
    return INTERRUPTED if _key(disk) in past.preparing else CONFIRMED


def _key(disk: Disk) -> str:
    return disk.serial or disk.name


def _against(hardware: Hardware, disk: Disk, want: WantedDisk, past: Past) -> str:
    """Return what stands against using a disk, the gravest first; empty when nothing does."""
    if disk.is_system:
        return (
            f"{disk.name} carries the running system (mounted at {', '.join(disk.mounts)}). "
            "Name another disk; this one is never wiped."
        )
    if disk.health == "failed":
        return f"{disk.name} is failing by its own account (SMART). Replace it; see `smartctl -a /dev/{disk.name}`."
    if disk.kind not in TIERS[want.tier]:
        fits = [tier for tier, kinds in TIERS.items() if disk.kind in kinds]
        fix = f"Set tier: {fits[0]}, or name another disk" if fits else "Name another disk: cards wear out"
        return f"{disk.name} is of kind {disk.kind}. {fix}."
    if disk.group and disk.group != group_of(want.tier):
        other = disk.group.rpartition("-")[2]
        return f"{disk.name} is part of volume group {disk.group}, with what lies there. Set tier: {other} again."
    if disk.group or not disk.contents:
        return ""
    problem = "" if _key(disk) in past.preparing else _against_wiping(hardware, disk, want, past)
    return problem or _against_use(disk)


def _against_use(disk: Disk) -> str:
    """A disk in use cannot be wiped behind its user's back."""
    parts = (disk.whole, *disk.partitions)
    if not any(part.mounts or part.holders for part in parts):
        return ""
    return f"{disk.name} is in use: {'; '.join(disk.contents)}. Unmount it, and stop what is built on it, first."


def _against_wiping(hardware: Hardware, disk: Disk, want: WantedDisk, past: Past) -> str:
    held = f"{disk.name} is not empty: {'; '.join(disk.contents)}"
    by_hand = f"Empty it yourself, for example with `blkdiscard --zeroout /dev/{disk.name}`"
    if not any("/" in other.mounts for other in hardware.disks):
        return f"{held}; and no disk is known to carry the running system, so it might. {by_hand}."
    if not disk.serial:
        return f"{held}; and it has no serial to confirm it by. {by_hand}."
    if not want.wipe_serial:
        return f'{held}. If nothing on it is needed, set wipe_serial: "{disk.serial}".'
    if want.wipe_serial != disk.serial:
        return f'{held}; and wipe_serial is "{want.wipe_serial}", but its serial is "{disk.serial}". Correct it.'
    if disk.serial in past.wiped:
        return (
            f"{held}; and its wipe_serial was used on {past.wiped[disk.serial]}: what is there now came later. "
            f"Remove wipe_serial from the input. {by_hand}."
        )
    return ""


def _against_port(hardware: Hardware, name: str, speed: int) -> str:
    port = next((port for port in hardware.interfaces if port.name == name), None)
    if port is None:
        there = ", ".join(port.name for port in hardware.interfaces if port.physical) or "none"
        return f"there is no such interface. Its ports: {there}. Correct the name, or look for a missing driver."
    if not port.link:
        return "it has no link. Plug in the cable, and look at the port of the switch."
    if speed and port.speed is None:
        return f"its driver ({port.driver or 'none'}) does not tell its speed. Set 0 to ask for a link only."
    if port.speed is not None and port.speed < speed:
        return f"it runs at {port.speed} Mbit/s, not {speed}. Look at cable and switch, or lower the minimum."
    return ""


def describe(disk: Disk) -> str:
    """Return a disk in a few words, with the serial it is named by."""
    words = [disk.kind if disk.kind != NOT_KNOWN else "kind not known", size(disk.whole.size_bytes), disk.model]
    words.append(f"serial {disk.serial}" if disk.serial else "no serial")
    words.append(_state(disk))
    return f"{disk.name} ({', '.join(word for word in words if word)})"


def _state(disk: Disk) -> str:
    if disk.is_system:
        return "system disk"
    if disk.group:
        return f"part of {disk.group}"
    return "in use" if disk.contents else "empty"


def size(number: int) -> str:
    """Return bytes as disks are sold, in powers of ten."""
    return f"{number / 1e12:.1f} TB" if number >= 1e12 else f"{number / 1e9:.1f} GB"


def render(hardware: Hardware, wanted: Wanted, verdict: Verdict) -> str:
    """Return what was found as a person wants to read it."""
    firmware, cpu = hardware.firmware, hardware.cpu
    machine = " ".join(filter(None, (firmware.vendor, firmware.product))) or "a machine that does not say what it is"
    lines = [
        f"{wanted.host}: {machine}, firmware {firmware.version or NOT_KNOWN}, boot {hardware.boot}, "
        f"virtualisation {hardware.virtualisation}",
        f"  {cpu.model} ({cpu.architecture}), cores {cpu.cores}, threads {cpu.threads}, {hardware.memory_mib} MiB",
    ]
    usable = {entry["disk"]: f", usable for tier {entry['tier']}: {entry['because']}" for entry in verdict.usable}
    for disk in hardware.disks:
        where = f", {disk.transport}" if disk.transport and disk.transport != disk.kind else ""
        lines.append(f"  disk {describe(disk)}{where}, SMART {disk.health}{usable.get(disk.name, '')}")
    ports = [port for port in hardware.interfaces if port.physical]
    lines += [f"  port {_port(port)}" for port in ports]
    lines.append(f"  virtual interfaces: {len(hardware.interfaces) - len(ports)}")
    if hardware.boot == "raspberry_pi" and not hardware.memory_cgroup:
        lines.append("  reboot needed: the running kernel was started without the memory cgroup")
    return "\n".join(lines)


def _port(port: Interface) -> str:
    speed = f"{port.speed} Mbit/s" if port.speed else "speed not known"
    link = f"link, {speed}" if port.link else "no link"
    master = f", part of {port.master}" if port.master else ""
    return f"{port.name} {port.mac} ({port.driver or 'no driver'}), {link}, MTU {port.mtu}{master}"
