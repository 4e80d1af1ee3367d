# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a machine through the kernel's files and udev's database; writes nothing.

What the files mean: Documentation/ABI (sysfs-block, sysfs-class-net), proc_pid_mountinfo(5), and udev's
60-persistent-storage.rules. Three commands are asked where they exist: systemd-detect-virt, smartctl and pvs.
"""

from __future__ import annotations

import json
import posixpath
import re
import typing as t
from dataclasses import replace

from .._host.system import System
from .._lab.probe import parse_meminfo
from .model import CONTAINERS, GROUP_TAG, NOT_KNOWN, SWAP, Cpu, Disk, Firmware, Hardware, Interface, Volume

_BLOCK = "/sys/block"
_CPU = "/sys/devices/system/cpu"
_NET = "/sys/class/net"
_BTRFS = "/sys/fs/btrfs"
_SECTOR_BYTES = 512  # sysfs counts in these whatever the disk's own sectors are.
_MIB = 1 << 20
_LVM = "LVM2_member"
_NO_DISK = re.compile(r"(loop|ram|zram|dm-|md|sr|fd|nbd|zd|rbd|drbd|mtdblock)\d|mmcblk\d+(boot\d+|rpmb)")
_TRANSPORTS = (
    (re.compile(r"/usb\d+/"), "usb"),
    (re.compile(r"/session\d+/"), "iscsi"),
    (re.compile(r"/virtio\d+/"), "virtio"),
    (re.compile(r"/vbd-\d+/"), "xen"),
    (re.compile(r"/vmbus|/VMBUS"), "vmbus"),
    (re.compile(r"/nvme\d+/"), "nvme"),
    (re.compile(r"/mmc_host/"), "mmc"),
    (re.compile(r"/end_device-"), "sas"),
    (re.compile(r"/ata\d+/"), "sata"),
)
_VIRTUAL_TRANSPORTS = ("virtio", "xen", "vmbus", "iscsi")
_VIRTUAL_MODELS = ("QEMU", "VBOX", "VMware", "Virtual")
# Arm's part numbers (Main ID Register) of cores found in boards and servers at home.
_ARM = "0x41"
_ARM_CORES = {
    "0xd03": "Cortex-A53",
    "0xd05": "Cortex-A55",
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",
    "0xd09": "Cortex-A73",
    "0xd0a": "Cortex-A75",
    "0xd0b": "Cortex-A76",
    "0xd0c": "Neoverse-N1",
    "0xd41": "Cortex-A78",
}


class Mount(t.NamedTuple):
    """Where a device is mounted; *device* is "major:minor", or "-" where only *source* names it."""

    device: str
    point: str
    source: str


def observe(system: System, machine: str) -> Hardware:
    """Return what the machine is; *machine* is the kernel's name of its architecture."""
    virtualisation = system.run("systemd-detect-virt").stdout.strip() or NOT_KNOWN
    model = _tree(system, "model")
    return Hardware(
        cpu=_cpu(system, machine),
        memory_mib=parse_meminfo(system.read_text("/proc/meminfo"), "MemTotal"),
        memory_cgroup=_memory_cgroup(system),
        firmware=_firmware(system, model),
        virtualisation=virtualisation,
        boot=_boot(system, machine, model, virtualisation),
        disks=_disks(system, virtualisation == "none"),
        interfaces=tuple(_interface(system, name) for name in system.children(_NET) if _is_interface(system, name)),
    )


def parse_list(text: str) -> list[int]:
    """Return the numbers of a kernel list such as "0-3,8"."""
    numbers: list[int] = []
    for part in text.strip().split(",") if text.strip() else ():
        first, _dash, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def parse_mountinfo(text: str) -> list[Mount]:
    """Return the mounts of whole file systems; bind mounts of a part of one, such as a pod's, are left out."""
    mounts = []
    for line in text.splitlines():
        fields = line.split()
        kind, source = fields[fields.index("-") + 1 :][:2]
        # The root of a mounted btrfs subvolume is its path within the file system.
        if fields[3] == "/" or kind == "btrfs":
            mounts.append(Mount(fields[2], _unescaped(fields[4]), _unescaped(source)))
    return mounts


