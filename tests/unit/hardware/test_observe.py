# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read out of the kernel's files, machine by machine."""

from __future__ import annotations

import dataclasses
import typing as t
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._hardware.model import (
    NOT_KNOWN,
    SWAP,
    Cpu,
    Disk,
    Firmware,
    Interface,
    Volume,
)
from ansible_collections.atarnet.homelab.plugins.module_utils._hardware.observe import (
    parse_list,
    parse_mountinfo,
    parse_smart,
    parse_udev,
)

from tests.unit.hardware.trees import NAMES, Machine

SDA = "sys/devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda"

MACHINES: dict[str, dict[str, t.Any]] = {
    "mini_pc": {
        "cpu": Cpu("Intel(R) N100", 2, 4, "x86_64"),
        "memory_mib": 15790,
        "memory_cgroup": True,
        "firmware": Firmware("ASUSTeK COMPUTER INC.", "ASUS EXPERTCENTER PN42", "0402", "03/12/2024"),
        "virtualisation": "none",
        "boot": "uefi",
        "interfaces": (
            Interface("br0", "7c:10:c9:01:02:03", "", False, True, 2500, 9000, ""),
            Interface("enp1s0", "7c:10:c9:01:02:03", "r8169", True, True, 2500, 9000, "br0"),
            Interface("enp3s0", "7c:10:c9:01:02:04", "igc", True, False, None, 1500, ""),
        ),
        "disks": (
            Disk(
                whole=Volume("nvme0n1", 500107862016),
                kind="nvme",
                model="Samsung SSD 980 500GB",
                serial="S64DNX0T512345",
                transport="nvme",
                rotational=False,
                by_id=("/dev/disk/by-id/nvme-Samsung_SSD_980_500GB_S64DNX0T512345",),
                partitions=(
                    Volume("nvme0n1p1", 536870912, "vfat", ("/boot/efi",)),
                    Volume("nvme0n1p2", 107374182400, "ext4", ("/",)),
                    Volume("nvme0n1p3", 358400000000, "LVM2_member", ("/srv/with blank", SWAP), ("dm-0", "dm-1")),
                ),
                health="passed",
            ),
            Disk(
                whole=Volume("sda", 4000787030016),
                kind="hdd",
                model="WDC WD40EFRX-68N32N0",
                serial="WD-WCC7K0123456",
                transport="sata",
                rotational=True,
                by_id=(
                    "/dev/disk/by-id/ata-WDC_WD40EFRX-68N32N0_WD-WCC7K0123456",
                    "/dev/disk/by-id/wwn-0x50014ee2b1234567",
                ),
                blank=True,
            ),
            Disk(
                whole=Volume("sdb", 500107862016),
                kind="ssd",
                model="CT500MX500SSD1",
                serial="2201E6040A1B",
                transport="sata",
                rotational=False,
                partitions=(Volume("sdb1", 500106788864, "ext4"),),
                health="passed",
            ),
        ),
    },
    "raspberry_pi": {
        "cpu": Cpu("Arm Cortex-A76", 4, 4, "aarch64"),
        "memory_mib": 8052,
        "memory_cgroup": False,
        "firmware": Firmware("", "Raspberry Pi 5 Model B Rev 1.0", "", ""),
        "virtualisation": "none",
        "boot": "raspberry_pi",
        "interfaces": (Interface("eth0", "2c:cf:67:01:02:03", "macb", True, True, 1000, 1500, ""),),
        "disks": (
            Disk(
                whole=Volume("mmcblk0", 63864569856),
                kind="mmc",
                model="SN64G",
                serial="0x5d3f0a12",
                transport="mmc",
                rotational=False,
                by_id=("/dev/disk/by-id/mmc-SN64G_0x5d3f0a12",),
                partitions=(
                    Volume("mmcblk0p1", 536870912, "vfat", ("/boot/firmware",)),
                    Volume("mmcblk0p2", 63323504640, "ext4", ("/",)),
                ),
            ),
            Disk(
                whole=Volume("sda", 500107862016),
                kind=NOT_KNOWN,
                model="Generic",
                serial="0123456789ABCDEF",
                transport="usb",
                rotational=None,
                by_id=("/dev/disk/by-id/usb-JMicron_Generic_0123456789ABCDEF-0:0",),
                blank=True,
            ),
        ),
    },
    "qemu_guest": {
        "cpu": Cpu("AMD EPYC-Milan Processor", 2, 2, "x86_64"),
        "memory_mib": 3930,
        "memory_cgroup": True,
        "firmware": Firmware("QEMU", "Standard PC (i440FX + PIIX, 1996)", "1.16.3-debian-1.16.3-2", "04/01/2014"),
        "virtualisation": "kvm",
        "boot": "bios",
        "interfaces": (Interface("ens3", "52:54:00:12:34:56", "virtio_net", True, True, None, 1500, ""),),
        "disks": (
            Disk(
                whole=Volume("sda", 10737418240),
                kind="virtual",
                model="QEMU HARDDISK",
                transport="virtio",
                rotational=True,
                blank=False,
            ),
            Disk(
                whole=Volume("vda", 21474836480),
                kind="virtual",
                transport="virtio",
                rotational=True,
                partitions=(Volume("vda1", 21473787904, "btrfs", ("/",)),),
            ),
            Disk(
                whole=Volume("vdb", 10737418240),
                kind="virtual",
                serial="data-1",
                transport="virtio",
                rotational=True,
                by_id=("/dev/disk/by-id/virtio-data-1",),
                blank=True,
            ),
        ),
    },
    "container": {
        "cpu": Cpu("Intel(R) Core(TM) i5", 1, 1, "x86_64"),
        "memory_mib": 2048,
        "memory_cgroup": True,
        "firmware": Firmware("", "", "", ""),
        "virtualisation": "podman",
        "boot": "none",
        "interfaces": (Interface("eth0", "1e:5c:01:02:03:04", "", False, True, 10000, 1500, ""),),
        "disks": (Disk(whole=Volume("sda", 500107862016), kind="ssd", transport="sata", rotational=False),),
    },
}


