# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiler: from the checked network to plan["network"], which every role and the evaluator read. Pure."""

from __future__ import annotations

import typing as t

from . import matrix, model, nftables, policies, spans
from .flows import Rule, expand
from .interfaces import interfaces
from .model import Host, Network, Segment
from .zones import compile_dns

Json = dict[str, t.Any]


def compile_network(network: Network) -> Json:
    """Return plan["network"]: JSON-able, the same for the same input, sorted as the input is."""
    rules = expand(network)
    compiled = facts(network, rules)
    for name, host in network.hosts.items():
        compiled["hosts"][name]["firewall"] = nftables.render(network, rules, host)
        compiled["hosts"][name]["interfaces"] = interfaces(network, rules, host)
    compiled["router"] = next((name for name, host in network.hosts.items() if host.router), "")
    compiled["matrix"] = matrix.matrix(compiled)
    compiled["pools"] = [_pool(segment, segment.pool) for segment in network.segments.values() if segment.pool]
    compiled["policies"] = policies.policies(compiled)
    compiled["dns"] = compile_dns(network)
    return compiled


def facts(network: Network, rules: t.Sequence[Rule]) -> Json:
    """Return the part of the compiled network that packets are judged by."""
    return {
        "prefixes": {"pods": str(network.pod_prefix), "services": str(network.service_prefix)},
        "controllers": [spans.show_span(span) for span in network.controllers],
        "segments": {name: _segment(segment) for name, segment in network.segments.items()},
        "hosts": {name: _host(host) for name, host in network.hosts.items()},
        "services": {
            name: {"addresses": [str(address) for address in service.addresses], "ports": list(service.ports)}
            for name, service in network.services.items()
        },
        "flows": [_flow(rule) for rule in rules],
    }


def _segment(segment: Segment) -> Json:
    return {
        "vlan": segment.vlan,
        "prefix": str(segment.prefix),
        "purpose": segment.purpose,
        "gateway": str(segment.gateway),
        "mtu": segment.mtu,
        "pool": spans.show_range(segment.pool) if segment.pool else None,
        "dhcp": spans.show_range(segment.dhcp) if segment.dhcp else None,
    }


def _host(host: Host) -> Json:
    return {
        "addresses": {name: str(address) for name, address in host.addresses.items()},
        "node": bool(host.role),
        "router": host.router,
        "dns": host.dns,
        "port": host.port,
        "native": host.native,
        "home": host.home,
    }


def _flow(rule: Rule) -> Json:
    internet = rule.target == model.INTERNET
    return {
        "from": rule.source,
        "to": rule.target,
        "ports": list(rule.ports),
        "action": rule.action,
        "why": rule.why,
        "sources": [spans.show_span(span) for span in rule.sources],
        "targets": [] if internet else [spans.show_span(span) for span in rule.targets],
    }


def _pool(segment: Segment, span: spans.Span) -> Json:
    first, last = spans.ends(span)
    return {"name": segment.name, "first": first, "last": last, "segment": segment.name}
