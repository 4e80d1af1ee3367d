# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The input homelab_storage: folders that are nobody else's, on nodes that carry pods, under names of their own."""

from __future__ import annotations

import typing as t
from pathlib import PurePosixPath

from .._lab.namespaces import PLATFORM
from .._lab.problems import UNSET, Findings, did_you_mean
from .._lab.rules_names import check_label
from .._lab.rules_nodes import pod_nodes
from .._lab.specs import Values
from .model import KEY, LOCAL_PATH, TOPOLVM, Library, Storage, Tier
from .rules_pools import pool_tier, size_in_bytes

# The system's, the cluster's and this collection's own, with all below them.
_SYSTEM = (
    *("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/tmp", "/usr"),
    *("/opt/cni", "/var/cache", "/var/log", "/var/run", "/var/spool", "/var/tmp"),
    *("/var/lib/apt", "/var/lib/atarnet-homelab", "/var/lib/cni", "/var/lib/containerd", "/var/lib/dpkg"),
    *("/var/lib/etcd", "/var/lib/kubelet", "/var/lib/systemd"),
)
# What lies in these is not one thing.
_SHARED = ("/", "/home", "/media", "/mnt", "/opt", "/srv", "/var", "/var/lib", "/var/local")


def check_storage(known: Values, findings: Findings) -> Storage | None:
    """Return what the input asks for; None when that is nothing, or it is not sound."""
    given: Values = known.get(KEY) or {}
    if not given:
        return None
    before = len(findings.problems)
    tiers, libraries = given.get("tiers") or [], given.get("libraries") or []
    if not tiers and not libraries:
        fix = f"Describe tiers or libraries, or write {KEY}: {{}}"
        findings.add(KEY, given, "it names neither a tier nor a library", fix)
    nodes = {node["name"]: node.get("role") for node in known.get("homelab_nodes", ()) if "name" in node}
    rules = _Rules(nodes, _disks(known), given.get("provider") or "", findings)
    found = Storage(
        tiers=tuple(rules.tier(index, entry) for index, entry in enumerate(tiers)),
        libraries=tuple(rules.library(index, entry) for index, entry in enumerate(libraries)),
    )
    if len(findings.problems) == before:
        _check_default(found.tiers, findings)
        _check_tiers_apart(found.tiers, findings)
        _check_libraries_apart(found, findings)
    return found if len(findings.problems) == before else None


def _disks(known: Values) -> dict[str, set[str]]:
    """Return the tiers of the disks that homelab_hardware names, by node."""
    hosts = (known.get("homelab_hardware") or {}).get("hosts", ())
    return {
        host["name"]: {disk["tier"] for disk in host.get("disks", ()) if "tier" in disk}
        for host in hosts
        if "name" in host
    }


class _Rules:
    """What is asked of each entry by itself.

    *nodes* are the cluster's, by name with their role; *disks* the tiers of those that become volume groups, by node;
    *provider* is that of tiers which name none.
    """

    def __init__(
        self, nodes: t.Mapping[str, str | None], disks: t.Mapping[str, set[str]], provider: str, findings: Findings
    ) -> None:
        self._nodes, self._carrying, self._findings = list(nodes), pod_nodes(nodes), findings
        self._disks, self._provider = disks, provider
        self._names: dict[tuple[str, str], str] = {}

    def tier(self, index: int, entry: Values) -> Tier:
        """Return a tier; it is sound when nothing was added to the findings."""
        key = f"{KEY}.tiers[{index}]"
        self._name(key, "tier", entry.get("name"))
        provider = entry.get("provider") or self._provider or (LOCAL_PATH if "folder" in entry else TOPOLVM)
        nodes: list[str] = entry.get("nodes", self._carrying)
        if "nodes" in entry and not nodes:
            fix = "Name nodes, or remove the key: then it is on all that can have it"
            self._findings.add(f"{key}.nodes", nodes, "the tier would be nowhere", fix)
        for number, node in enumerate(nodes):
            self._node(f"{key}.nodes[{number}]", node)
            if node in nodes[:number]:
                self._findings.add(f"{key}.nodes[{number}]", node, "it is named before", "Name every node once")
        if provider == TOPOLVM:
            return pool_tier(key, entry, nodes, self._disks, self._findings)
        return self._place(key, entry, nodes)

    def _place(self, key: str, entry: Values, nodes: t.Sequence[str]) -> Tier:
        """Return a tier of local-path."""
        if "folder" not in entry:
            fix = "Name the folder at which the disk is mounted, or use provider: topolvm"
            self._findings.add(f"{key}.folder", UNSET, "local-path makes folders, and does not know where", fix)
        self._folder(f"{key}.folder", entry.get("folder"))
        for name in ("group", "size", "overprovision"):
            if name in entry:
                reason = "local-path makes folders: it has no pool, no sizes and no snapshots"
                self._findings.add(f"{key}.{name}", entry[name], reason, "Remove it, or use provider: topolvm")
        return Tier(
            name=entry.get("name", ""),
            nodes=tuple(nodes),
            default=entry.get("default", False),
            folder=entry.get("folder", ""),
            mounted=entry.get("mounted", True),
        )

    def library(self, index: int, entry: Values) -> Library:
        """Return a library; it is sound when nothing was added to the findings."""
        key = f"{KEY}.libraries[{index}]"
        self._name(key, "library", entry.get("name"))
        self._folder(f"{key}.folder", entry.get("folder"))
        if "node" in entry:
            self._node(f"{key}.node", entry["node"])
        self._namespace(f"{key}.namespace", entry.get("namespace"))
        size = entry.get("size")
        if size is not None and not size_in_bytes(size):
            self._findings.add(f"{key}.size", size, "it is no quantity of bytes", "Write, for example, 100Gi")
        return Library(
            name=entry.get("name", ""),
            node=entry.get("node", ""),
            folder=entry.get("folder", ""),
            namespace=entry.get("namespace", ""),
            size=size or "",
            writable=entry.get("writable", False),
        )

    def _name(self, key: str, kind: str, name: str | None) -> None:
        if not check_label(f"{key}.name", name, self._findings) or name is None:
            return
        if (kind, name) in self._names:
            reason = f"{self._names[kind, name]} is a {kind} of this name already"
            self._findings.add(f"{key}.name", name, reason, "Give each a name of its own")
        self._names.setdefault((kind, name), key)

    def _node(self, key: str, name: str) -> None:
        if self._nodes and name not in self._nodes:
            fix = f"{did_you_mean(name, self._nodes)}Use one of {', '.join(self._carrying)}"
            self._findings.add(key, name, "homelab_nodes has no such node", fix)
        elif name in self._nodes and name not in self._carrying:
            reason = "it is a control plane beside workers, and carries no pods that could use the volumes"
            self._findings.add(key, name, reason, f"Use one of {', '.join(self._carrying)}")

    def _namespace(self, key: str, name: str | None) -> None:
        if check_label(key, name, self._findings) and name in PLATFORM:
            self._findings.add(key, name, "the platform lives there", "Name the namespace of the app that reads it")

    def _folder(self, key: str, path: str | None) -> None:
        if path is None:
            return
        parts = path.split("/")
        plain = path == "/" or not any(part in ("", ".", "..") for part in parts[1:])
        if not path.startswith("/") or not plain or not path.isprintable() or ":" in path:
            reason = 'it is not a plain absolute path, without "//", ".", "..", ":" and a "/" at its end'
            self._findings.add(key, path, reason, "Write, for example, /srv/ssd")
        elif path in _SHARED or any(_within(path, system) for system in _SYSTEM):
            reason = "the folder belongs to the system, or holds what belongs to others"
            self._findings.add(key, path, reason, "Use a folder of its own, for example /srv/ssd")


