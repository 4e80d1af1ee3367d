# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: single questions to a host, each answered by one command or a few kernel files."""

from __future__ import annotations

import os
import re
import typing as t

from .errors import HostError
from .ledger import Entry
from .state import Account, Listener, UnitState
from .system import System

_PROPERTIES = (
    "LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,Type,Result,InactiveEnterTimestampMonotonic"
)
# Modules that may be built in without a folder in /sys/module, and what proves that they are there.
_EVIDENCE = {
    "br_netfilter": "/proc/sys/net/bridge/bridge-nf-call-iptables",
    "nf_conntrack": "/proc/sys/net/netfilter/nf_conntrack_max",
}


def packages(system: System) -> dict[str, str]:
    """Name and version of every package that is completely installed."""
    form = "${db:Status-Status}\\t${Package}\\t${Version}\\n"
    fix = "This collection supports Debian and Ubuntu hosts only"
    listing = system.demand("Cannot list the packages", fix, "dpkg-query", "-W", "-f", form)
    rows = [line.split("\t") for line in listing.splitlines()]
    return {row[1]: row[2] for row in rows if len(row) == 3 and row[0] == "installed"}


def needed_by(system: System, leaving: t.Sequence[str], entries: t.Mapping[str, Entry]) -> dict[str, list[str]]:
    """For each of our packages that cannot leave alone: the packages not ours that would leave with it."""
    ours = {name for name in leaving if entries[f"package:{name}"].get("how") == "created"}
    brought = {name for package in ours for name in entries[f"package:{package}"].get("brought", [])}
    if not ours or not _would_remove(system, ours) - ours - brought:
        return {}
    alone = {name: sorted(_would_remove(system, {name}) - ours - brought) for name in sorted(ours)}
    return {name: others for name, others in alone.items() if others}


def _would_remove(system: System, names: t.Iterable[str]) -> set[str]:
    fix = "Repair the package state with `apt-get -f install` and run again"
    listing = system.demand("Cannot simulate a removal", fix, "apt-get", "-s", "-qq", "remove", *sorted(names))
    return {line.split()[1] for line in listing.splitlines() if line.startswith(("Remv ", "Purg "))}


def units(system: System, names: t.Sequence[str]) -> dict[str, UnitState]:
    """The state of units, all asked at once."""
    fix = "This collection needs a host that runs systemd"
    listing = system.demand("Cannot ask systemd", fix, "systemctl", "show", f"--property={_PROPERTIES}", "--", *names)
    blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in listing.strip().split("\n\n")]
    if len(blocks) != len(names):
        cause = f"it described {len(blocks)} of {len(names)} units"
        raise HostError("Cannot ask systemd", cause, "Look at `systemctl show` for these units")
    return {name: _unit(blocks[index]) for index, name in enumerate(names)}


def _unit(block: dict[str, str]) -> UnitState:
    finished = block.get("InactiveEnterTimestampMonotonic", "0") not in ("", "0") and block.get("Result") == "success"
    return UnitState(
        loaded=block.get("LoadState") not in ("not-found", None),
        active=block.get("ActiveState", "inactive"),
        enabled=block.get("UnitFileState", ""),
        stale=block.get("NeedDaemonReload") == "yes",
        looping=block.get("SubState") == "auto-restart",
        ran=block.get("Type") == "oneshot" and finished and block.get("ActiveState") == "inactive",
    )


def listeners(system: System) -> list[Listener]:
    """Every TCP and UDP socket that is listened on; none on a host without ss."""
    found = []
    for line in system.run("ss", "-Hlntup").stdout.splitlines():
        fields = line.split(None, 6)
        address, _colon, port = fields[4].rpartition(":")
        program = re.search(r'\(\("([^"]+)",pid=(\d+)', fields[6] if len(fields) > 6 else "")
        words = f"{program[1]} (process {program[2]})" if program else ""
        found.append(Listener(fields[0], address.partition("%")[0], port, words))
    return found


def modules(system: System, names: t.Iterable[str]) -> set[str]:
    """Which of these kernel modules are loaded or built in."""
    wanted = set(names)
    if not wanted:
        return set()
    present = {line.split()[0] for line in system.read_text("/proc/modules").splitlines()}
    present |= {line.split()[-1] for line in system.read_text("/proc/filesystems").splitlines()}
    builtin = system.read_text(f"/lib/modules/{os.uname().release}/modules.builtin")
    present |= {line.rsplit("/", 1)[-1].split(".ko")[0].replace("-", "_") for line in builtin.splitlines()}
    for name in wanted:
        if system.exists(f"/sys/module/{name}") or (name in _EVIDENCE and system.exists(_EVIDENCE[name])):
            present.add(name)
    return wanted & present


def sysctl_path(name: str) -> str:
    """The file of a kernel parameter; a slash in a dotted name stands for a dot (an interface ``eth0.7``)."""
    dot, slash = name.find("."), name.find("/")
    if dot != -1 and (slash == -1 or dot < slash):
        name = name.translate(str.maketrans("./", "/."))
    return f"/proc/sys/{name}"


def sysctl(system: System, name: str) -> str | None:
    """The value of a kernel parameter with single blanks, None when the kernel does not have it."""
    path = sysctl_path(name)
    return " ".join(system.read_text(path).split()) if system.exists(path) else None


def accounts(system: System) -> tuple[dict[str, Account], dict[str, Account]]:
    """All local users and groups by name."""
    rows = [line.split(":") for line in system.read_text("/etc/group").splitlines()]
    groups = {row[0]: Account(int(row[2])) for row in rows if len(row) == 4 and row[2].isdigit()}
    names = {account.number: name for name, account in groups.items()}
    members: dict[str, list[str]] = {}
    for row in rows:
        for user in row[3].split(",") if len(row) == 4 else []:
            members.setdefault(user, []).append(row[0])
    users = {}
    for line in system.read_text("/etc/passwd").splitlines():
        row = line.split(":")
        if len(row) == 7 and row[2].isdigit() and row[3].isdigit():
            group = names.get(int(row[3]), row[3])
            users[row[0]] = Account(int(row[2]), group, row[5], row[6], tuple(sorted(members.get(row[0], []))))
    return users, groups


def mounts(system: System) -> dict[str, str]:
    """The file system type at each mount point."""
    rows = [line.split() for line in system.read_text("/proc/mounts").splitlines()]
    return {row[1].replace("\\040", " "): row[2] for row in rows if len(row) >= 3}