def parse_udev(text: str) -> tuple[dict[str, str], list[str]]:
    """Return properties and links of an entry of udev's database (/run/udev/data)."""
    lines = text.splitlines()
    properties = dict(line[2:].split("=", 1) for line in lines if line.startswith("E:") and "=" in line)
    return properties, [f"/dev/{line[2:]}" for line in lines if line.startswith("S:")]


def parse_smart(text: str) -> str:
    """Return the verdict in smartctl's JSON: passed, failed, or not known where it has none."""
    try:
        passed = json.loads(text)["smart_status"]["passed"]
    except (ValueError, KeyError, TypeError):
        return NOT_KNOWN
    return "passed" if passed else "failed"


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def _line(system: System, path: str) -> str:
    return system.read_text(path).strip().strip("\0")


def _tree(system: System, name: str) -> str:
    return _line(system, f"/proc/device-tree/{name}")


def _memory_cgroup(system: System) -> bool:
    """Version 2 lists usable controllers in its root; version 1 has the fourth column of /proc/cgroups."""
    legacy = (line.split() for line in system.read_text("/proc/cgroups").splitlines())
    unified = system.read_text("/sys/fs/cgroup/cgroup.controllers").split()
    return "memory" in unified or any(fields[0] == "memory" and fields[3] == "1" for fields in legacy)


def _firmware(system: System, model: str) -> Firmware:
    dmi = {name: _line(system, f"/sys/class/dmi/id/{name}") for name in ("sys_vendor", "product_name", "bios_version")}
    date = _line(system, "/sys/class/dmi/id/bios_date")
    return Firmware(dmi["sys_vendor"], dmi["product_name"] or model, dmi["bios_version"], date)


def _boot(system: System, machine: str, model: str, virtualisation: str) -> str:
    if virtualisation in CONTAINERS:
        return "none"
    if system.is_directory("/sys/firmware/efi"):
        return "uefi"
    if model.startswith("Raspberry Pi"):
        return "raspberry_pi"
    return "bios" if machine in ("x86_64", "i686") else NOT_KNOWN


# Processor


def _cpu(system: System, machine: str) -> Cpu:
    info = system.read_text("/proc/cpuinfo")
    online = parse_list(system.read_text(f"{_CPU}/online"))
    # Threads of one core share this list; core ids are not unique across sockets and clusters.
    cores = {system.read_text(f"{_CPU}/cpu{number}/topology/thread_siblings_list") for number in online}
    return Cpu(_cpu_model(info), len(cores), len(online), machine)


def _cpu_model(info: str) -> str:
    """Return the name of /proc/cpuinfo; on arm64 it has only numbers."""
    fields: dict[str, str] = {}
    for line in info.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            fields.setdefault(key.strip(), value.strip())
    if "model name" in fields:
        return " ".join(fields["model name"].split())
    implementer, part = fields.get("CPU implementer", ""), fields.get("CPU part", "")
    if implementer == _ARM and part in _ARM_CORES:
        return f"Arm {_ARM_CORES[part]}"
    return f"implementer {implementer}, part {part}" if part else NOT_KNOWN


# Disks


def _disks(system: System, physical: bool) -> tuple[Disk, ...]:
    mounts = parse_mountinfo(system.read_text("/proc/self/mountinfo"))
    mounts += _swaps(system) + _btrfs_members(system, mounts)
    found = []
    for name in system.children(_BLOCK):
        hidden = _line(system, f"{_BLOCK}/{name}/hidden") == "1"
        if not _NO_DISK.match(name) and not hidden and _size(system, f"{_BLOCK}/{name}"):
            found.append(_disk(system, name, mounts, physical))
    if any(disk.whole.filesystem == _LVM for disk in found):
        groups = _groups(system)
        found = [replace(disk, group=groups.get(f"/dev/{disk.name}", "")) for disk in found]
    return tuple(found)


