# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From homelab_network as the user wrote it to typed values, each judged alone; what is wrong goes to the findings."""

from __future__ import annotations

import re
import typing as t
from ipaddress import IPv4Address, IPv4Network

from .._host_network.links import MTU
from .._lab.problems import UNSET, Findings, did_you_mean
from .._lab.rules_names import check_host, is_label
from .._lab.rules_network import parse_network
from .._lab.specs import Options, Values, check, parse_options
from . import model, parse_interfaces, spans
from .model import Host, Segment, Service

KEY = parse_interfaces.KEY
# What names in flows mean besides segments and services.
_RESERVED_SEGMENTS = (model.PODS, model.NODES, model.CONTROLLERS, model.INTERNET)
RESERVED_SERVICES = (
    model.SSH,
    model.KUBERNETES_API,
    model.DNS,
    model.KUBELET,
    model.INTERNET,
    model.NODES,
    model.FORWARDERS,
    model.NAME_SERVERS,
)
_SERVICE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")
# Network, broadcast, gateway and one host.
_LONGEST_PREFIX = 30

_SEGMENT = parse_options(
    {
        "vlan": {"type": "int", "required": True},
        "prefix": {"type": "str", "required": True},
        "purpose": {"type": "str", "required": True, "choices": model.PURPOSES},
        "gateway": {"type": "str"},
        "mtu": {"type": "int", "default": 1500},
        "pool": {"type": "str"},
        "dhcp": {"type": "str"},
    }
)
_HOST = parse_options(
    {
        "addresses": {"type": "dict", "required": True},
        "router": {"type": "bool", "default": False},
        "dns": {"type": "bool", "default": False},
        **parse_interfaces.OPTIONS,
    }
)
_SERVICE = parse_options(
    {
        "segment": {"type": "str"},
        "addresses": {"type": "list", "elements": "str"},
        "hosts": {"type": "list", "elements": "str"},
        "ports": {"type": "list", "elements": "str", "required": True},
    }
)


def parse_segments(given: Values, findings: Findings) -> dict[str, Segment]:
    """Return the sound segments by name."""
    segments = {}
    for name, entry in _entries("segments", given.get("segments", {}), _SEGMENT, findings):
        key = f"{KEY}.segments.{name}"
        if not is_label(name):
            findings.add(key, name, "the name is not a DNS label (RFC 1123)", 'Write, for example, "users"')
        elif name in _RESERVED_SEGMENTS:
            findings.add(key, name, f'"{name}" has a meaning of its own in flows', "Give the segment another name")
        else:
            segment = _segment(key, name, entry, findings)
            if segment is not None:
                segments[name] = segment
    return segments


def _segment(key: str, name: str, entry: Values, findings: Findings) -> Segment | None:
    prefix = _prefix(f"{key}.prefix", entry.get("prefix"), findings)
    vlan, mtu = entry.get("vlan"), entry.get("mtu")
    if vlan is not None and not 1 <= vlan <= 4094:
        findings.add(f"{key}.vlan", vlan, "VLAN ids are 1 to 4094 (IEEE 802.1Q)", "Use the id your switch has")
    if mtu is not None and not MTU[0] <= mtu <= MTU[1]:
        reason = f"an MTU is {MTU[0]} to {MTU[1]} bytes"
        findings.add(f"{key}.mtu", mtu, reason, "Use 1500, or what every device of the VLAN is set to")
    if prefix is None:
        return None
    gateway = prefix[1]
    if "gateway" in entry:
        given = parse_address(f"{key}.gateway", entry["gateway"], findings)
        if given is None or not check_inside(f"{key}.gateway", given, name, prefix, findings):
            return None
        gateway = given
    if vlan is None or mtu is None or "purpose" not in entry:
        return None
    pool = _range(f"{key}.pool", entry.get("pool"), name, prefix, findings)
    dhcp = _range(f"{key}.dhcp", entry.get("dhcp"), name, prefix, findings)
    return Segment(name, vlan, prefix, entry["purpose"], gateway, mtu, pool, dhcp)


def _prefix(key: str, text: str | None, findings: Findings) -> IPv4Network | None:
    if text is None:
        return None
    network = parse_network(key, text, "192.168.50.0/24", findings)
    if network is not None and network.prefixlen > _LONGEST_PREFIX:
        reason = "it has no room for a gateway and a host"
        findings.add(key, text, reason, f"Choose a prefix length of {_LONGEST_PREFIX} or less, for example /24")
        return None
    return network


def parse_address(key: str, text: str, findings: Findings) -> IPv4Address | None:
    """Return one IPv4 address, or None when *text* is none."""
    try:
        return IPv4Address(text)
    except ValueError:
        cause = "IPv6 is not supported yet" if ":" in text else "it is not an IPv4 address"
        findings.add(key, text, cause, "Write one address without a prefix length, for example 192.168.50.11")
        return None


