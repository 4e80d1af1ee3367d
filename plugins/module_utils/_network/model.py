# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network as typed values: segments, hosts, services and flows, after everything was checked."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from .._host_network.links import NETPLAN, NETWORKD
from .spans import Span

MANAGEMENT, CLUSTER, ISOLATED = "management", "cluster", "isolated"
PURPOSES = (MANAGEMENT, CLUSTER, "services", "users", ISOLATED, "other")
ALLOW, DENY = "allow", "deny"
LEFT_ALONE = "none"
BACKENDS = (NETWORKD, NETPLAN, LEFT_ALONE)
PODS, INTERNET, NODES, CONTROLLERS = "pods", "internet", "nodes", "controllers"
SSH, KUBERNETES_API, DNS, KUBELET = "ssh", "kubernetes_api", "dns", "kubelet"
DNS_SERVERS, FORWARDERS, NAME_SERVERS = "dns_servers", "forwarders", "name_servers"
SSH_PORTS = ("tcp/22",)
DNS_PORTS = ("udp/53", "tcp/53")
KUBELET_PORTS = ("tcp/10250",)
# Where kubeadm puts cluster DNS inside the prefix of Services.
CLUSTER_DNS = 10


@dataclass(frozen=True)
class Segment:
    """One VLAN with its prefix; *pool* and *dhcp* are address spans inside it."""

    name: str
    vlan: int
    prefix: IPv4Network
    purpose: str
    gateway: IPv4Address
    mtu: int
    pool: Span | None
    dhcp: Span | None


@dataclass(frozen=True)
class Uplink:
    """A router's way to the internet; without *address* and *gateway* they come by DHCP."""

    port: str
    address: IPv4Interface | None = None
    gateway: IPv4Address | None = None


@dataclass(frozen=True)
class Host:
    """One machine: its address by segment. *home* is the segment of its default route, and of its name.

    *port* is the network interface all its segments come in by ("" when it is not known): *native* untagged, the
    others as PORT.VLAN. *role* is that of homelab_nodes, "" for a machine that is no node. *backend* configures the
    interfaces; with *members* the port is a bond of them, or where *bond_mode* is "" a bridge.
    """

    name: str
    addresses: t.Mapping[str, IPv4Address]
    role: str = ""
    router: bool = False
    dns: bool = False
    port: str = ""
    native: str = ""
    home: str = ""
    backend: str = LEFT_ALONE
    members: tuple[str, ...] = ()
    bond_mode: str = ""
    uplink: Uplink | None = None


@dataclass(frozen=True)
class Service:
    """Addresses and ports ("tcp/80", "udp/100-200") under a name."""

    name: str
    addresses: tuple[IPv4Address, ...]
    ports: tuple[str, ...]


@dataclass(frozen=True)
class Flow:
    """What the user wrote in homelab_network.flows, by names; *key* is where."""

    key: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    action: str


@dataclass(frozen=True)
class Forwarder:
    """A DNS server that is asked for public names; with *tls_name* encrypted (RFC 7858), by the certificate's name."""

    address: IPv4Address
    port: int
    tls_name: str = ""


@dataclass(frozen=True)
class Record:
    """A name of the input, relative to its domain ("@" is the domain itself, "*" any name) and what it stands for.

    That is *addresses*, or what *target*, another name of the plan, stands for. *key* is where it was written.
    """

    key: str
    name: str
    addresses: tuple[IPv4Address, ...] = ()
    target: str = ""


@dataclass(frozen=True)
class Dns:
    """What homelab_network.dns says: *public* are the names with an answer of our own by public domain.

    Without *forwarders* the servers ask the internet's own servers, from the root on.
    """

    forwarders: tuple[Forwarder, ...] = ()
    dnssec: bool = True
    records: tuple[Record, ...] = ()
    public: t.Mapping[str, tuple[Record, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Network:
    """The whole network; hosts and services include those nobody had to write: nodes and the built-in services."""

    domain: str
    endpoint: str
    pod_prefix: IPv4Network
    service_prefix: IPv4Network
    controllers: tuple[Span, ...]
    segments: t.Mapping[str, Segment]
    hosts: t.Mapping[str, Host]
    services: t.Mapping[str, Service]
    flows: tuple[Flow, ...]
    cluster_domain: str
    resolvers: tuple[IPv4Address, ...] = ()
    dns: Dns = Dns()

    @property
    def servers(self) -> list[Host]:
        """The hosts that serve DNS."""
        return [host for host in self.hosts.values() if host.dns]

    @property
    def router(self) -> Host | None:
        """The host that routes between the segments; None when that is not a machine of the plan."""
        return next((host for host in self.hosts.values() if host.router), None)

    @property
    def nodes(self) -> list[Host]:
        """The nodes of the cluster."""
        return [host for host in self.hosts.values() if host.role]

    def segment_for(self, purpose: str) -> Segment:
        """Return the one segment of a purpose that there is one of: management or cluster."""
        return next(segment for segment in self.segments.values() if segment.purpose == purpose)

    def segment_at(self, address: int) -> str | None:
        """Return the name of the segment an address lies in."""
        return next((name for name, segment in self.segments.items() if IPv4Address(address) in segment.prefix), None)
