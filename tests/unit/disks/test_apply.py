# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks become part of their tier's group, only those that may, and what a killed run left is taken up."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._disks.model import RECORD, PoolWish
from ansible_collections.atarnet.homelab.plugins.module_utils._disks.observe import observe
from ansible_collections.atarnet.homelab.plugins.module_utils._disks.plan import Plan
from ansible_collections.atarnet.homelab.plugins.module_utils._hardware.model import WantedDisk
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError

from tests.unit.disks.fake import HDD, SSD, LvmHost, VolumeGroup
from tests.unit.host.fake import Killed

EMPTY = WantedDisk("hdd", HDD)
CONFIRMED = WantedDisk("ssd", SSD, wipe_serial=SSD)
ALL = [
    "create volume_group:homelab-hdd",
    "create thin_pool:homelab-hdd/pool",
    "wipe disk:sdb",
    "create volume_group:homelab-ssd",
    "create thin_pool:homelab-ssd/pool",
]


@pytest.fixture
def host(tmp_path: Path) -> LvmHost:
    """A mini PC: sda is empty and turns, sdb is an SSD with a partition."""
    return LvmHost(tmp_path)


def test_check_predicts_the_run_which_is_then_done(host: LvmHost) -> None:
    assert host.changes(EMPTY, CONFIRMED, check=True) == ALL and host.log == [] and not host.system.exists(RECORD)
    assert host.changes(EMPTY, CONFIRMED) == ALL
    assert {name: group.disks for name, group in host.groups.items()} == {
        "homelab-hdd": ["sda"],
        "homelab-ssd": ["sdb"],
    }
    assert host.changes(EMPTY, CONFIRMED) == [] == host.changes(EMPTY, WantedDisk("ssd", SSD))


def test_the_pool_leaves_a_tenth(host: LvmHost) -> None:
    host.changes(EMPTY)
    group = observe(host.system)["homelab-hdd"]
    assert group.pool and group.pool == group.full_pool
    assert 0.095 <= 1 - (group.pool.data + 2 * group.pool.metadata) / group.size <= 0.105
    assert group.pool.metadata >= 3 << 30, "1 GiB for each TiB"


def test_only_what_may_be_wiped_is(host: LvmHost) -> None:
    problems = host.prepare(WantedDisk("ssd", SSD))
    assert isinstance(problems, list) and "sdb is not empty" in problems[0] and host.log == []


@pytest.mark.parametrize("use", ["mounted", "held"])
def test_a_disk_in_use_is_not_wiped(host: LvmHost, use: str) -> None:
    if use == "mounted":
        mounts = host.root / "proc/self/mountinfo"
        mounts.write_text(mounts.read_text() + "99 1 8:17 / /srv/old rw - ext4 /dev/sdb1 rw\n")
    else:
        next(host.root.glob("sys/devices/**/sdb1")).joinpath("holders/dm-3").mkdir(parents=True)
    problems = host.prepare(CONFIRMED)
    assert isinstance(problems, list) and host.log == []
    assert "sdb is in use: partition sdb1" in problems[0] and "first." in problems[0]


def test_a_confirmation_is_good_for_one_wiping(host: LvmHost) -> None:
    host.changes(CONFIRMED)
    host.groups.clear()
    host._wipefs(["/dev/sdb"])
    next(host.root.glob("sys/devices/**/block/sdb/holders/dm-9")).rmdir()
    host._label("sdb", "ext4")
    host.log.clear()
    problems = host.prepare(CONFIRMED)
    assert isinstance(problems, list) and host.log == []
    assert "its wipe_serial was used on 20" in problems[0] and "Remove wipe_serial" in problems[0]


def test_one_more_disk_extends_group_and_pool(host: LvmHost) -> None:
    host.groups["homelab-ssd"] = VolumeGroup("atarnet.homelab", ["sdc"])
    host.sizes["sdc"] = 100 << 30
    host.groups["homelab-ssd"].volumes["pool"] = ("thin-pool", 80 << 30, 128 << 20)
    before = observe(host.system)["homelab-ssd"]
    plan = host.prepare(CONFIRMED)
    assert isinstance(plan, Plan)
    assert [f"{change.action} {change.kind}" for change in plan.changes] == [
        "wipe disk",
        "extend volume_group",
        "extend thin_pool",
    ]
    assert plan.notes == [
        "sdc is part of homelab-ssd and not named in the input: it stays. To take it out: pvmove, then vgreduce."
    ]
    after = observe(host.system)["homelab-ssd"]
    assert after.pool == after.full_pool and after.size > before.size and host.changes(CONFIRMED) == []


def test_the_tier_of_a_prepared_disk_cannot_be_changed(host: LvmHost) -> None:
    host.groups["homelab-hdd"] = VolumeGroup("atarnet.homelab", ["sdb"])
    host._wipefs(["/dev/sdb"])
    host._label("sdb", "LVM2_member")
    problems = host.prepare(CONFIRMED)
    assert isinstance(problems, list) and "sdb is part of volume group homelab-hdd" in problems[0]


