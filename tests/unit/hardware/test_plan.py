# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict: which disks and ports are fit, and what is said of the others."""

from __future__ import annotations

import dataclasses
import re
import typing as t
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._hardware.model import Wanted, WantedDisk
from ansible_collections.atarnet.homelab.plugins.module_utils._hardware.plan import judge, render, size

from tests.unit.hardware.trees import Machine

HDD = "WD-WCC7K0123456"
OLD = "2201E6040A1B"
SYSTEM = "S64DNX0T512345"
USB = "/dev/disk/by-id/usb-JMicron_Generic_0123456789ABCDEF-0:0"


def disk(tier: str, serial: str = "", **more: str) -> WantedDisk:
    return WantedDisk(tier=tier, serial=serial, **more)


FIT: dict[str, tuple[str, WantedDisk, str, str]] = {
    "empty HDD": ("mini_pc", disk("hdd", HDD), "sda", "it is empty"),
    "by path": ("mini_pc", disk("hdd", path="/dev/disk/by-id/wwn-0x50014ee2b1234567"), "sda", "it is empty"),
    "confirmed": ("mini_pc", disk("ssd", OLD, wipe_serial=OLD), "sdb", "its serial is confirmed for wiping"),
    "kind not known as ssd": ("raspberry_pi", disk("ssd", path=USB), "sda", "it is empty"),
    "kind not known as hdd": ("raspberry_pi", disk("hdd", path=USB), "sda", "it is empty"),
    "virtual as ssd": ("qemu_guest", disk("ssd", "data-1"), "vdb", "it is empty"),
    "virtual as hdd": ("qemu_guest", disk("hdd", "data-1"), "vdb", "it is empty"),
}


@pytest.mark.parametrize(("machine", "want", "name", "because"), FIT.values(), ids=FIT)
def test_fit(machine: str, want: WantedDisk, name: str, because: str, tmp_path: Path) -> None:
    verdict = judge(Machine(tmp_path, machine).look(), Wanted("h", (want,)))
    assert verdict.problems == []
    assert [(entry["disk"], entry["tier"], entry["because"]) for entry in verdict.usable] == [
        (name, want.tier, because)
    ]


REFUSED: dict[str, tuple[str, list[WantedDisk], str]] = {
    "not there": (
        "mini_pc",
        [disk("hdd", "nope")],
        r"^Using disk nope of host h for tier hdd: there is no such disk\. It has "
        r"nvme0n1 \(nvme, 500\.1 GB, Samsung SSD 980 500GB, serial S64DNX0T512345, system disk\); "
        r"sda \(hdd, 4\.0 TB, WDC WD40EFRX-68N32N0, serial WD-WCC7K0123456, empty\); "
        r"sdb \(ssd, 500\.1 GB, CT500MX500SSD1, serial 2201E6040A1B, in use\)\. Correct the name",
    ),
    "HDD as ssd": ("mini_pc", [disk("ssd", HDD)], r"sda is of kind hdd\. Set tier: hdd, or name another disk\.$"),
    "SSD as hdd": ("mini_pc", [disk("hdd", OLD, wipe_serial=OLD)], r"sdb is of kind ssd\. Set tier: ssd"),
    "system disk": (
        "mini_pc",
        [disk("ssd", SYSTEM, wipe_serial=SYSTEM)],
        r"nvme0n1 carries the running system \(mounted at /boot/efi, /, /srv/with blank, \[SWAP\]\).*never wiped\.$",
    ),
    "card": ("raspberry_pi", [disk("ssd", "0x5d3f0a12")], r"mmcblk0 carries the running system"),
    "not empty": (
        "mini_pc",
        [disk("ssd", OLD)],
        rf'sdb is not empty: partition sdb1 \(ext4\)\. If nothing on it is needed, set wipe_serial: "{OLD}"\.$',
    ),
    "other confirmed": (
        "mini_pc",
        [disk("ssd", path="/dev/disk/by-id/old", wipe_serial=HDD)],
        rf'wipe_serial is "{HDD}", but its serial is "{OLD}"\. Correct it\.$',
    ),
    "two names": (
        "mini_pc",
        [disk("hdd", HDD), disk("hdd", path="/dev/disk/by-id/wwn-0x50014ee2b1234567")],
        rf"{HDD} names the same disk, sda\. Name every disk once\.$",
    ),
    "no device": (
        "container",
        [disk("ssd", path="/dev/disk/by-id/here", wipe_serial="x")],
        r"sda is not empty: its content cannot be read; and no disk is known to carry the running system",
    ),
    "no serial": (
        "qemu_guest",
        [disk("ssd", path="/dev/disk/by-id/scsi", wipe_serial="x")],
        r"first or last MiB is not all zero; and it has no serial to confirm it by\. Empty it yourself",
    ),
}
LINKS = {
    "mini_pc": {"run/udev/data/b8:16": "S:disk/by-id/old\n"},
    "container": {"run/udev/data/b8:0": "S:disk/by-id/here\nE:ID_SERIAL_SHORT=x\n"},
    "qemu_guest": {"run/udev/data/b8:0": "S:disk/by-id/scsi\n"},
}