def _groups(system: System) -> dict[str, str]:
    """Return the groups of ours by the device of each disk."""
    command = ("pvs", "--reportformat", "json", "--options", "pv_name,vg_name,vg_tags")
    try:
        rows = json.loads(system.run(*command).stdout)["report"][0]["pv"]
    except (ValueError, KeyError, IndexError, TypeError):
        return {}
    return {row["pv_name"]: row["vg_name"] for row in rows if GROUP_TAG in row["vg_tags"].split(",")}


def _swaps(system: System) -> list[Mount]:
    lines = system.read_text("/proc/swaps").splitlines()[1:]
    return [Mount("-", SWAP, _unescaped(line.split()[0])) for line in lines if line.split()[1] == "partition"]


def _btrfs_members(system: System, mounts: list[Mount]) -> list[Mount]:
    """Mountinfo names one device of a btrfs file system; the others carry it as well."""
    found = []
    for name in system.children(_BTRFS):
        members = system.children(f"{_BTRFS}/{name}/devices")
        mapped = [_line(system, f"/sys/class/block/{member}/dm/name") for member in members]
        sources = {f"/dev/{member}" for member in members} | {f"/dev/mapper/{member}" for member in mapped}
        points = {mount.point for mount in mounts if mount.source in sources}
        found += [Mount("-", point, f"/dev/{member}") for member in members for point in points]
    return found


def _size(system: System, folder: str) -> int:
    return int(_line(system, f"{folder}/size") or 0) * _SECTOR_BYTES


def _disk(system: System, name: str, mounts: list[Mount], physical: bool) -> Disk:
    folder = f"{_BLOCK}/{name}"
    udev, links = parse_udev(system.read_text(f"/run/udev/data/b{_line(system, f'{folder}/dev')}"))
    device = posixpath.normpath(f"{_BLOCK}/{system.readlink(folder)}")
    transport = next((word for pattern, word in _TRANSPORTS if pattern.search(device)), "")
    vendor, model = _line(system, f"{folder}/device/vendor"), _model(system, folder, udev)
    rotational = _rotational(system, folder, udev, transport)
    virtual = transport in _VIRTUAL_TRANSPORTS or any(
        text.startswith(_VIRTUAL_MODELS) or text == "Msft" for text in (vendor, model)
    )
    kind = _kind(name, virtual, rotational)
    whole = _volume(system, name, folder, mounts)
    parts = [part for part in system.children(folder) if system.exists(f"{folder}/{part}/partition")]
    return Disk(
        whole=whole,
        kind=kind,
        model=model,
        serial=_serial(system, folder, udev),
        transport=transport,
        rotational=rotational,
        by_id=tuple(sorted(link for link in links if link.startswith("/dev/disk/by-id/"))),
        partitions=tuple(_volume(system, part, f"{folder}/{part}", mounts) for part in parts),
        health=_health(system, name) if physical and kind not in ("mmc", "virtual") else NOT_KNOWN,
        blank=None if whole.use or parts else _blank(system, name, whole.size_bytes),
    )


def _kind(name: str, virtual: bool, rotational: bool | None) -> str:
    if name.startswith("mmcblk"):
        return "mmc"
    if virtual:
        return "virtual"
    if name.startswith("nvme"):
        return "nvme"
    if rotational is None:
        return NOT_KNOWN
    return "hdd" if rotational else "ssd"


def _rotational(system: System, folder: str, udev: t.Mapping[str, str], transport: str) -> bool | None:
    """Return whether it turns. Behind a USB bridge the kernel says so of every disk that does not object."""
    if "ID_ATA_ROTATION_RATE_RPM" in udev:
        return udev["ID_ATA_ROTATION_RATE_RPM"] != "0"
    if _line(system, f"{folder}/queue/rotational") == "0":
        return False
    return None if transport == "usb" else True