def check_inside(key: str, address: IPv4Address, segment: str, prefix: IPv4Network, findings: Findings) -> bool:
    """Tell whether a machine of *segment* may have *address*."""
    usable = f"{prefix[1]} to {prefix[-2]}"
    if address not in prefix:
        reason = f'it lies outside the prefix {prefix} of segment "{segment}"'
        findings.add(key, str(address), reason, f"Choose one from {usable}, or correct the prefix")
        return False
    if address in (prefix[0], prefix[-1]):
        what = "network" if address == prefix[0] else "broadcast"
        findings.add(key, str(address), f'it is the {what} address of segment "{segment}"', f"Choose one from {usable}")
        return False
    return True


def _range(key: str, text: str | None, segment: str, prefix: IPv4Network, findings: Findings) -> spans.Span | None:
    if text is None:
        return None
    example = f"Write FIRST-LAST, for example {prefix[1]}-{prefix[-2]}"
    try:
        span = spans.parse_span(text)
    except ValueError as error:
        findings.add(key, text, f"it is not a range of IPv4 addresses ({error})", example)
        return None
    ends = [IPv4Address(end) for end in span]
    for end in ends:
        if end not in prefix or end in (prefix[0], prefix[-1]):
            reason = f'it leaves the usable addresses of segment "{segment}" ({prefix[1]} to {prefix[-2]})'
            findings.add(key, text, reason, "Shorten it, or correct the prefix")
            return None
    return span


def parse_hosts(
    given: Values, segments: t.Mapping[str, Segment], nodes: t.Mapping[str, Values], domain: str, findings: Findings
) -> dict[str, Host]:
    """Return the sound hosts by name: those given, then the nodes nobody gave.

    *nodes* has the sound entries of homelab_nodes by name. *segments* are the sound segments only: an address in any
    other is left out.
    """
    cluster = next((name for name, segment in segments.items() if segment.purpose == model.CLUSTER), None)
    hosts = {}
    for name, entry in _entries("hosts", given.get("hosts", {}), _HOST, findings):
        key = f"{KEY}.hosts.{name}"
        if name not in nodes:
            check_host(key, name, domain, findings)
        addresses = _addresses(key, entry.get("addresses", {}), given, segments, findings)
        node = nodes.get(name)
        if node:
            _check_node(key, node, addresses, cluster, entry, findings)
        places = {segment: segments[segment] for segment in addresses}
        connection = parse_interfaces.parse_connection(key, entry, places, findings)
        hosts[name] = Host(
            name=name,
            addresses=addresses,
            role=node["role"] if node else "",
            router=entry.get("router", False) and not node,
            dns=entry.get("dns", False),
            home=cluster if node and cluster else next(iter(addresses), ""),
            **connection,
        )
    if cluster:
        for name, node in nodes.items():
            if name not in hosts:
                hosts[name] = Host(name, {cluster: IPv4Address(node["address"])}, node["role"], home=cluster)
    return hosts


def _addresses(
    key: str, given: Values, network: Values, segments: t.Mapping[str, Segment], findings: Findings
) -> dict[str, IPv4Address]:
    addresses = {}
    for segment, text in given.items():
        where = f"{key}.addresses.{segment}"
        if segment not in network.get("segments", {}):
            _unknown_segment(where, str(segment), network.get("segments", {}), findings)
        elif not isinstance(text, str):
            findings.add(where, text, "it must be text", "Write one IPv4 address")
        else:
            address = parse_address(where, text, findings)
            place = segments.get(segment)
            if address and place and check_inside(where, address, segment, place.prefix, findings):
                addresses[segment] = address
    if not given:
        findings.add(f"{key}.addresses", given, "the host has no address", "Write SEGMENT: ADDRESS")
    return addresses


def _unknown_segment(key: str, name: str, segments: Values, findings: Findings) -> None:
    hint = did_you_mean(name, segments)
    findings.add(key, name, "there is no such segment", f"{hint}Use one of {', '.join(segments)}")


def _check_node(
    key: str,
    node: Values,
    addresses: t.Mapping[str, IPv4Address],
    cluster: str | None,
    entry: Values,
    findings: Findings,
) -> None:
    if entry.get("router"):
        reason = "it is a node of the cluster, and a node forwards for its pods only"
        findings.add(f"{key}.router", True, reason, "Let another machine route, or take the node out of homelab_nodes")
    if cluster is None:
        return
    if cluster not in entry.get("addresses", {}):
        reason = f'the node has no address in the cluster\'s segment "{cluster}"'
        findings.add(f"{key}.addresses", entry.get("addresses", {}), reason, f"Add {cluster}: {node['address']}")
    elif cluster in addresses and addresses[cluster] != IPv4Address(node["address"]):
        reason = f'homelab_nodes says "{node["address"]}"'
        findings.add(f"{key}.addresses.{cluster}", str(addresses[cluster]), reason, "Write the same address in both")


