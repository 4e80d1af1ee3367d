# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab consists of, kept in its lab.json."""

from __future__ import annotations

import ipaddress
import json
import shutil
import typing as t
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lab import files
from lab.errors import LabError

RANGE = ipaddress.IPv4Network("10.77.0.0/16")
ROLES = {"cp1": "control_plane", "w1": "worker", "w2": "worker"}
ROUTER = "router"
CLUSTER = "cluster"
# The segments beside the nodes' own.
SEGMENTS = ("management", "services", "iot", "users")
MIRROR_OFFSET, REGISTRY_OFFSET, RESOLVER_OFFSET, NODE_OFFSET, PROBE_OFFSET, ROUTER_OFFSET = 2, 3, 4, 11, 21, 254
# What the cluster's load balancers give out.
POOL_OFFSETS = 200, 219
# Nothing is there: a DNS server that never answers.
DEAD_RESOLVER_OFFSET = 5
# Who issues certificates outside, and who keeps public DNS.
ACME_OFFSET, CLOUDFLARE_OFFSET = 6, 7
# Where backups go: none of the cluster's machines.
BACKUP_OFFSET = 8
# And what stands for another house, where they are copied to.
COPY_OFFSET = 9


@dataclass(frozen=True)
class Node:
    """One machine: its name, its address in the cluster's segment, and its role in the cluster, or "router"."""

    name: str
    address: str
    role: str


@dataclass(frozen=True)
class Lab:
    """A lab: its networks, its machines and what they are served from.

    ``segments`` are the networks' prefixes by name, ``prefix`` is the cluster's among them.
    ``supply`` is ``build`` or ``upstream``. ``artifact_mirrors`` and ``registry_mirrors``
    are base URLs as the roles take them, ``checksums`` is artifact → architecture → sha256.
    ``stand_ins`` are images of the lock that are not what their names say.
    """

    name: str
    checkout: str
    prefix: str
    segments: dict[str, str]
    nodes: dict[str, Node]
    folder: str
    cgroup: int
    loadable_modules: bool
    supply: str
    artifact_mirrors: list[str]
    registry_mirrors: dict[str, list[str]]
    checksums: dict[str, dict[str, str]]
    stand_ins: list[str] = field(default_factory=list)

    @property
    def gateway(self) -> str:
        """The machine's own address on the lab's network."""
        return address(self.prefix, 1)

    @property
    def ingress(self) -> str:
        """Where the routes are served: the first address that load balancers get."""
        return address(self.prefix, POOL_OFFSETS[0])

    @property
    def private_key(self) -> str:
        """The SSH key that opens the nodes."""
        return f"{self.folder}/ssh/id_ed25519"

    @property
    def known_hosts(self) -> str:
        """The file with the nodes' host keys."""
        return f"{self.folder}/ssh/known_hosts"

    @property
    def kubeconfig(self) -> str:
        """Where the cluster's administrator file is put."""
        return f"{self.folder}/kubeconfig"


def address(prefix: str, offset: int) -> str:
    """Return the address at ``offset`` in a prefix."""
    return str(ipaddress.IPv4Network(prefix)[offset])


def nodes_of(prefix: str) -> dict[str, Node]:
    """Return the three nodes of a lab on this prefix, and the router."""
    nodes = {
        name: Node(name, address(prefix, NODE_OFFSET + place), role) for place, (name, role) in enumerate(ROLES.items())
    }
    return {**nodes, "gw": Node("gw", address(prefix, ROUTER_OFFSET), ROUTER)}


def segments_of(used: t.Iterable[str]) -> dict[str, str]:
    """Return a free prefix for each segment, the cluster's first. Raises LabError as `free_prefix`."""
    taken, found = list(used), {}
    for name in (CLUSTER, *SEGMENTS):
        found[name] = free_prefix(taken)
        taken.append(found[name])
    return found


def free_prefix(used: t.Iterable[str]) -> str:
    """Return the first /24 below 10.77.0.0/16 that overlaps none of the ``used`` prefixes.

    Raises LabError when all 256 are taken.
    """
    taken = [ipaddress.ip_network(one, strict=False) for one in used]
    ours = [one for one in taken if isinstance(one, ipaddress.IPv4Network) and one.prefixlen > 0]
    for candidate in RANGE.subnets(new_prefix=24):
        if not any(candidate.overlaps(one) for one in ours):
            return str(candidate)
    raise LabError(f"Choosing a network for the lab in {RANGE}", "every /24 of it is in use", "Remove an unused lab.")


def save(path: Path, lab: Lab) -> None:
    """Write a lab's record in one step."""
    files.write(path, json.dumps(asdict(lab), indent=1) + "\n")


def load(path: Path) -> Lab | None:
    """Return the recorded lab, or None when there is none."""
    try:
        data = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    data["nodes"] = {name: Node(**node) for name, node in data["nodes"].items()}
    return Lab(**data)


def require(path: Path, name: str) -> Lab:
    """Return the recorded lab; raises LabError when there is none."""
    lab = load(path)
    if lab is None:
        raise LabError(f"Looking for the lab {name!r}", f"{path} does not exist", f"Make it: `{make(name)}`.")
    return lab


def make(name: str) -> str:
    """Return the command that makes a lab of this name."""
    return "make lab" if name == "lab" else f"make lab LAB={name}"


def forget(folder: Path) -> None:
    """Remove a lab's state folder."""
    shutil.rmtree(folder, ignore_errors=True)
