# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: what a host looks like, as data that can be compared with how it looked before us."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import typing as t

from . import probes
from .ledger import BASELINE, LedgerStore
from .system import TEMPORARY, System

Fingerprint = dict[str, dict[str, str]]

_FOLDERS = ("/etc", "/usr/local", "/opt")
# Written by the system itself, or shown better by another section.
_SKIPPED = {
    "/etc/.pwd.lock",
    "/etc/.updated",
    "/etc/adjtime",
    "/etc/hostname",
    "/etc/ld.so.cache",
    "/etc/machine-id",
    "/etc/mtab",
    "/etc/resolv.conf",
    *(f"/etc/{name}" for name in ("passwd", "group", "shadow", "gshadow", "subuid", "subgid")),
    *(f"/etc/{name}-" for name in ("passwd", "group", "shadow", "gshadow", "subuid", "subgid")),
}
_LARGE = 16 * 1024 * 1024
# Only those of which a container has its own: the others belong to the kernel it shares.
_SYSCTLS = (
    "net.ipv4.ip_forward",
    "net.ipv4.conf.all.forwarding",
    "net.ipv4.conf.all.rp_filter",
    "net.ipv6.conf.all.forwarding",
    "net.bridge.bridge-nf-call-iptables",
    "net.bridge.bridge-nf-call-ip6tables",
)
_PASSING_MOUNTS = ("/proc", "/sys", "/dev", "/run/user/", "/run/credentials/", "/run/lock")
# Loaded modules are the kernel's doing as much as ours, and are gone with the next boot.
_NOT_COMPARED = ("modules",)


def take(system: System) -> Fingerprint:
    """Look at the whole host, without changing anything; every section maps names to short texts."""
    users, groups = probes.accounts(system)
    mounts = probes.mounts(system)
    loaded = [line.split()[0] for line in system.read_text("/proc/modules").splitlines()]
    values = {name: probes.sysctl(system, name) for name in _SYSCTLS}
    return {
        "packages": probes.packages(system),
        "files": files(system),
        "units": _units(system),
        "sysctls": {name: value for name, value in values.items() if value is not None},
        "modules": dict.fromkeys(sorted(loaded), "loaded"),
        "users": {name: f"uid {user.number}, {user.home}, {user.shell}" for name, user in users.items()},
        "groups": {name: f"gid {group.number}" for name, group in groups.items()},
        "mounts": {path: kind for path, kind in mounts.items() if not path.startswith(_PASSING_MOUNTS)},
        "nft": _tables(system),
        "interfaces": dict.fromkeys(system.children("/sys/class/net"), "present"),
    }


def files(system: System) -> dict[str, str]:
    """What lies below the folders people configure a host in: hash, rights and owner of files, targets of links."""
    found = {}
    for folder in _FOLDERS:
        for place, folders, names in os.walk(system.real(folder)):
            links = [name for name in folders if os.path.islink(os.path.join(place, name))]
            for name in names + links:
                real = os.path.join(place, name)
                path = real[len(system.real("/")) - 1 :]
                if path not in _SKIPPED and not name.endswith(TEMPORARY):
                    found[path] = _describe(real)
    return found


def _describe(real: str) -> str:
    try:
        state = os.lstat(real)
        if stat.S_ISLNK(state.st_mode):
            return f"-> {os.readlink(real)}"
        rights = f"{stat.S_IMODE(state.st_mode):04o} {state.st_uid}:{state.st_gid}"
        if not stat.S_ISREG(state.st_mode) or state.st_size > _LARGE:
            return f"{rights} {state.st_size} bytes"
        with open(real, "rb") as stream:
            return f"{rights} {hashlib.sha256(stream.read()).hexdigest()}"
    except OSError as exc:
        return f"unreadable: {exc.strerror}"


def _units(system: System) -> dict[str, str]:
    """Unit files and whether they are enabled; those that a generator made at boot are left out."""
    listing = system.run("systemctl", "list-unit-files", "--no-legend", "--no-pager").stdout
    rows = [line.split() for line in listing.splitlines()]
    return {row[0]: row[1] for row in rows if len(row) >= 2 and row[1] not in ("generated", "transient")}


def _tables(system: System) -> dict[str, str]:
    """A hash of every nftables table, counter values left out; none where nft is not installed."""
    listing = system.run("nft", "-s", "list", "ruleset").stdout
    tables = {}
    for block in listing.split("\ntable "):
        if block.strip():
            text = block if block.startswith("table ") else f"table {block}"
            tables[" ".join(text.split()[1:3])] = hashlib.sha256(text.strip().encode("utf-8")).hexdigest()
    return tables


def compare(before: Fingerprint, now: Fingerprint) -> list[dict[str, str]]:
    """What differs, as ``{section, name, before, after}``, ``absent`` standing for nothing."""
    differences = []
    for section in sorted(set(before) | set(now)):
        old, new = before.get(section, {}), now.get(section, {})
        for name in sorted(set(old) | set(new)) if section not in _NOT_COMPARED else ():
            if old.get(name) != new.get(name):
                pair = {"before": old.get(name, "absent"), "after": new.get(name, "absent")}
                differences.append({"section": section, "name": name, **pair})
    return differences


def keep_baseline(system: System, store: LedgerStore) -> None:
    """Write down how the host looks, unless that was done before its first change ever."""
    if not system.exists(BASELINE):
        store.write_private(BASELINE, json.dumps(take(system)).encode("utf-8"))


def baseline(system: System) -> Fingerprint | None:
    """How the host looked before this collection changed it first; None when it never did."""
    text = system.read_text(BASELINE)
    return t.cast("Fingerprint", json.loads(text)) if text else None
