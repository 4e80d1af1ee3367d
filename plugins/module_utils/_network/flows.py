# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What flows mean: each pair of source and target as addresses and ports, the built-in ones first. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from ipaddress import IPv4Address

from . import model, spans
from .model import Network, Service
from .spans import Box, Span

# What the controller needs, and why.
MANAGED = {
    model.SSH: "built-in: the hosts are managed over ssh",
    model.KUBERNETES_API: "built-in: the cluster is managed over its API",
}


@dataclass(frozen=True)
class Rule:
    """One source and one target; *why* tells where it comes from, *key* is the user's flow ("" for a built-in one).

    *targets* are those of the service, or every address outside of the plan.
    """

    source: str
    target: str
    sources: tuple[Span, ...]
    targets: tuple[Span, ...]
    ports: tuple[str, ...]
    action: str
    why: str
    key: str = ""

    @property
    def words(self) -> str:
        """The rule as a person names it."""
        return words(self.source, self.target, self.action)

    def boxes(self) -> list[Box]:
        """Return the packets the rule is about, as far as they have ports."""
        return [
            Box(source, target, protocol, ports)
            for source in self.sources
            for target in self.targets
            for protocol, ports in spans.expand_ports(self.ports)
        ]


def words(source: str, target: str, action: str) -> str:
    """Return "users -> ingress", or "never: iot -> kubernetes_api" for a promise."""
    return f"{'never: ' if action == model.DENY else ''}{source} -> {target}"


def inside(network: Network) -> list[Span]:
    """Return the addresses that are not the internet: segments, pods and Services."""
    prefixes = [segment.prefix for segment in network.segments.values()]
    return [spans.span_of(prefix) for prefix in (*prefixes, network.pod_prefix, network.service_prefix)]


def expand(network: Network) -> list[Rule]:
    """Return every rule of the network: the built-in flows, the user's in the order of the input, the controllers'."""
    own = [rule for flow in network.flows for rule in _of_flow(network, flow)]
    return [*_built_in(network), *own, *_controllers(network)]


def _built_in(network: Network) -> t.Iterator[Rule]:
    nodes = network.nodes
    addresses = _spans(address for node in nodes for address in node.addresses.values())
    pods = (spans.span_of(network.pod_prefix),)
    why = "built-in: nodes of the cluster reach each other"
    yield Rule(model.NODES, model.NODES, addresses, addresses, (spans.ANY,), model.ALLOW, why)
    api = network.services[model.KUBERNETES_API]
    why = "built-in: pods reach the API of their cluster"
    yield Rule(model.PODS, api.name, pods, _spans(api.addresses), api.ports, model.ALLOW, why)
    why = "built-in: pods reach the kubelet of their node"
    yield Rule(model.PODS, model.KUBELET, pods, addresses, model.KUBELET_PORTS, model.ALLOW, why)
    yield from _name_service(network)
    segment = network.segment_for(model.MANAGEMENT)
    given = [flow for flow in network.flows if flow.action == model.ALLOW and {*flow.sources} & {*network.segments}]
    for name in MANAGED:
        if not any(name in flow.targets for flow in given):
            yield _managed(network, name, segment.name, (spans.span_of(segment.prefix),))


def _name_service(network: Network) -> t.Iterator[Rule]:
    """Nodes are told to ask the plan's DNS servers, and these ask on."""
    servers, dns = network.servers, network.services[model.DNS]
    if not servers:
        return
    why = "built-in: nodes and their pods ask the plan's DNS servers"
    for sources, targets in _ways(network, model.PODS, _spans(dns.addresses)):
        yield Rule(model.PODS, dns.name, sources, targets, dns.ports, model.ALLOW, why)
    others = _spans(host.addresses[host.home] for host in servers if not host.role)
    targets = _spans(address for host in servers if host.role for address in host.addresses.values())
    if others and targets:
        why = "built-in: DNS servers ask those on nodes for names of the cluster"
        yield Rule(model.DNS_SERVERS, dns.name, others, targets, dns.ports, model.ALLOW, why)
    sources = _spans(host.addresses[host.home] for host in servers)
    if not network.dns.forwarders:
        why, targets = (
            "built-in: DNS servers without forwarders ask the internet's",
            tuple(spans.outside(inside(network))),
        )
        yield Rule(model.DNS_SERVERS, model.NAME_SERVERS, sources, targets, model.DNS_PORTS, model.ALLOW, why)
    for forwarder in network.dns.forwarders:
        protocols = ("tcp",) if forwarder.tls_name else ("udp", "tcp")
        ports, why = (
            tuple(f"{name}/{forwarder.port}" for name in protocols),
            "built-in: DNS servers ask their forwarders",
        )
        targets = _spans([forwarder.address])
        yield Rule(model.DNS_SERVERS, model.FORWARDERS, sources, targets, ports, model.ALLOW, why)


def _controllers(network: Network) -> t.Iterator[Rule]:
    # The last, so that it takes nothing of a wider flow apart.
    if network.controllers:
        for name in MANAGED:
            yield _managed(network, name, model.CONTROLLERS, tuple(spans.merged(network.controllers)))


def _managed(network: Network, name: str, source: str, sources: tuple[Span, ...]) -> Rule:
    service = network.services[name]
    return Rule(source, name, sources, _spans(service.addresses), service.ports, model.ALLOW, MANAGED[name])


def _of_flow(network: Network, flow: model.Flow) -> t.Iterator[Rule]:
    for source in flow.sources:
        for target in flow.targets:
            targets, ports = _target(network, target)
            for sources, part in _ways(network, source, targets):
                yield Rule(source, target, sources, part, ports, flow.action, flow.key, flow.key)


def _ways(
    network: Network, source: str, targets: tuple[Span, ...]
) -> t.Iterator[tuple[tuple[Span, ...], tuple[Span, ...]]]:
    """Yield by which addresses of *source* which of the *targets* are reached."""
    if source != model.PODS:
        yield (spans.span_of(network.segments[source].prefix),), targets
        return
    # A pod reaches its own node with its own address, and all else with that of its node.
    nodes = _spans(address for node in network.nodes for address in node.addresses.values())
    pods = (spans.span_of(network.pod_prefix),)
    for sources, part in ((pods, spans.common(targets, nodes)), (nodes, spans.common(targets, spans.outside(nodes)))):
        if part:
            yield sources, tuple(part)


def _target(network: Network, name: str) -> tuple[tuple[Span, ...], tuple[str, ...]]:
    if name == model.INTERNET:
        return tuple(spans.outside(inside(network))), (spans.ANY,)
    service: Service = network.services[name]
    return _spans(service.addresses), service.ports


def _spans(addresses: t.Iterable[IPv4Address]) -> tuple[Span, ...]:
    return tuple(spans.merged((int(address), int(address)) for address in addresses))
