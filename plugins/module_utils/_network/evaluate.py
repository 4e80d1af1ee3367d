# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a packet passes, and why, read from a compiled network alone. Pure.

A packet is the first of a connection: what belongs to an allowed connection passes.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from ipaddress import IPv4Address

from . import spans
from .flows import words
from .model import DENY, INTERNET, NODES
from .spans import Span

Json = t.Mapping[str, t.Any]
_OWN_NETWORK = "the cluster's own network"


@dataclass(frozen=True)
class Verdict:
    """Whether the packet passes, and the reason in words."""

    allowed: bool
    why: str


@dataclass(frozen=True)
class _Rule:
    words: str
    allows: bool
    sources: tuple[Span, ...]
    targets: tuple[Span, ...]
    ports: tuple[tuple[str, Span], ...]
    any_port: bool

    def hits(self, source: int, target: int, protocol: str, port: int) -> bool:
        return (
            any(first <= source <= last for first, last in self.sources)
            and any(first <= target <= last for first, last in self.targets)
            and (self.any_port or any(name == protocol and low <= port <= high for name, (low, high) in self.ports))
        )


class Judge:
    """Judges packets by a compiled network: plan["network"]."""

    def __init__(self, network: Json) -> None:
        self._segments = {name: spans.parse_span(segment["prefix"]) for name, segment in network["segments"].items()}
        self._pods = spans.parse_span(network["prefixes"]["pods"])
        self._cluster = (self._pods, spans.parse_span(network["prefixes"]["services"]))
        self._hosts = network["hosts"]
        self._owners = {
            int(IPv4Address(address)): name
            for name, host in self._hosts.items()
            for address in host["addresses"].values()
        }
        self._router = next((name for name, host in self._hosts.items() if host["router"]), None)
        self._peers = {address for address, name in self._owners.items() if self._hosts[name]["node"]}
        internet = tuple(spans.outside([*self._segments.values(), *self._cluster]))
        # Nodes reach each other by a rule of their own, not by the sets of the flows.
        self._rules = [_rule(flow, internet) for flow in network["flows"] if flow["from"] != NODES]
        self._taken = {
            *self._owners,
            *(int(IPv4Address(segment["gateway"])) for segment in network["segments"].values()),
            *(int(IPv4Address(address)) for entry in network["services"].values() for address in entry["addresses"]),
        }
        self._controllers = [spans.parse_span(text) for text in network["controllers"]]

    def member(self, segment: str) -> IPv4Address:
        """Return an address of *segment* that nothing but the segment is known by; the last if there is none."""
        first, last = self._segments[segment]
        for address in range(first + 1, last):
            if address not in self._taken and not any(a <= address <= b for a, b in self._controllers):
                return IPv4Address(address)
        return IPv4Address(last - 1)

    def stranger(self) -> IPv4Address:
        """Return an address of the internet."""
        return IPv4Address(spans.outside([*self._segments.values(), *self._cluster])[0][1])

    def verdict(self, source: IPv4Address, destination: IPv4Address, protocol: str, port: int) -> Verdict:
        """Judge a packet of *protocol* ("tcp" or "udp") to *port*."""
        start, end = int(source), int(destination)
        if self._is_pod(start) and end not in self._peers:
            return self._from_pod(end, protocol, port)
        sender, receiver = self._owners.get(start), self._owners.get(end)
        if sender is not None and sender == receiver:
            return Verdict(True, f"{sender} speaks to itself")
        if start in self._peers and self._is_of_cluster(end):
            return Verdict(True, _OWN_NETWORK)
        steps = []
        wire = self._wire(start, end, sender)
        if self._router is not None and wire != self._segment(start):
            why = f"host {sender} sends it by {wire}, where router {self._router} takes the address for forged"
            return Verdict(False, why)
        if self._crosses(start, end, sender, receiver):
            steps.append(self._by_flows(f"router {self._router}", start, end, protocol, port))
        if receiver is not None:
            steps.append(self._input(receiver, start, end, protocol, port))
        if not steps:
            return Verdict(True, self._unfiltered(start, end, receiver))
        denied = next((step for step in steps if not step.allowed), None)
        return denied or Verdict(True, "; ".join(step.why for step in steps))

    def _is_pod(self, address: int) -> bool:
        return spans.within((address, address), self._pods)

    def _is_of_cluster(self, address: int) -> bool:
        return any(spans.within((address, address), prefix) for prefix in self._cluster)

    def _from_pod(self, end: int, protocol: str, port: int) -> Verdict:
        """Judge a packet of a pod to anything but a node: it leaves with its node's address, whichever that is."""
        if self._is_of_cluster(end):
            return Verdict(True, _OWN_NETWORK)
        segment = self._segment(end)
        verdicts = []
        for host in self._hosts.values():
            if host["node"]:
                address = host["addresses"].get(segment) or host["addresses"][host["home"]]
                verdicts.append(self.verdict(IPv4Address(address), IPv4Address(end), protocol, port))
        verdict = next((verdict for verdict in verdicts if not verdict.allowed), verdicts[0])
        return Verdict(verdict.allowed, f"with the address of its node: {verdict.why}")

    def _segment(self, address: int) -> str | None:
        return next((name for name, (first, last) in self._segments.items() if first <= address <= last), None)

    def _wire(self, start: int, end: int, sender: str | None) -> str | None:
        """Return the segment a packet is put on: a host has one way to each target, whichever address it sends with."""
        if sender is None or sender == self._router:
            return self._segment(start)
        host, target = self._hosts[sender], self._segment(end)
        return target if target in host["addresses"] else host["home"]

    def _crosses(self, start: int, end: int, sender: str | None, receiver: str | None) -> bool:
        """Tell whether the plan's router forwards the packet."""
        if self._router is None or self._router in (sender, receiver) or self._is_pod(start):
            return False
        segment = self._segment(start)
        return segment is None or segment != self._segment(end)

    def _input(self, name: str, start: int, end: int, protocol: str, port: int) -> Verdict:
        host = self._hosts[name]
        segment = self._segment(start)
        way = segment if segment in host["addresses"] else host["home"]
        if not host["router"] and not self._is_pod(start) and way != self._segment(end):
            why = f"host {name} answers by its address in {way}, and takes a sender that comes by another for forged"
            return Verdict(False, why)
        if host["node"] and start in self._peers:
            return Verdict(True, f"host {name}: nodes of the cluster reach each other")
        return self._by_flows(f"host {name}", start, end, protocol, port)

    def _by_flows(self, place: str, start: int, end: int, protocol: str, port: int) -> Verdict:
        hit = next((rule for rule in self._rules if rule.hits(start, end, protocol, port)), None)
        if hit is None:
            return Verdict(False, f"{place}: no flow allows it")
        return Verdict(hit.allows, f"{place}: {hit.words}")

    def _unfiltered(self, start: int, end: int, receiver: str | None) -> str:
        target = f"{IPv4Address(end)} is no host of the plan"
        if self._router is None:
            return f"the plan has no router, and {target}"
        if self._segment(start) == self._segment(end):
            return f"same segment: the router is not passed, and {target}"
        return f"the router sends it itself, and {target}"


def evaluate(network: Json, source: str, destination: str, protocol: str, port: int) -> Verdict:
    """Judge one packet by a compiled network; raises ValueError when an address is none.

    For many packets make one Judge.
    """
    return Judge(network).verdict(IPv4Address(source), IPv4Address(destination), protocol, port)


def _rule(flow: Json, internet: tuple[Span, ...]) -> _Rule:
    targets = internet if flow["to"] == INTERNET else tuple(spans.parse_span(text) for text in flow["targets"])
    return _Rule(
        words=words(flow["from"], flow["to"], flow["action"]),
        allows=flow["action"] != DENY,
        sources=tuple(spans.parse_span(text) for text in flow["sources"]),
        targets=targets,
        ports=tuple(spans.expand_ports(flow["ports"])),
        any_port=spans.ANY in flow["ports"],
    )
