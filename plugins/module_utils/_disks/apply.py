# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make disks part of their tier's volume group, and the group's thin pool.

Whatever is killed in between: a disk is remembered as being prepared before anything is written to it.
"""

from __future__ import annotations

import time
import typing as t
from dataclasses import replace

from .._hardware.model import GROUP_TAG, Disk, Hardware
from .._host.builder import Change
from .._host.errors import HostError
from .._host.fingerprint import keep_baseline
from .._host.ledger import LedgerStore
from .._host.system import System
from .model import POOL, RECORD, Group, Pool, Record
from .observe import has_lvm, observe, record
from .plan import Plan

_FIX = "Look at the kernel's messages with `dmesg`, and run again"


def apply(system: System, hardware: Hardware, usable: t.Sequence[t.Mapping[str, str]], plan: Plan) -> None:
    """Make all changes. Raises HostError."""
    if not plan.changes:
        return
    if not has_lvm(system):
        raise HostError(
            "Cannot prepare disks", "LVM is not installed", "Install the packages lvm2 and thin-provisioning-tools"
        )
    keep_baseline(system, LedgerStore(system))
    _Work(system, hardware, usable).carry_out(plan)


class _Work:
    def __init__(self, system: System, hardware: Hardware, usable: t.Sequence[t.Mapping[str, str]]) -> None:
        self._system = system
        self._disks = {disk.name: disk for disk in hardware.disks}
        self._serials = {entry["disk"]: entry["serial"] or entry["disk"] for entry in usable}
        self._record = record(system)
        self._own: dict[str, Pool] = {}

    def carry_out(self, plan: Plan) -> None:
        self._own = plan.own
        for change in plan.changes:
            kind, action = change.kind, change.action
            if kind == "disk":
                self._wipe(self._disks[change.name])
            elif kind == "volume_group":
                self._group(change, plan.joining[change.name])
            elif action == "create":
                self._make_pool(change.name.partition("/")[0])
            else:
                self._extend_pool(change.name.partition("/")[0])
        if self._record.preparing:
            self._remember(replace(self._record, preparing=()))

    def _wipe(self, disk: Disk) -> None:
        serial, today = self._serials[disk.name], time.strftime("%Y-%m-%d", time.gmtime())
        self._remember(Record((*self._record.preparing, serial), {**self._record.wiped, serial: today}))
        # Of partitions first: their table is what names them.
        devices = [f"/dev/{part.name}" for part in disk.partitions] + [f"/dev/{disk.name}"]
        self._demand(f"Cannot wipe {disk.name}", "wipefs", "--quiet", "--all", "--force", *devices)
        self._system.run("udevadm", "settle", "--timeout=10")

    def _group(self, change: Change, disks: t.Sequence[str]) -> None:
        self._remember(replace(self._record, preparing=tuple(self._serials[disk] for disk in disks)))
        tag = ("--addtag", GROUP_TAG) if change.action == "create" else ()
        command = ("vgcreate" if change.action == "create" else "vgextend", "--quiet", "--yes", *tag, change.name)
        self._demand(f"Cannot {change.action} {change.name}", *command, *(f"/dev/{disk}" for disk in disks))

    def _make_pool(self, name: str) -> None:
        wanted = self._own.get(name) or self._look(name).full_pool
        tag = ("--addtag", GROUP_TAG) if name in self._own else ()
        sizes = ("--size", f"{wanted.data}b", "--poolmetadatasize", f"{wanted.metadata}b")
        words = ("--type", "thin-pool", "--name", POOL, *sizes, *tag, "--zero", "y", name)
        self._demand(f"Cannot make {name}/{POOL}", "lvcreate", "--quiet", "--yes", *words)

    def _extend_pool(self, name: str) -> None:
        group = self._look(name)
        wanted = self._own.get(name) or group.full_pool
        if group.pool and group.pool.metadata < wanted.metadata:
            grown = ("--poolmetadatasize", f"{wanted.metadata}b")
            self._demand(f"Cannot extend {name}/{POOL}", "lvextend", "--quiet", "--yes", *grown, f"{name}/{POOL}")
        if group.pool and group.pool.is_less_than(wanted):
            grown = ("--size", f"{wanted.data}b")
            self._demand(f"Cannot extend {name}/{POOL}", "lvextend", "--quiet", "--yes", *grown, f"{name}/{POOL}")

    def _look(self, name: str) -> Group:
        return observe(self._system)[name]

    def _remember(self, new: Record) -> None:
        LedgerStore(self._system).write_private(RECORD, new.dump())
        self._record = new

    def _demand(self, attempted: str, *command: str) -> None:
        self._system.demand(attempted, _FIX, *command)
