# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: looks at a host once, asking only what the wanted and the leaving resources need."""

from __future__ import annotations

import hashlib
import os
import stat
import typing as t

from . import probes
from .ledger import Entry
from .model import COMMAND_LINE, Archive, Directory, File, Link, Resource, Unit
from .state import ABSENT, Observed, PathState
from .system import System

_DIFF_LIMIT = 256 * 1024
_ARCHS = {"x86_64": "amd64", "aarch64": "arm64"}


def observe(system: System, wanted: t.Sequence[Resource], entries: t.Mapping[str, Entry]) -> Observed:
    """Look at everything that is wanted or, by this owner's ledger entries, ours already."""
    names = _names(wanted, entries)
    observed = Observed(arch=_ARCHS.get(os.uname().machine, os.uname().machine))
    leaving = set(entries) - {resource.identity for resource in wanted}
    _observe_paths(system, observed, wanted, entries, leaving)
    if names["package"]:
        observed.packages = probes.packages(system)
        ours = [name for name in names["package"] if f"package:{name}" in leaving and name in observed.packages]
        observed.needed_by = probes.needed_by(system, ours, entries)
    if names["unit"]:
        observed.units = probes.units(system, names["unit"])
    if any(isinstance(resource, Unit) and resource.listens for resource in wanted):
        observed.listeners = probes.listeners(system)
    observed.users, observed.groups = probes.accounts(system)
    if names["mount"] or names["mountpoint"] or names["swap"]:
        observed.fstab = system.read_text("/etc/fstab").splitlines()
        observed.mounts = probes.mounts(system)
        observed.swaps = [line.split()[0] for line in system.read_text("/proc/swaps").splitlines()[1:]]
    observed.modules = probes.modules(system, names["kernel_module"])
    observed.sysctls = {name: probes.sysctl(system, name) for name in names["sysctl"]}
    if names["kernel_parameter"]:
        observed.command_line = system.read_text(COMMAND_LINE)
    return observed


def _names(wanted: t.Sequence[Resource], entries: t.Mapping[str, Entry]) -> dict[str, list[str]]:
    """Every name to look at by kind, wanted ones first, each once."""
    kinds = (
        "package",
        "unit",
        "user",
        "group",
        "mount",
        "mountpoint",
        "swap",
        "kernel_module",
        "sysctl",
        "kernel_parameter",
    )
    names: dict[str, list[str]] = {kind: [] for kind in kinds}
    for identity in dict.fromkeys([resource.identity for resource in wanted] + list(entries)):
        kind, name = identity.split(":", 1)
        if kind in names:
            names[kind].append(name)
    return names


def _observe_paths(
    system: System,
    observed: Observed,
    wanted: t.Sequence[Resource],
    entries: t.Mapping[str, Entry],
    leaving: set[str],
) -> None:
    for resource in wanted:
        if isinstance(resource, (File, Directory, Link)):
            sha256 = resource.sha256 if isinstance(resource, File) else ""
            observed.paths[resource.name] = look(system, resource.name, sha256)
        elif isinstance(resource, Archive):
            stamps = entries.get(resource.identity, {}).get("members", {})
            for path in dict.fromkeys([*resource.paths, *stamps]):
                observed.paths[path] = look_stamped(system, path, stamps.get(path, {}))
    for identity in leaving:
        kind, name = identity.split(":", 1)
        for path in [name] if kind in ("file", "directory", "link") else entries[identity].get("members", {}):
            observed.paths[path] = look(system, path, "" if kind == "file" else None)
        for path in [name, *entries[identity].get("parents", [])] if kind == "directory" else []:
            observed.children[path] = system.children(path)
    for path in _parents(wanted):
        if path not in observed.paths:
            observed.paths[path] = look(system, path, None)


def _parents(wanted: t.Sequence[Resource]) -> set[str]:
    """The folders that wanted things lie in, up to the root for wanted folders."""
    parents = set()
    for resource in wanted:
        if isinstance(resource, (File, Link)):
            parents.add(resource.name.rsplit("/", 1)[0])
        elif isinstance(resource, Archive):
            parents.add(resource.destination)
        elif isinstance(resource, Directory) or resource.kind == "mount":
            parts = resource.name.split("/")[1:]
            parents.update("/" + "/".join(parts[:count]) for count in range(1, len(parts) + 1))
    return parents - {""}


def look(system: System, path: str, sha256: str | None) -> PathState:
    """What lies at a path. With a wanted ``sha256`` ("" for any) a file is read, its text kept if it differs."""
    found = system.lstat(path)
    if found is None:
        return ABSENT
    kinds = ((stat.S_ISREG, "file"), (stat.S_ISDIR, "directory"), (stat.S_ISLNK, "link"))
    kind = next((name for test, name in kinds if test(found.st_mode)), "other")
    target, through, value, text = "", False, "", None
    if kind == "link":
        target, through = system.readlink(path), system.is_directory(path)
    elif kind == "file" and sha256 is not None:
        data = system.read(path)
        value = hashlib.sha256(data).hexdigest()
        text = _text(data) if value != sha256 else None
    return PathState(
        kind,
        f"{stat.S_IMODE(found.st_mode):04o}",
        system.name_of("user", found.st_uid),
        system.name_of("group", found.st_gid),
        found.st_size,
        found.st_mtime_ns,
        found.st_ino,
        value,
        text,
        target,
        through,
    )


def look_stamped(system: System, path: str, stamp: Entry) -> PathState:
    """Like look, for large files: hashed only when size, time or inode differ from the stamp in the ledger."""
    state = look(system, path, None)
    if state.kind != "file" or not stamp.get("sha256"):
        return state
    same = (state.size, state.mtime_ns, state.inode) == (stamp["size"], stamp["mtime_ns"], stamp["inode"])
    value = stamp["sha256"] if same else system.sha256(path)
    return PathState(**{**state.__dict__, "sha256": value})


def _text(data: bytes) -> str | None:
    if len(data) > _DIFF_LIMIT or b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None