def _check_default(tiers: t.Sequence[Tier], findings: Findings) -> None:
    names = [tier.name for tier in tiers if tier.default]
    if len(names) > 1:
        findings.add(f"{KEY}.tiers", names, "each of them is the default", "Say default: true for one tier only")
    elif tiers and not names:
        reason = "none is the default, so that claims without a class would wait for ever"
        findings.add(f"{KEY}.tiers", [tier.name for tier in tiers], reason, "Say default: true for one tier")


def _check_tiers_apart(tiers: t.Sequence[Tier], findings: Findings) -> None:
    """No tier lies in another: it would lie on that one's disk; and a volume group has one pool."""
    for index, tier in enumerate(tiers):
        key = f"{KEY}.tiers[{index}]"
        for place, other in enumerate(tiers):
            if place == index or other.provider != tier.provider:
                continue
            if tier.provider == TOPOLVM:
                shared = [node for node in tier.nodes if node in other.nodes]
                if tier.group == other.group and shared and place < index:
                    reason = f"it is that of tier {other.name} on {', '.join(shared)}"
                    findings.add(f"{key}.group", tier.group, reason, "Give each tier a volume group of its own")
            elif tier.folder == other.folder and place < index:
                reason = f"tier {other.name} has the same folder"
                findings.add(f"{key}.folder", tier.folder, reason, "Mount each tier's disk at a folder of its own")
            elif tier.folder != other.folder and _within(tier.folder, other.folder):
                reason = f'it lies in "{other.folder}" of tier {other.name}, and so on that one\'s disk'
                findings.add(f"{key}.folder", tier.folder, reason, "Mount the disks beside each other")


def _check_libraries_apart(storage: Storage, findings: Findings) -> None:
    """Each library is one folder, and none is where the provisioner makes and removes folders."""
    first: dict[tuple[str, str], str] = {}
    for index, library in enumerate(storage.libraries):
        key, place = f"{KEY}.libraries[{index}].folder", (library.node, library.folder)
        if place in first:
            reason = f"library {first[place]} is the same folder of {library.node}"
            findings.add(key, library.folder, reason, "One claim can have one volume; copy it, or share the namespace")
        first.setdefault(place, library.name)
        for tier in (tier for tier in storage.of(LOCAL_PATH) if library.node in tier.nodes):
            if _within(library.folder, tier.volumes) or _within(tier.volumes, library.folder):
                reason = f'the volumes of tier {tier.name} are made and removed in "{tier.volumes}"'
                fix = f"Put it beside them, for example in {tier.folder}/{library.name}"
                findings.add(key, library.folder, reason, fix)


def _within(path: str, folder: str) -> bool:
    """Tell whether *path* is *folder* or lies in it."""
    return PurePosixPath(path).is_relative_to(folder)