@pytest.mark.parametrize("name", NAMES)
def test_machine(name: str, tmp_path: Path) -> None:
    seen = Machine(tmp_path, name).look()
    assert {field.name: getattr(seen, field.name) for field in dataclasses.fields(seen)} == MACHINES[name]


def test_what_follows_is_spelt_out(tmp_path: Path) -> None:
    """The result that roles read: what is physical, the system's disk, what is empty and why not."""
    told = Machine(tmp_path, "mini_pc").look().as_dict()
    assert told["physical"] is True
    disks = {disk["name"]: (disk["system"], disk["empty"], disk["contents"]) for disk in told["disks"]}
    assert disks == {
        "nvme0n1": (
            True,
            False,
            (
                "partition nvme0n1p1 (vfat, mounted at /boot/efi)",
                "partition nvme0n1p2 (ext4, mounted at /)",
                "partition nvme0n1p3 (LVM2_member, mounted at /srv/with blank, in use as swap, held by dm-0, "
                "held by dm-1)",
            ),
        ),
        "sda": (False, True, ()),
        "sdb": (False, False, ("partition sdb1 (ext4)",)),
    }


@pytest.mark.parametrize(
    ("files", "contents"),
    [
        ({"run/udev/data/b8:0": "E:ID_FS_TYPE=zfs_member\n"}, ("zfs_member",)),
        ({f"{SDA}/sda1/partition": "1\n"}, ("partition sda1 (nothing recognised on it)",)),
        ({f"{SDA}/holders/dm-1/dev": "253:1\n"}, ("in use as swap, held by dm-1",)),
        ({f"{SDA}/holders/md0/dev": "9:0\n"}, ("held by md0",)),
    ],
    ids=["whole", "partition", "swap", "raid"],
)
def test_not_empty(files: dict[str, str], contents: tuple[str, ...], tmp_path: Path) -> None:
    machine = Machine(tmp_path, "mini_pc")
    for path, text in files.items():
        machine.write(path, text)
    assert machine.look().disks[1].contents == contents


