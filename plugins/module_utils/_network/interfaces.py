# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interfaces of each host as host_network takes them. Pure."""

from __future__ import annotations

import typing as t

from .._host_network.links import BOND, BRIDGE, VLAN
from . import model, spans
from .flows import Rule
from .model import Host, Network
from .parse_interfaces import interface

Json = dict[str, t.Any]


def interfaces(network: Network, rules: t.Sequence[Rule], host: Host) -> Json | None:
    """Return {"backend", "address", "forwarding", "links"}; None where the interfaces of *host* are not ours."""
    if host.backend == model.LEFT_ALONE:
        return None
    segments = [network.segments[name] for name in host.addresses]
    mtu = max(segment.mtu for segment in segments)
    links: list[Json] = [{"name": name, "mtu": mtu} for name in host.members]
    links.append({"name": host.port, "mtu": mtu, **_kind(host)})
    for segment in segments:
        own = {"addresses": [f"{host.addresses[segment.name]}/{segment.prefix.prefixlen}"]}
        if segment.name == host.home:
            own.update(_ways_out(network, rules, host))
        if segment.name == host.native:
            links[len(host.members)].update(own)
        else:
            name = interface(host.port, host.native, segment)
            links.append({"name": name, "kind": VLAN, "link": host.port, "vlan": segment.vlan, "mtu": segment.mtu})
            links[-1].update(own)
    if host.uplink:
        links.append(_uplink(host.uplink))
    address = str(host.addresses[host.home])
    return {"backend": host.backend, "address": address, "forwarding": host.router, "links": links}


def _kind(host: Host) -> Json:
    if not host.members:
        return {}
    bond = {"kind": BOND, "members": list(host.members), "mode": host.bond_mode}
    return bond if host.bond_mode else {"kind": BRIDGE, "members": list(host.members)}


def _ways_out(network: Network, rules: t.Sequence[Rule], host: Host) -> Json:
    gateway = network.segments[host.home].gateway
    resolvers = [str(address) for address in _resolvers(network, rules, host)]
    return {
        "gateways": [] if host.router else [str(gateway)],
        **({"resolvers": resolvers, "domain": network.domain} if resolvers else {}),
    }


def _resolvers(network: Network, rules: t.Sequence[Rule], host: Host) -> list[t.Any]:
    """Return those of the input, else the DNS servers of the plan that the host may ask: itself last."""
    if network.resolvers:
        return list(network.resolvers)
    own = int(host.addresses[host.home])
    servers = [server for server in network.hosts.values() if server.dns]
    servers.sort(key=lambda server: server.name == host.name)
    return [
        server.addresses[server.home]
        for server in servers
        if server.name == host.name or _may_ask(rules, own, int(server.addresses[server.home]))
    ]


def _may_ask(rules: t.Sequence[Rule], source: int, target: int) -> bool:
    """Tell whether DNS passes; as everywhere, what is denied counts before what is allowed."""
    verdicts = {
        rule.action
        for rule in rules
        for box in rule.boxes()
        if spans.within((source, source), box.source)
        and spans.within((target, target), box.target)
        and (box.protocol, box.ports[0] <= 53 <= box.ports[1]) == ("udp", True)
    }
    return verdicts == {model.ALLOW}


def _uplink(uplink: model.Uplink) -> Json:
    if uplink.address is None:
        return {"name": uplink.port, "dhcp": True}
    return {"name": uplink.port, "addresses": [str(uplink.address)], "gateways": [str(uplink.gateway)]}