REFUSED = {
    "of somebody else": (VolumeGroup("", ["sdc"]), "that this collection did not make. Rename it with `vgrename"),
    "a disk is missing": (VolumeGroup("atarnet.homelab", ["sdc"], missing=1), "1 of its disks are not there. Connect"),
    "another volume": (
        VolumeGroup("atarnet.homelab", ["sdc"], volumes={"pool": ("linear", 1 << 30, 0)}),
        "its volume pool is of type linear, not a thin pool. Rename that volume",
    ),
}


@pytest.mark.parametrize(("group", "words"), REFUSED.values(), ids=REFUSED)
def test_a_group_that_is_not_as_it_should_be_is_refused(host: LvmHost, group: VolumeGroup, words: str) -> None:
    host.groups["homelab-hdd"] = group
    host.sizes["sdc"] = 10 << 30
    for check in (True, False):
        with pytest.raises(HostError, match=words):
            host.prepare(EMPTY, check=check)
    assert host.log == []


def test_what_is_missing_on_the_host_is_named(host: LvmHost) -> None:
    (host.root / "usr/sbin/vgs").unlink()
    assert host.changes(EMPTY, check=True) == ALL[:2]
    with pytest.raises(HostError, match=r"LVM is not installed\. Install the packages lvm2"):
        host.prepare(EMPTY)
    host.write("usr/sbin/vgs", "")
    (host.root / "sys/module/dm_thin_pool/version").unlink()
    (host.root / "sys/module/dm_thin_pool").rmdir()
    for check in (True, False):
        with pytest.raises(HostError, match="the kernel has no thin pools"):
            host.prepare(EMPTY, check=check)
    assert host.log == []


GIB = 1 << 30
OWN = PoolWish("debian-vg", 20 * GIB)


@pytest.fixture
def installed(host: LvmHost) -> LvmHost:
    """The mini PC with a group of 50 GiB of which its installer used 10."""
    host.groups["debian-vg"] = VolumeGroup("", ["sdc"], volumes={"root": ("linear", 10 * GIB, 0)})
    host.sizes["sdc"] = 50 * GIB
    return host


def test_a_pool_in_a_group_that_was_there_touches_nothing_else(installed: LvmHost) -> None:
    assert installed.changes(pools=[OWN], check=True) == ["create thin_pool:debian-vg/pool"] and installed.log == []
    assert installed.changes(pools=[OWN]) == ["create thin_pool:debian-vg/pool"]
    assert [command[0] for command in installed.log] == ["lvcreate"]
    group = observe(installed.system)["debian-vg"]
    assert group.pool and group.pool.data == OWN.size and not group.is_ours
    assert installed.changes(pools=[OWN]) == []


def test_such_a_pool_grows_and_never_shrinks(installed: LvmHost) -> None:
    installed.changes(pools=[OWN])
    assert installed.changes(pools=[PoolWish("debian-vg", 30 * GIB)]) == ["extend thin_pool:debian-vg/pool"]
    plan = installed.prepare(pools=[OWN])
    assert isinstance(plan, Plan) and plan.changes == []
    assert plan.notes == ["debian-vg/pool has 30.0 GiB, more than was asked for: it stays."]


UNFIT = {
    "no group": ("other", VolumeGroup("", ["sdc"]), "the host has no such group. Correct its name"),
    "no room": (
        "debian-vg",
        VolumeGroup("", ["sdc"], volumes={"root": ("linear", 40 * GIB, 0)}),
        r"20.1 GiB are needed, and 10.0 GiB of 50.0 GiB are free. Ask for less",
    ),
    "a pool of somebody": (
        "debian-vg",
        VolumeGroup("", ["sdc"], volumes={"pool": ("thin-pool", 5 * GIB, 1 << 25)}),
        "it has one called pool that this collection did not make. Rename it with `lvrename debian-vg pool NAME`",
    ),
    "a disk is missing": ("debian-vg", VolumeGroup("", ["sdc"], missing=1), "1 of its disks are not there"),
}


@pytest.mark.parametrize(("name", "group", "words"), UNFIT.values(), ids=UNFIT)
def test_a_group_that_cannot_have_the_pool_is_refused(host: LvmHost, name: str, group: VolumeGroup, words: str) -> None:
    host.groups["debian-vg"], host.sizes["sdc"] = group, 50 * GIB
    for check in (True, False):
        with pytest.raises(HostError, match=words):
            host.prepare(pools=[PoolWish(name, OWN.size)], check=check)
    assert host.log == []


@pytest.mark.parametrize("when", ["before", "midst", "after"])
def test_killed_at_every_command(tmp_path: Path, when: str) -> None:
    for step in range(1, 20):
        host = LvmHost(tmp_path / str(step))
        host.kill_at, host.when = step, when
        try:
            host.prepare(EMPTY, CONFIRMED)
        except Killed:
            host.kill_at = 0
            host.changes(EMPTY, CONFIRMED)
            groups = observe(host.system)
            assert {name: group.disks for name, group in groups.items()} == {
                "homelab-hdd": ("sda",),
                "homelab-ssd": ("sdb",),
            }
            assert all(group.pool == group.full_pool for group in groups.values())
            assert host.changes(EMPTY, CONFIRMED) == []
        else:
            assert step == len(ALL) + 1
            return
