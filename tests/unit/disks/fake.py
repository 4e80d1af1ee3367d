# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorded mini PC with an LVM in memory, which udev's database and the kernel's files follow."""

from __future__ import annotations

import json
import shutil
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.atarnet.homelab.plugins.module_utils._disks.apply import apply
from ansible_collections.atarnet.homelab.plugins.module_utils._disks.model import PoolWish
from ansible_collections.atarnet.homelab.plugins.module_utils._disks.observe import (
    demand_device_mapper,
    observe,
    record,
)
from ansible_collections.atarnet.homelab.plugins.module_utils._disks.plan import Plan, make_plan
from ansible_collections.atarnet.homelab.plugins.module_utils._hardware.model import Wanted, WantedDisk
from ansible_collections.atarnet.homelab.plugins.module_utils._hardware.plan import Past, judge
from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import RunResult
from ansible_collections.atarnet.homelab.plugins.module_utils._host.ledger import BASELINE

from tests.unit.hardware.trees import Machine
from tests.unit.host.fake import Killed, RootedSystem

HDD, SSD = "WD-WCC7K0123456", "2201E6040A1B"
EXTENT = 4 << 20
DEVICES = {"sda": "b8:0", "sdb": "b8:16", "sdb1": "b8:17"}
CHANGING = ("wipefs", "vgcreate", "vgextend", "lvcreate", "lvextend")


@dataclass
class VolumeGroup:
    """A volume group; its volumes are (type, data, metadata) with sizes in bytes, *volume_tags* are theirs."""

    tags: str = ""
    disks: list[str] = field(default_factory=list)
    missing: int = 0
    volumes: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    volume_tags: dict[str, str] = field(default_factory=dict)


class LvmHost(Machine):
    """A host to prepare disks on. *kill_at* counts changing commands: it ends before, in the midst of, or after one."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, "mini_pc")
        self.system = RootedSystem(str(root), self._run)
        self.groups: dict[str, VolumeGroup] = {}
        self.log: list[list[str]] = []
        self.sizes = {"sda": 4000787030016, "sdb": 500107862016}
        self.kill_at, self.when = 0, ""
        self.write("usr/sbin/vgs", "")
        self.write(BASELINE[1:], "{}")
        self.write("sys/module/dm_thin_pool/version", "")
        self.write("dev/sdb", "")

    def prepare(self, *disks: WantedDisk, pools: t.Sequence[PoolWish] = (), check: bool = False) -> Plan | list[str]:
        """One task; returns the plan, or the problems."""
        hardware, past = self.look(), record(self.system)
        verdict = judge(hardware, Wanted("h", disks), Past(past.preparing, past.wiped))
        if verdict.problems:
            return verdict.problems
        plan = make_plan(verdict.usable, observe(self.system), pools)
        if plan.changes:
            demand_device_mapper(self.system)
        if not check:
            apply(self.system, hardware, verdict.usable, plan)
        return plan

    def changes(self, *disks: WantedDisk, pools: t.Sequence[PoolWish] = (), check: bool = False) -> list[str]:
        """One task; returns what it changed in a word each."""
        plan = self.prepare(*disks, pools=pools, check=check)
        assert isinstance(plan, Plan), plan
        return [f"{change.action} {change.identity}" for change in plan.changes]

    def _run(self, argv: t.Sequence[str]) -> RunResult:
        command, words = argv[0], [word for word in argv[1:] if word not in ("--quiet", "--yes")]
        if command not in (*CHANGING, "vgs", "pvs", "lvs"):
            return super()._run(argv)
        if command not in CHANGING:
            return RunResult(0, json.dumps({"report": [{command[:2]: getattr(self, f"_{command}")()}]}), "")
        self.kill_at -= 1
        if self.kill_at == 0 and self.when == "before":
            raise Killed
        self.log.append(list(argv))
        getattr(self, f"_{command}")(words)
        if self.kill_at == 0:
            raise Killed
        return RunResult(0, "", "")

    def _vgs(self) -> list[dict[str, str]]:
        return [
            {
                "vg_name": name,
                "vg_size": str(self._size(group)),
                "vg_free": str(
                    self._size(group) - sum(size + 2 * meta for _kind, size, meta in group.volumes.values())
                ),
                "vg_extent_size": str(EXTENT),
                "vg_tags": group.tags,
                "vg_missing_pv_count": str(group.missing),
            }
            for name, group in self.groups.items()
        ]

    def _pvs(self) -> list[dict[str, str]]:
        return [
            {"pv_name": f"/dev/{disk}", "vg_name": name, "vg_tags": group.tags}
            for name, group in self.groups.items()
            for disk in group.disks
        ]

    def _lvs(self) -> list[dict[str, str]]:
        return [
            {
                "vg_name": name,
                "lv_name": volume,
                "segtype": kind,
                "lv_size": str(size),
                "lv_metadata_size": str(meta),
                "lv_tags": group.volume_tags.get(volume, ""),
            }
            for name, group in self.groups.items()
            for volume, (kind, size, meta) in group.volumes.items()
        ]

    def _size(self, group: VolumeGroup) -> int:
        return sum(self.sizes[disk] // EXTENT * EXTENT - EXTENT for disk in group.disks)

    def _wipefs(self, words: list[str]) -> None:
        for device in (word[5:] for word in words if word.startswith("/dev/")):
            self._label(device, "")
            for part in self.root.glob(f"sys/devices/**/block/{device}/{device}1"):
                shutil.rmtree(part)
            # A boot sector's code is no signature, and stays.
            self.write(f"dev/{device}", "code")

    def _vgcreate(self, words: list[str]) -> None:
        name, disks = words[2], [word[5:] for word in words[3:]]
        self._join(disks)
        self.groups[name] = VolumeGroup(words[1], disks)

    def _vgextend(self, words: list[str]) -> None:
        disks = [word[5:] for word in words[1:]]
        self._join(disks)
        self.groups[words[0]].disks += disks

    def _join(self, disks: list[str]) -> None:
        for disk in disks:
            self._label(disk, "LVM2_member")
        if self.kill_at == 0 and self.when == "midst":
            raise Killed

    def _lvcreate(self, words: list[str]) -> None:
        told = dict(zip(words[:-1:2], words[1::2], strict=True))
        sizes = int(told["--size"][:-1]), int(told["--poolmetadatasize"][:-1])
        self.groups[words[-1]].volumes[told["--name"]] = ("thin-pool", *sizes)
        self.groups[words[-1]].volume_tags[told["--name"]] = told.get("--addtag", "")
        self._hold(self.groups[words[-1]])

    def _lvextend(self, words: list[str]) -> None:
        name, volume = words[2].split("/")
        kind, size, meta = self.groups[name].volumes[volume]
        grown = int(words[1][:-1])
        self.groups[name].volumes[volume] = (kind, grown, meta) if words[0] == "--size" else (kind, size, grown)
        self._hold(self.groups[name])

    def _hold(self, group: VolumeGroup) -> None:
        for disk in group.disks:
            for folder in self.root.glob(f"sys/devices/**/block/{disk}"):
                (folder / "holders" / "dm-9").mkdir(parents=True, exist_ok=True)

    def _label(self, device: str, filesystem: str) -> None:
        path = self.root / "run/udev/data" / DEVICES[device]
        lines = path.read_text().splitlines() if path.exists() else []
        kept = [line for line in lines if not line.startswith("E:ID_FS_TYPE=")]
        kept += [f"E:ID_FS_TYPE={filesystem}"] if filesystem else []
        path.write_text("".join(f"{line}\n" for line in kept))
