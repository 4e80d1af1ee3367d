# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine is made of, and what the lab wants of it, as plain typed values."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass, field

NOT_KNOWN = "not known"
# systemd-detect-virt(1), "Container".
CONTAINERS = frozenset(
    ("docker", "lxc", "lxc-libvirt", "openvz", "podman", "proot", "rkt", "systemd-nspawn", "wsl", "container-other")
)
SWAP = "[SWAP]"
# What the volume groups that this collection makes are marked with.
GROUP_TAG = "atarnet.homelab"
GROUP_PREFIX = "homelab-"
# Where the running system lives; whoever takes the disk under one of these takes the host.
SYSTEM_MOUNTS = frozenset(("/", "/usr", "/var", "/boot", "/boot/efi", "/boot/firmware", "/efi", SWAP))


def group_of(tier: str) -> str:
    """Return the name of a tier's volume group."""
    return f"{GROUP_PREFIX}{tier}"


@dataclass(frozen=True)
class Cpu:
    """The processor; *cores* and *threads* are those online, *architecture* is the kernel's name for it."""

    model: str
    cores: int
    threads: int
    architecture: str


@dataclass(frozen=True)
class Firmware:
    """Who made the machine, and the version and date of its BIOS; empty where it does not say."""

    vendor: str
    product: str
    version: str
    date: str


@dataclass(frozen=True)
class Volume:
    """A whole disk or a partition, and what lies on it.

    *filesystem* is blkid's name of what was recognised (also LVM2_member, crypto_LUKS ...), *holders* are the kernel's
    names of devices built on it, *mounts* where it or anything built on it is mounted ("[SWAP]": in use as swap).
    """

    name: str
    size_bytes: int
    filesystem: str = ""
    mounts: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()

    @property
    def use(self) -> str:
        """What it is used for in a few words, empty when nothing is known to be on it."""
        words = [self.filesystem] if self.filesystem else []
        words += [f"mounted at {point}" if point != SWAP else "in use as swap" for point in self.mounts]
        words += [f"held by {holder}" for holder in self.holders]
        return ", ".join(words)


@dataclass(frozen=True)
class Disk:
    """One disk. *kind* is ssd, hdd, nvme, mmc (SD card, eMMC), virtual, or "not known".

    *rotational* is None where nobody can tell (a USB bridge that hides its disk), *by_id* are its links below
    /dev/disk/by-id, *health* is what SMART says: passed, failed or "not known". *blank* tells whether its first and
    last MiB are all zero; None where it was not read because its use is known, or could not be. *group* is the volume
    group of LVM that the whole disk is part of, when this collection made that.
    """

    whole: Volume
    kind: str
    model: str = ""
    serial: str = ""
    transport: str = ""
    rotational: bool | None = None
    by_id: tuple[str, ...] = ()
    partitions: tuple[Volume, ...] = ()
    health: str = NOT_KNOWN
    blank: bool | None = None
    group: str = ""

    @property
    def name(self) -> str:
        """The kernel's name."""
        return self.whole.name

    @property
    def mounts(self) -> tuple[str, ...]:
        """Every place where something of this disk is mounted."""
        return tuple(point for volume in (self.whole, *self.partitions) for point in volume.mounts)

    @property
    def is_system(self) -> bool:
        """Whether the running system needs it."""
        return bool(SYSTEM_MOUNTS & set(self.mounts))

    @property
    def contents(self) -> tuple[str, ...]:
        """Why it is not empty; nothing when it is."""
        found = [self.whole.use] if self.whole.use else []
        for part in self.partitions:
            found.append(f"partition {part.name} ({part.use or 'nothing recognised on it'})")
        if not found and self.blank is None:
            found.append("its content cannot be read")
        elif not found and not self.blank:
            found.append("its first or last MiB is not all zero")
        return tuple(found)


@dataclass(frozen=True)
class Interface:
    """One network interface; *speed* is in Mbit/s and None where the driver does not tell."""

    name: str
    mac: str
    driver: str
    physical: bool
    link: bool
    speed: int | None
    mtu: int
    master: str


@dataclass(frozen=True)
class Hardware:
    """One machine. Memory is in MiB. *boot* is uefi, bios, raspberry_pi, none (a container) or "not known".

    *virtualisation* is the word of systemd-detect-virt(1); *memory_cgroup* tells whether the running kernel can
    account memory by cgroup, which Kubernetes needs.
    """

    cpu: Cpu
    memory_mib: int
    memory_cgroup: bool
    firmware: Firmware
    virtualisation: str
    boot: str
    disks: tuple[Disk, ...]
    interfaces: tuple[Interface, ...]

    @property
    def is_physical(self) -> bool:
        """Whether this is a machine and not a guest."""
        return self.virtualisation == "none"

    def as_dict(self) -> dict[str, t.Any]:
        """Return it as plain data for a module's result, with what follows from it spelt out."""
        data = asdict(self)
        data["physical"] = self.is_physical
        for entry, disk in zip(data["disks"], self.disks):
            entry.update(entry.pop("whole"), system=disk.is_system, empty=not disk.contents, contents=disk.contents)
            del entry["blank"]
        return data


@dataclass(frozen=True)
class WantedDisk:
    """A disk the lab wants to use: by *serial* or by *path* below /dev/disk/by-id; *wipe_serial* gives up its data."""

    tier: str
    serial: str = ""
    path: str = ""
    wipe_serial: str = ""

    @property
    def label(self) -> str:
        """What the user called it."""
        return self.serial or self.path


@dataclass(frozen=True)
class Wanted:
    """What the lab wants of one host; *ports* maps interfaces to their least speed in Mbit/s, 0 for any."""

    host: str
    disks: tuple[WantedDisk, ...] = ()
    ports: t.Mapping[str, int] = field(default_factory=dict)
