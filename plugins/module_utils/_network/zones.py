# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan's DNS servers answer to whom, and whom they ask for the rest: plan["network"]["dns"]. Pure."""

from __future__ import annotations

import typing as t
from ipaddress import IPv4Address, IPv4Network

from .._lab.problems import Findings
from . import model
from .model import Host, Network
from .names import ANY_NAME, Claim, public_names, table
from .parse_dns import DNS_KEY

Json = dict[str, t.Any]


def compile_dns(network: Network) -> Json:
    """Return names, zones, clients and servers; all names are complete, without the final dot.

    "clients" may ask for everything, "isolated" for public names that lead to none of "prefixes", others for nothing.
    "servers" are the hosts with dns: true, with the addresses they ask for names of the cluster.
    """
    known, dns = table(network), network.dns
    isolated = [segment.prefix for segment in network.segments.values() if segment.purpose == model.ISOLATED]
    clients = [*(segment.prefix for segment in network.segments.values()), network.pod_prefix]
    prefixes = [*clients, network.service_prefix]
    return {
        "domain": network.domain,
        "records": {name: _shown(claim.addresses) for name, claim in known.items() if not claim.target},
        "aliases": {name: claim.target for name, claim in known.items() if claim.target},
        "reverse": {
            "zones": [zone for prefix in prefixes for zone in reverse_zones(prefix)],
            "names": _reverse_names(network, known),
        },
        "public": {name: _shown(addresses) for name, addresses in public_names(network).items()},
        "public_domains": list(dns.public),
        "cluster_domain": network.cluster_domain,
        "forwarders": [
            {"address": str(forwarder.address), "port": forwarder.port, "tls_name": forwarder.tls_name}
            for forwarder in dns.forwarders
        ],
        "dnssec": dns.dnssec,
        "clients": [str(prefix) for prefix in clients if prefix not in isolated],
        "isolated": [str(prefix) for prefix in isolated],
        "prefixes": [str(prefix) for prefix in prefixes],
        "servers": {host.name: _server(network, host) for host in network.servers},
    }


def _server(network: Network, host: Host) -> Json:
    return {
        "name": f"{host.name}.{network.domain}",
        "addresses": _shown(host.addresses.values()),
        "cluster": _shown(_cluster_dns(network, host)),
    }


def _cluster_dns(network: Network, host: Host) -> list[IPv4Address]:
    """Return where a server asks for names of the cluster: only kube-proxy of a node leads to cluster DNS."""
    if host.role:
        return [network.service_prefix[model.CLUSTER_DNS]]
    return [server.addresses[server.home] for server in network.servers if server.role]


def reverse_zones(prefix: IPv4Network) -> list[str]:
    """Return the zones that hold the names of all addresses of *prefix*, and of no other one.

    Zones end at octets (RFC 1035 3.5). A /20 is sixteen zones of a /24 each, a /26 sixty-four of one address: its /24
    belongs to others too.
    """
    octets = -(-prefix.prefixlen // 8)
    return [
        ".".join(reversed(str(network.network_address).split(".")[:octets])) + ".in-addr.arpa"
        for network in prefix.subnets(new_prefix=8 * octets)
    ]


def _reverse_names(network: Network, known: t.Mapping[str, Claim]) -> dict[str, str]:
    """Return the one name of each address in a segment: the host's before the gateway's, a service's, a record's."""
    found: dict[str, str] = {}
    for name, claim in known.items():
        if name == network.endpoint or name.startswith(ANY_NAME):
            continue
        for address in claim.addresses:
            if network.segment_at(int(address)):
                found.setdefault(str(address), name)
    return found


def _shown(addresses: t.Iterable[IPv4Address]) -> list[str]:
    return [str(address) for address in addresses]


def check_forwarders(network: Network, findings: Findings) -> None:
    """Report forwarders that would ask the servers which ask them."""
    servers = {address: host.name for host in network.servers for address in host.addresses.values()}
    for index, forwarder in enumerate(network.dns.forwarders):
        key = f"{DNS_KEY}.forwarders[{index}]"
        fix = "Name a DNS server outside, or leave forwarders out to ask the internet's own servers"
        if forwarder.address in servers:
            reason = f'host "{servers[forwarder.address]}" serves DNS itself, and would ask itself without end'
            findings.add(key, str(forwarder.address), reason, fix)
        elif forwarder.address in network.service_prefix or forwarder.address in network.pod_prefix:
            reason = "the cluster asks the plan's DNS servers, and would be asked by them without end"
            findings.add(key, str(forwarder.address), reason, fix)
