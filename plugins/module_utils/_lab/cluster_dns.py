# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom the cluster's DNS asks for the names of others: the plan's DNS servers, those of homelab_stub_zones."""

from __future__ import annotations

import typing as t
from ipaddress import IPv4Network

from .._network.model import Forwarder, Network
from .._network.names import inside_domain
from .._network.parse_dns import parse_forwarder
from .._network.zones import reverse_zones
from .problems import Findings
from .rules_names import is_name
from .specs import Values

KEY = "homelab_stub_zones"
# CoreDNS takes no more for one zone (https://coredns.io/plugins/forward/).
_MOST_SERVERS = 15
_DNS_PORT = 53
_CLUSTERS = ("homelab_service_prefix", "homelab_pod_prefix")
StubZones = dict[str, tuple[Forwarder, ...]]


def check_stub_zones(
    known: Values, network: Network | None, prefixes: t.Mapping[str, IPv4Network], findings: Findings
) -> StubZones:
    """Return the sound zones of the input; *prefixes* are those of nodes, pods and Services by key."""
    own, clusters = _own_zones(network), _cluster_zones(known, prefixes)
    found = {}
    for zone, servers in (known.get(KEY) or {}).items():
        key = f"{KEY}.{zone}"
        if not isinstance(zone, str) or not is_name(zone):
            reason = "it is not a DNS name (RFC 1123): lower-case labels joined by dots"
            findings.add(key, servers, reason, "Write the domain, for example corp.example.org")
        elif zone in own:
            reason = "the plan's DNS servers answer for it, and are asked already"
            findings.add(key, servers, reason, f"Remove it from {KEY}")
        elif any(inside_domain(zone, other) or inside_domain(other, zone) for other in clusters):
            reason = f"the cluster itself answers for {clusters[0]} and for the addresses of pods and Services"
            findings.add(key, servers, reason, "Name a domain apart from them")
        elif not isinstance(servers, list) or not 1 <= len(servers) <= _MOST_SERVERS:
            reason = f"it must be a list of 1 to {_MOST_SERVERS} DNS servers"
            findings.add(key, servers, reason, f"Write {zone}: [192.168.30.5]")
        else:
            asked = [_server(f"{key}[{index}]", text, prefixes, findings) for index, text in enumerate(servers)]
            found[zone] = tuple(dict.fromkeys(server for server in asked if server))
    return found


def _cluster_zones(known: Values, prefixes: t.Mapping[str, IPv4Network]) -> list[str]:
    domain = known.get("homelab_cluster_domain")
    reverse = [zone for key in _CLUSTERS if key in prefixes for zone in reverse_zones(prefixes[key])]
    return [*([domain] if domain else []), *reverse]


def _server(key: str, text: t.Any, prefixes: t.Mapping[str, IPv4Network], findings: Findings) -> Forwarder | None:
    if not isinstance(text, str):
        findings.add(key, text, "it must be text", "Write ADDRESS or ADDRESS@PORT")
        return None
    server = parse_forwarder(key, text, findings)
    if server is None:
        return None
    if server.tls_name:
        findings.add(key, text, "the cluster's DNS asks in the clear", "Write ADDRESS or ADDRESS@PORT")
        return None
    for name in _CLUSTERS:
        if name in prefixes and server.address in prefixes[name]:
            reason = f'it lies in {name} "{prefixes[name]}", where the cluster\'s DNS would ask itself'
            findings.add(key, text, reason, "Name a DNS server outside of the cluster")
            return None
    return server


def _own_zones(network: Network | None) -> list[str]:
    """Return what the plan's DNS servers know better than anybody else."""
    if network is None or not network.servers:
        return []
    reverse = [zone for segment in network.segments.values() for zone in reverse_zones(segment.prefix)]
    return [network.domain, *network.dns.public, *reverse]


def compile_cluster_dns(network: Network | None, stub_zones: StubZones) -> dict[str, t.Any]:
    """Return plan["cluster_dns"]: by which servers ("ADDRESS" or "ADDRESS:PORT") which zones are answered."""
    zones = [{"names": [zone], "servers": [_shown(one) for one in servers]} for zone, servers in stub_zones.items()]
    own = _own_zones(network)
    if network and own:
        zones.insert(0, {"names": own, "servers": [str(host.addresses[host.home]) for host in network.servers]})
    return {"zones": zones}


def _shown(server: Forwarder) -> str:
    return str(server.address) if server.port == _DNS_PORT else f"{server.address}:{server.port}"