def _model(system: System, folder: str, udev: t.Mapping[str, str]) -> str:
    encoded = re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), udev.get("ID_MODEL_ENC", ""))
    candidates = (encoded, _line(system, f"{folder}/device/model"), _line(system, f"{folder}/device/name"))
    return next((" ".join(text.split()) for text in candidates if text.strip()), "")


def _serial(system: System, folder: str, udev: t.Mapping[str, str]) -> str:
    """Return the serial number that lsblk prints, so that what people read there can be written into the input."""
    for key in ("SCSI_IDENT_SERIAL", "ID_SCSI_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"):
        if udev.get(key):
            return udev[key]
    page = _piece(system, f"{folder}/device/vpd_pg80", 0, 256) or b""
    files = (_line(system, f"{folder}/device/serial"), _line(system, f"{folder}/serial"))
    # SPC-4, "Unit Serial Number VPD page": four bytes of header, then text.
    return next((text for text in (*files, page[4:].decode("ascii", "replace").strip(" \0")) if text), "")


def _volume(system: System, name: str, folder: str, mounts: list[Mount]) -> Volume:
    udev, _links = parse_udev(system.read_text(f"/run/udev/data/b{_line(system, f'{folder}/dev')}"))
    points = _mounted(system, name, folder, mounts)
    return Volume(
        name=name,
        size_bytes=_size(system, folder),
        filesystem=udev.get("ID_FS_TYPE", ""),
        mounts=tuple(sorted(points)),
        holders=tuple(system.children(f"{folder}/holders")),
    )


def _mounted(system: System, name: str, folder: str, mounts: list[Mount]) -> set[str]:
    """Return where a device, or anything built on it, is mounted."""
    device, mapped = _line(system, f"{folder}/dev"), _line(system, f"{folder}/dm/name")
    sources = {f"/dev/{name}", f"/dev/mapper/{mapped}"}
    points = {mount.point for mount in mounts if mount.device == device or mount.source in sources}
    for holder in system.children(f"{folder}/holders"):
        points |= _mounted(system, holder, f"{_BLOCK}/{holder}", mounts)
    return points


def _blank(system: System, name: str, size: int) -> bool | None:
    """Tell whether nothing was ever written where file systems, volumes and partition tables begin and end."""
    pieces = [_piece(system, f"/dev/{name}", offset, _MIB) for offset in (0, max(0, size - _MIB))]
    if any(not piece for piece in pieces):
        return None
    return not any(piece.strip(b"\0") for piece in pieces if piece)


def _piece(system: System, path: str, offset: int, length: int) -> bytes | None:
    try:
        with open(system.real(path), "rb") as stream:
            stream.seek(offset)
            return stream.read(length)
    except OSError:
        return None


def _health(system: System, name: str) -> str:
    """Ask SMART, but let a disk sleep that sleeps: its answer is then not known."""
    return parse_smart(system.run("smartctl", "--json", "--nocheck=standby", "--health", f"/dev/{name}").stdout)


# Network


def _is_interface(system: System, name: str) -> bool:
    return name != "lo" and system.is_directory(f"{_NET}/{name}")


def _interface(system: System, name: str) -> Interface:
    folder = f"{_NET}/{name}"
    speed = _line(system, f"{folder}/speed")
    return Interface(
        name=name,
        mac=_line(system, f"{folder}/address"),
        driver=_link(system, f"{folder}/device/driver"),
        physical=system.exists(f"{folder}/device"),
        link=_line(system, f"{folder}/carrier") == "1",
        speed=int(speed) if speed.isdigit() and speed != "0" else None,
        mtu=int(_line(system, f"{folder}/mtu") or 0),
        master=_link(system, f"{folder}/master"),
    )


def _link(system: System, path: str) -> str:
    return posixpath.basename(system.readlink(path)) if system.exists(path) else ""