@pytest.mark.parametrize(("machine", "wants", "problem"), REFUSED.values(), ids=REFUSED)
def test_refused(machine: str, wants: list[WantedDisk], problem: str, tmp_path: Path) -> None:
    tree = Machine(tmp_path, machine)
    for path, text in LINKS.get(machine, {}).items():
        tree.write(path, text)
    verdict = judge(tree.look(), Wanted("h", tuple(wants)))
    assert len(verdict.problems) == 1
    assert re.search(problem, verdict.problems[0]), verdict.problems
    assert len(verdict.usable) == len(wants) - 1


def test_failing_disk_is_refused_even_when_confirmed(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "mini_pc")
    machine.commands["smartctl /dev/sdb"] = '{"smart_status": {"passed": false}}'
    verdict = judge(machine.look(), Wanted("h", (disk("ssd", OLD, wipe_serial=OLD),)))
    assert verdict.usable == []
    assert "sdb is failing by its own account (SMART). Replace it" in verdict.problems[0]


def test_one_serial_on_two_disks(tmp_path: Path) -> None:
    hardware = Machine(tmp_path, "mini_pc").look()
    twins = tuple(dataclasses.replace(one, serial=HDD) for one in hardware.disks)
    verdict = judge(dataclasses.replace(hardware, disks=twins), Wanted("h", (disk("hdd", HDD),)))
    assert "nvme0n1 and sda and sdb have this serial. Name the disk by its path" in verdict.problems[0]


PORTS: dict[str, tuple[str, dict[str, int], str]] = {
    "fit": ("mini_pc", {"enp1s0": 2500, "br0": 0}, ""),
    "any speed": ("qemu_guest", {"ens3": 0}, ""),
    "not there": ("mini_pc", {"eth0": 0}, r"no such interface\. Its ports: enp1s0, enp3s0\. Correct the name"),
    "no link": ("mini_pc", {"enp3s0": 0}, r"^Using port enp3s0 of host h: it has no link\. Plug in the cable"),
    "slow": ("raspberry_pi", {"eth0": 2500}, r"it runs at 1000 Mbit/s, not 2500\. Look at cable and switch"),
    "not told": ("qemu_guest", {"ens3": 1000}, r"its driver \(virtio_net\) does not tell its speed\. Set 0"),
}


@pytest.mark.parametrize(("machine", "ports", "problem"), PORTS.values(), ids=PORTS)
def test_ports(machine: str, ports: dict[str, int], problem: str, tmp_path: Path) -> None:
    problems = judge(Machine(tmp_path, machine).look(), Wanted("h", ports=ports)).problems
    assert len(problems) == bool(problem)
    assert all(re.search(problem, text) for text in problems), problems


def test_every_problem_is_found(tmp_path: Path) -> None:
    wanted = Wanted("h", (disk("hdd", "nope"), disk("ssd", HDD), disk("ssd", OLD)), {"eth0": 0, "enp3s0": 1000})
    assert len(judge(Machine(tmp_path, "mini_pc").look(), wanted).problems) == 5


def test_text_of_a_mini_pc(tmp_path: Path) -> None:
    hardware, wanted = Machine(tmp_path, "mini_pc").look(), Wanted("node1", (disk("hdd", HDD),))
    assert render(hardware, wanted, judge(hardware, wanted)).splitlines() == [
        "node1: ASUSTeK COMPUTER INC. ASUS EXPERTCENTER PN42, firmware 0402, boot uefi, virtualisation none",
        "  Intel(R) N100 (x86_64), cores 2, threads 4, 15790 MiB",
        "  disk nvme0n1 (nvme, 500.1 GB, Samsung SSD 980 500GB, serial S64DNX0T512345, system disk), SMART passed",
        "  disk sda (hdd, 4.0 TB, WDC WD40EFRX-68N32N0, serial WD-WCC7K0123456, empty), sata, SMART not known, "
        "usable for tier hdd: it is empty",
        "  disk sdb (ssd, 500.1 GB, CT500MX500SSD1, serial 2201E6040A1B, in use), sata, SMART passed",
        "  port enp1s0 7c:10:c9:01:02:03 (r8169), link, 2500 Mbit/s, MTU 9000, part of br0",
        "  port enp3s0 7c:10:c9:01:02:04 (igc), no link, MTU 1500",
        "  virtual interfaces: 1",
    ]


@pytest.mark.parametrize(
    ("machine", "files", "told"),
    [
        ("raspberry_pi", {}, True),
        ("raspberry_pi", {"sys/fs/cgroup/cgroup.controllers": "cpu memory\n"}, False),
        ("mini_pc", {"sys/fs/cgroup/cgroup.controllers": "cpu\n"}, False),
    ],
)
def test_reboot_is_asked_for_where_the_memory_cgroup_is_missing(
    machine: str, files: dict[str, t.Any], told: bool, tmp_path: Path
) -> None:
    tree = Machine(tmp_path, machine)
    for path, text in files.items():
        tree.write(path, text)
    hardware, wanted = tree.look(), Wanted("h")
    assert ("reboot needed" in render(hardware, wanted, judge(hardware, wanted))) == told


@pytest.mark.parametrize(
    ("number", "text"), [(500_107_862_016, "500.1 GB"), (4_000_787_030_016, "4.0 TB"), (10**12, "1.0 TB")]
)
def test_size(number: int, text: str) -> None:
    assert size(number) == text
