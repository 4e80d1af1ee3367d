# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The input as typed values: what the user said, checked across keys, nothing derived yet."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network

from .._backup_plan.model import Backup
from .._backup_plan.rules import check_backup
from .._backup_plan.target import Cluster
from .._certificates.model import Certificates
from .._certificates.rules import check_certificates
from .._network.model import Network
from .._network.rules import check_network
from .._routes.ingress import Ingress, check_ingress
from .._routes.model import Route
from .._routes.rules import check_routes
from .._storage.model import Storage
from .._storage.rules import check_storage
from .cluster_dns import StubZones, check_stub_zones
from .lock import Lock
from .namespaces import Namespace, check_namespaces
from .problems import Findings, InputError
from .rules_hardware import check_hardware
from .rules_names import ENDPOINT, check_names
from .rules_network import check_networks
from .rules_nodes import check_inventory, check_nodes
from .rules_settings import check_settings
from .rules_supply import check_supply
from .specs import Options, Values, check

API_PORT = 6443
CONTROL_PLANE = "control_plane"
WORKER = "worker"


@dataclass(frozen=True)
class Node:
    """One node of the cluster; *role* is "control_plane" or "worker"."""

    name: str
    address: IPv4Address
    role: str


@dataclass(frozen=True)
class Surroundings:
    """What the input is judged against besides itself.

    *inventory_hosts* are all hosts of the inventory, *play_hosts* those this run is about (None: no inventory at hand),
    *timezones* the IANA names known (empty: not known here, so none is refused).
    """

    lock: Lock
    timezones: frozenset[str] = frozenset()
    inventory_hosts: frozenset[str] | None = None
    play_hosts: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Lab:
    """The whole input. Memory is in MiB by role; paths are the controller's.

    No *network*: it is not ours. No *ingress*: there are no *routes*. No *certificates*: nobody asks for one. No
    *storage*: volumes are nobody's business here. No *backup*: nor is what becomes of them.
    """

    name: str
    domain: str
    node_prefix: IPv4Network
    pod_prefix: IPv4Network
    service_prefix: IPv4Network
    nodes: tuple[Node, ...]
    kubernetes_version: str
    cluster_domain: str
    cni: str
    cni_backend: str
    cgroup_driver: str
    timezone: str
    kubeconfig: str
    minimum_memory: t.Mapping[str, int]
    time_sync: bool = True
    time_servers: tuple[str, ...] = ()
    kernel_modules: tuple[str, ...] = ()
    preflight_ignore: tuple[str, ...] = ()
    artifact_mirrors: tuple[str, ...] = ()
    registry_mirrors: t.Mapping[str, list[str]] = field(default_factory=dict)
    artifact_checksums: t.Mapping[str, t.Mapping[str, str]] = field(default_factory=dict)
    containerd_runtime_config: t.Mapping[str, t.Any] = field(default_factory=dict)
    kubelet_config: t.Mapping[str, t.Any] = field(default_factory=dict)
    kube_proxy_config: t.Mapping[str, t.Any] = field(default_factory=dict)
    network: Network | None = None
    hardware: t.Mapping[str, t.Any] = field(default_factory=dict)
    ingress: Ingress | None = None
    routes: t.Mapping[str, Route] = field(default_factory=dict)
    stub_zones: StubZones = field(default_factory=dict)
    namespaces: t.Mapping[str, Namespace] = field(default_factory=dict)
    certificates: Certificates | None = None
    storage: Storage | None = None
    backup: Backup | None = None


def parse(values: t.Mapping[str, t.Any], options: Options, surroundings: Surroundings) -> Lab:
    """Return the lab that *values* (homelab_* keys, plain data) describe.

    Raises InputError with every problem found, in the order of the rules: types first, then keys against each other.
    """
    findings = Findings()
    known = check(values, options, findings)
    networks = check_networks(known, findings)
    check_nodes(known, networks.get("homelab_node_prefix"), findings)
    if surroundings.inventory_hosts is not None:
        check_inventory(known, surroundings.inventory_hosts, surroundings.play_hosts, findings)
    check_names(known, findings)
    check_supply(known, surroundings.lock, findings)
    check_settings(known, surroundings.timezones, findings)
    network = check_network(known, networks, ENDPOINT, API_PORT, findings)
    check_hardware(known, findings)
    ingress = check_ingress(known, network, findings)
    routes = check_routes(known, ingress.provider, findings) if ingress else {}
    stub_zones = check_stub_zones(known, network, networks, findings)
    namespaces = check_namespaces(known, routes, findings)
    certificates = check_certificates(known, routes, ingress, findings)
    storage = check_storage(known, findings)

    def cluster() -> Cluster:
        return Cluster.of(known, networks, routes, network, ingress)

    backup = check_backup(known, storage, cluster, findings)
    if findings.problems:
        raise InputError(findings.problems)
    return replace(
        _lab(known, networks),
        network=network,
        ingress=ingress,
        routes=routes,
        stub_zones=stub_zones,
        namespaces=namespaces,
        certificates=certificates,
        storage=storage,
        backup=backup,
    )


def _lab(known: Values, networks: t.Mapping[str, IPv4Network]) -> Lab:
    def get(name: str) -> t.Any:
        return known[f"homelab_{name}"]

    return Lab(
        name=get("name"),
        domain=get("domain"),
        node_prefix=networks["homelab_node_prefix"],
        pod_prefix=networks["homelab_pod_prefix"],
        service_prefix=networks["homelab_service_prefix"],
        nodes=tuple(Node(entry["name"], IPv4Address(entry["address"]), entry["role"]) for entry in get("nodes")),
        kubernetes_version=get("kubernetes_version"),
        cluster_domain=get("cluster_domain"),
        cni=get("cni"),
        cni_backend=get("cni_backend"),
        cgroup_driver=get("cgroup_driver"),
        timezone=get("timezone"),
        kubeconfig=get("kubeconfig"),
        minimum_memory=get("minimum_memory"),
        time_sync=get("time_sync"),
        time_servers=tuple(get("time_servers")),
        kernel_modules=tuple(get("kernel_modules")),
        preflight_ignore=tuple(get("preflight_ignore")),
        artifact_mirrors=tuple(get("artifact_mirrors")),
        registry_mirrors=get("registry_mirrors"),
        artifact_checksums=get("artifact_checksums"),
        containerd_runtime_config=get("containerd_runtime_config"),
        kubelet_config=get("kubelet_config"),
        kube_proxy_config=get("kube_proxy_config"),
        hardware=get("hardware"),
    )
