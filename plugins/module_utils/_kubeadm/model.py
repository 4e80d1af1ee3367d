# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster should be and what was seen of each of its nodes."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

CONTROL_PLANE = "control_plane"
WORKER = "worker"


class KubeadmError(Exception):
    """A cluster that cannot be planned or changed; the text names object, cause and fix."""


@dataclass(frozen=True)
class Node:
    """One node of the plan: its name, its address and its role (control_plane or worker)."""

    name: str
    address: str
    role: str


@dataclass(frozen=True)
class Cluster:
    """The desired cluster: the part of the lab plan that kubeadm has to know."""

    name: str
    version: str
    endpoint_host: str
    endpoint_port: int
    node_prefix: str
    pod_prefix: str
    service_prefix: str
    cluster_domain: str
    dns_address: str
    etcd_tag: str
    cgroup_driver: str
    kubelet_config: dict[str, t.Any]
    kube_proxy_config: dict[str, t.Any]
    preflight_ignore: tuple[str, ...]
    nodes: dict[str, Node]
    pod_nodes: frozenset[str]

    @property
    def endpoint(self) -> str:
        """Return host:port of the API, always by name so that more control planes can come later."""
        return f"{self.endpoint_host}:{self.endpoint_port}"

    @property
    def control_planes(self) -> list[Node]:
        """Return the control plane nodes in the plan's order."""
        return [node for node in self.nodes.values() if node.role == CONTROL_PLANE]


def parse_cluster(plan: dict[str, t.Any]) -> Cluster:
    """Return the cluster that a compiled lab plan (the result of lab_plan) describes.

    Raises KubeadmError when the plan lacks a key, which means it was not made by lab_plan.
    """
    try:
        kubernetes = plan["kubernetes"]
        return Cluster(
            name=plan["name"],
            version=kubernetes["version"],
            endpoint_host=plan["endpoint"]["host"],
            endpoint_port=int(plan["endpoint"]["port"]),
            node_prefix=plan["prefixes"]["node"],
            pod_prefix=plan["prefixes"]["pod"],
            service_prefix=plan["prefixes"]["service"],
            cluster_domain=plan["cluster_domain"],
            dns_address=plan["dns_address"],
            etcd_tag=plan["images"]["etcd"].rsplit(":", 1)[1],
            cgroup_driver=kubernetes["cgroup_driver"],
            kubelet_config=dict(kubernetes["kubelet_config"]),
            kube_proxy_config=dict(kubernetes["kube_proxy_config"]),
            preflight_ignore=tuple(kubernetes["preflight_ignore"]),
            nodes={
                name: Node(name=name, address=node["address"], role=node["role"])
                for name, node in plan["nodes"].items()
            },
            pod_nodes=frozenset(plan["pod_nodes"]),
        )
    except KeyError as exc:
        raise KubeadmError(
            f"Reading the lab plan: key {exc} is missing. Pass the plan that atarnet.homelab.lab_plan returned."
        ) from exc


@dataclass(frozen=True)
class Observation:
    """What kubeadm_node_info saw on one host; every part is empty on a blank one.

    hashes maps a managed document ("cluster", "kubelet", "kube_proxy", "manifests", "kubelet_file") to the
    sha256 found now; stamp is what was written when this product last finished its work on the host.
    """

    name: str
    kubelet_conf: bool = False
    bootstrap_conf: bool = False
    manifests: tuple[str, ...] = ()
    etcd_data: bool = False
    restoring: bool = False
    kubelet_active: bool = False
    ca_sha256: str = ""
    admin_conf_sha256: str = ""
    api_cause: str = ""
    api_nodes: dict[str, dict[str, t.Any]] | None = None
    etcd_members: tuple[str, ...] = ()
    hashes: dict[str, str] = field(default_factory=dict)
    stamp: dict[str, t.Any] = field(default_factory=dict)
    certificates: dict[str, str] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Return whether init or join once ran to its end here."""
        return bool(self.stamp)

    @property
    def touched(self) -> bool:
        """Return whether kubeadm has left anything here."""
        return bool(self.manifests or self.kubelet_conf or self.bootstrap_conf or self.etcd_data or self.ca_sha256)

    @property
    def serves_api(self) -> bool:
        """Return whether the API server of this very host answered."""
        return self.api_nodes is not None


def parse_observation(name: str, facts: dict[str, t.Any]) -> Observation:
    """Return the observation of host *name* from the result of kubeadm_node_info."""
    known = {key: value for key, value in facts.items() if key in Observation.__dataclass_fields__ and key != "name"}
    for key in ("manifests", "etcd_members"):
        known[key] = tuple(known.get(key) or ())
    return Observation(name=name, **known)