def parse_services(
    given: Values, segments: t.Mapping[str, Segment], hosts: t.Mapping[str, Host], findings: Findings
) -> dict[str, Service]:
    """Return the sound services of the user by name; *segments* and *hosts* are the sound ones."""
    services = {}
    for name, entry in _entries("services", given.get("services", {}), _SERVICE, findings):
        key = f"{KEY}.services.{name}"
        if name in RESERVED_SERVICES:
            findings.add(key, name, "the name is taken by a built-in service", "Give the service another name")
        elif not _SERVICE_NAME.fullmatch(name):
            reason = "the name is not made of lower-case letters, digits, inner hyphens and underscores (at most 63)"
            findings.add(key, name, reason, 'Write, for example, "ingress"')
        addresses = _service_addresses(key, entry, given, segments, hosts, findings)
        services[name] = Service(name, addresses, _ports(f"{key}.ports", entry.get("ports"), findings))
    return services


def _service_addresses(
    key: str,
    entry: Values,
    network: Values,
    segments: t.Mapping[str, Segment],
    hosts: t.Mapping[str, Host],
    findings: Findings,
) -> tuple[IPv4Address, ...]:
    if bool(entry.get("addresses")) == bool(entry.get("hosts")):
        reason = "it needs either hosts, or a segment and addresses in it"
        findings.add(key, entry, reason, "Write hosts: [NAME], or segment: NAME and addresses: [ADDRESS]")
        return ()
    if entry.get("hosts"):
        return _addresses_of_hosts(key, entry, hosts, findings)
    if "segment" not in entry:
        findings.add(f"{key}.segment", UNSET, "addresses lie in a segment, and none is named", "Set segment")
        return ()
    name = entry["segment"]
    if name not in network.get("segments", {}):
        _unknown_segment(f"{key}.segment", name, network.get("segments", {}), findings)
        return ()
    found, place = [], segments.get(name)
    for index, text in enumerate(entry["addresses"]):
        where = f"{key}.addresses[{index}]"
        address = parse_address(where, text, findings)
        if address and place and check_inside(where, address, name, place.prefix, findings):
            found.append(address)
            if place.dhcp and spans.meet(place.dhcp, (int(address),) * 2):
                reason = f'it is in the dhcp range {spans.show_range(place.dhcp)} of segment "{name}"'
                findings.add(where, text, reason, "Choose an address outside, or shorten the range")
    return tuple(found)


def _addresses_of_hosts(
    key: str, entry: Values, hosts: t.Mapping[str, Host], findings: Findings
) -> tuple[IPv4Address, ...]:
    found: list[IPv4Address] = []
    if "segment" in entry:
        reason = "it goes with addresses; a service of hosts is at all of their addresses"
        findings.add(f"{key}.segment", entry["segment"], reason, "Remove it")
    for index, name in enumerate(entry["hosts"]):
        if name not in hosts:
            hint = did_you_mean(name, hosts)
            fix = f"{hint}Use one of {', '.join(sorted(hosts))}, or add it to {KEY}.hosts"
            findings.add(f"{key}.hosts[{index}]", name, "there is no such host", fix)
        else:
            found += hosts[name].addresses.values()
    return tuple(found)


def _ports(key: str, ports: list[str] | None, findings: Findings) -> tuple[str, ...]:
    if ports is not None and not ports:
        findings.add(key, ports, "the service has no port", "Write, for example, [tcp/80, tcp/443]")
    for index, text in enumerate(ports or ()):
        try:
            spans.parse_ports(text)
        except ValueError as error:
            findings.add(f"{key}[{index}]", text, str(error), "Write, for example, tcp/443 or udp/5000-5010")
    return tuple(ports or ())


def parse_controllers(given: Values, findings: Findings) -> tuple[spans.Span, ...]:
    """Return the addresses that controllers may come from, besides the management segment."""
    found = []
    for index, text in enumerate(given.get("controllers", ())):
        try:
            found.append(spans.span_of(IPv4Network(text)))
        except ValueError as error:
            fix = "Write, for example, 192.168.10.5 or 10.8.0.0/24"
            reason = f"it is neither an IPv4 address nor a network ({error})"
            findings.add(f"{KEY}.controllers[{index}]", text, reason, fix)
    return tuple(found)


def _entries(
    kind: str, given: t.Mapping[t.Any, t.Any], options: Options, findings: Findings
) -> t.Iterator[tuple[str, Values]]:
    """Yield name and checked keys of each entry of a mapping by free names."""
    for name, entry in given.items():
        key = f"{KEY}.{kind}.{name}"
        if not isinstance(name, str):
            findings.add(key, name, "the name must be text", f'Put it in quotes: "{name}"')
        elif not isinstance(entry, dict):
            keys = ", ".join(options)
            findings.add(key, entry, f"it must be a mapping with the keys {keys}", f"Write {name}: {{...}}")
        else:
            yield name, check(entry, options, findings, f"{key}.")