@pytest.mark.parametrize(("offset", "whence"), [(0, 0), (0x10040, 0), (-512, 2)], ids=["sector", "btrfs", "end"])
def test_bytes_are_found(offset: int, whence: int, tmp_path: Path) -> None:
    """At the end GPT keeps its copy, and mdraid 1.0 its only superblock."""
    machine = Machine(tmp_path, "mini_pc")
    with (tmp_path / "dev/sda").open("r+b") as stream:
        stream.seek(offset, whence)
        stream.write(b"_BHRfS_M")
    assert machine.look().disks[1].contents == ("its first or last MiB is not all zero",)


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"run/udev/data/b8:0": "E:ID_ATA_ROTATION_RATE_RPM=0\n"}, "ssd"),
        ({"run/udev/data/b8:0": "E:ID_ATA_ROTATION_RATE_RPM=7200\n"}, "hdd"),
    ],
    ids=["ssd", "hdd"],
)
def test_usb_bridge_that_tells_what_is_behind_it(files: dict[str, str], kind: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path, "raspberry_pi")
    for path, text in files.items():
        machine.write(path, text)
    assert machine.look().disks[1].kind == kind


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("/dev/vda1", {}),
        ("/dev/mapper/root", {"sys/class/block/dm-0/dm/name": "root\n", "sys/fs/btrfs/0f/devices/dm-0/dev": "253:0\n"}),
    ],
    ids=["plain", "encrypted"],
)
def test_every_disk_of_the_systems_btrfs_is_the_systems(source: str, files: dict[str, str], tmp_path: Path) -> None:
    machine = Machine(tmp_path, "qemu_guest")
    machine.write("proc/self/mountinfo", f"29 1 0:26 /@ / rw - btrfs {source} rw\n")
    machine.write("sys/fs/btrfs/features/raid56", "1\n")
    for member in ("vda1", "sda"):
        machine.write(f"sys/fs/btrfs/0f/devices/{member}/dev", "\n")
    for path, text in files.items():
        machine.write(path, text)
    assert {disk.name for disk in machine.look().disks if disk.is_system} == {"sda", "vda"}


def test_smartctl_is_asked_of_machines_only(tmp_path: Path) -> None:
    """The guest's disk would fail if it were asked."""
    assert [disk.health for disk in Machine(tmp_path, "qemu_guest").look().disks] == [NOT_KNOWN] * 3


def test_without_systemd_the_virtualisation_is_not_known(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "mini_pc")
    del machine.commands["systemd-detect-virt"]
    seen = machine.look()
    assert (seen.virtualisation, seen.is_physical) == (NOT_KNOWN, False)


def test_unknown_arm_core_is_told_by_its_numbers(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "raspberry_pi")
    machine.write("proc/cpuinfo", "CPU implementer\t: 0x61\nCPU part\t: 0x022\n")
    assert machine.look().cpu.model == "implementer 0x61, part 0x022"


@pytest.mark.parametrize(
    ("text", "numbers"), [("0-3\n", [0, 1, 2, 3]), ("0,2-3,8", [0, 2, 3, 8]), ("7", [7]), ("\n", []), ("", [])]
)
def test_kernel_lists(text: str, numbers: list[int]) -> None:
    assert parse_list(text) == numbers


@pytest.mark.parametrize(
    ("text", "health"),
    [
        ('{"smart_status": {"passed": true}}', "passed"),
        ('{"smart_status": {"passed": false}, "smartctl": {"exit_status": 8}}', "failed"),
        ('{"smartctl": {"messages": [{"string": "Unknown USB bridge"}]}}', NOT_KNOWN),
        ("", NOT_KNOWN),
        ("[]", NOT_KNOWN),
    ],
)
def test_smart(text: str, health: str) -> None:
    assert parse_smart(text) == health


def test_mountinfo_with_optional_fields_and_without() -> None:
    lines = "1 0 8:1 / /a\\040b rw shared:1 master:2 - ext4 /dev/sda1 rw\n2 0 8:2 /sub /c rw - ext4 /dev/sda2 rw\n"
    assert [mount.point for mount in parse_mountinfo(lines)] == ["/a b"]


def test_udev_values_may_hold_anything() -> None:
    properties, links = parse_udev("N:sda\nS:disk/by-id/a\nE:A=b=c\nE:B=\nE:broken\n")
    assert (properties, links) == ({"A": "b=c", "B": ""}, ["/dev/disk/by-id/a"])
