# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about places: segments, hosts and services against each other. Each sees only what is sound alone."""

from __future__ import annotations

import typing as t
from ipaddress import IPv4Address, IPv4Network

from .._lab.problems import Findings
from . import model, spans
from .model import Host, Segment
from .parse import KEY


def check_segments(
    segments: t.Mapping[str, Segment], others: t.Mapping[str, IPv4Network], complete: bool, findings: Findings
) -> None:
    """Report segments that collide, with each other or with the prefixes of the cluster (*others*, by key).

    Only when *segments* are *complete* is one missing worth a word.
    """
    _check_vlans(segments, findings)
    _check_prefixes(segments, others, findings)
    if complete:
        _check_purposes(segments, others, findings)
    for segment in segments.values():
        _check_ranges(segment, findings)


def _check_vlans(segments: t.Mapping[str, Segment], findings: Findings) -> None:
    first: dict[int, str] = {}
    for segment in segments.values():
        owner = first.setdefault(segment.vlan, segment.name)
        if owner != segment.name:
            key = f"{KEY}.segments.{segment.name}.vlan"
            findings.add(key, segment.vlan, f'segment "{owner}" has the same id', "Give every segment an id of its own")


def _check_prefixes(segments: t.Mapping[str, Segment], others: t.Mapping[str, IPv4Network], findings: Findings) -> None:
    known = {key: network for key, network in others.items() if key != "homelab_node_prefix"}
    for segment in segments.values():
        key = f"{KEY}.segments.{segment.name}.prefix"
        for other, network in known.items():
            if segment.prefix.overlaps(network):
                reason = f"it overlaps {other} {network}, so that a packet for one would be sent to the other"
                findings.add(key, str(segment.prefix), reason, "Choose networks that share no address")
        known[key] = segment.prefix


def _check_purposes(segments: t.Mapping[str, Segment], others: t.Mapping[str, IPv4Network], findings: Findings) -> None:
    for purpose in (model.MANAGEMENT, model.CLUSTER):
        found = [segment for segment in segments.values() if segment.purpose == purpose]
        if len(found) != 1:
            names = [segment.name for segment in found]
            reason = f"{len(found)} segments have the purpose {purpose}, and there must be exactly one"
            findings.add(f"{KEY}.segments", names or sorted(segments), reason, f"Set purpose: {purpose} on one of them")
        elif purpose == model.CLUSTER:
            node_prefix = others.get("homelab_node_prefix")
            if node_prefix and found[0].prefix != node_prefix:
                key = f"{KEY}.segments.{found[0].name}.prefix"
                reason = f'the nodes live there, and homelab_node_prefix is "{node_prefix}"'
                findings.add(key, str(found[0].prefix), reason, "Write the same network in both")
            _check_pools(found[0], segments, findings)


def _check_pools(home: Segment, segments: t.Mapping[str, Segment], findings: Findings) -> None:
    """Report pools where no node lives: nobody would answer for their addresses (ARP, RFC 826), nor back from there."""
    for segment in segments.values():
        if segment.pool and segment is not home:
            key = f"{KEY}.segments.{segment.name}.pool"
            reason = f'the nodes live in segment "{home.name}" and can answer for addresses there only'
            fix = "Move the pool there; a service at one of its addresses is guarded by flows all the same"
            findings.add(key, spans.show_range(segment.pool), reason, fix)


def _check_ranges(segment: Segment, findings: Findings) -> None:
    gateway = int(segment.gateway)
    for field, span in (("pool", segment.pool), ("dhcp", segment.dhcp)):
        if span and spans.meet(span, (gateway, gateway)):
            key = f"{KEY}.segments.{segment.name}.{field}"
            reason = f"the gateway {segment.gateway} is in it"
            findings.add(key, spans.show_range(span), reason, "Begin after the gateway, or set another gateway")
    if segment.pool and segment.dhcp and spans.meet(segment.pool, segment.dhcp):
        key = f"{KEY}.segments.{segment.name}.pool"
        reason = f"it meets the dhcp range {spans.show_range(segment.dhcp)}, and an address would be given out twice"
        findings.add(key, spans.show_range(segment.pool), reason, "Choose ranges that share no address")


def check_hosts(segments: t.Mapping[str, Segment], hosts: t.Mapping[str, Host], findings: Findings) -> None:
    """Report addresses that two machines would have, and a router that is not where the hosts look for it."""
    first: dict[IPv4Address, str] = {}
    for host in hosts.values():
        for name, address in host.addresses.items():
            key = f"{KEY}.hosts.{host.name}.addresses.{name}"
            owner = first.setdefault(address, host.name)
            if owner != host.name:
                reason = f'host "{owner}" has the same address'
                findings.add(key, str(address), reason, "Give every host an address of its own")
            _check_address(key, host, segments[name], address, findings)
    routers = [host for host in hosts.values() if host.router]
    for host in routers[1:]:
        reason = f'host "{routers[0].name}" is the router already'
        findings.add(f"{KEY}.hosts.{host.name}.router", True, reason, "Set router: true on one host only")
    if len(routers) == 1:
        _check_router(routers[0], segments, findings)


def _check_address(key: str, host: Host, segment: Segment, address: IPv4Address, findings: Findings) -> None:
    for field, span in (("pool", segment.pool), ("dhcp range", segment.dhcp)):
        if span and spans.meet(span, (int(address),) * 2):
            reason = f'it is in the {field} {spans.show_range(span)} of segment "{segment.name}"'
            findings.add(key, str(address), reason, f"Choose an address outside, or shorten the {field}")
    if host.router and address != segment.gateway:
        reason = f'the gateway of segment "{segment.name}" is {segment.gateway}, and the router must be there'
        findings.add(key, str(address), reason, "Write the gateway's address, or set gateway in the segment")
    if not host.router and address == segment.gateway:
        reason = f'it is the gateway of segment "{segment.name}"'
        fix = "Choose another address, set gateway in the segment, or set router: true if the host routes"
        findings.add(key, str(address), reason, fix)


def _check_router(host: Host, segments: t.Mapping[str, Segment], findings: Findings) -> None:
    missing = [segment for segment in segments.values() if segment.name not in host.addresses]
    if missing:
        key = f"{KEY}.hosts.{host.name}.addresses"
        reason = f"the router has no address in {', '.join(segment.name for segment in missing)}"
        fix = f"Add {', '.join(f'{segment.name}: {segment.gateway}' for segment in missing)}"
        findings.add(key, {name: str(address) for name, address in host.addresses.items()}, reason, fix)
