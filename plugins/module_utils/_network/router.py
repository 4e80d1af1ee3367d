# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a router that is no machine of the plan passes and drops, for every kind of router alike. Pure.

It is read from a compiled network (plan["network"]) and rendered by the module of the kind.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from . import spans
from .evaluate import Json
from .flows import words
from .model import DENY, INTERNET, NODES
from .spans import Box, Span

# What all our names on the router begin with.
PREFIX = "homelab"
# OPNsense takes 31 characters, of which "homelab_on_tcp_" are gone.
_LONGEST_NAME = 16


@dataclass(frozen=True)
class Group:
    """The packets from any of *sources* to any of *targets*, which all pass or are all dropped.

    Each source has its reason. No *targets* are the internet; *ports* are by protocol, and none is every packet.
    *name* is made of letters, digits and underscores, and the same for the same target in every version of the plan.
    """

    name: str
    allows: bool
    sources: tuple[tuple[Span, str], ...]
    targets: tuple[Span, ...]
    ports: t.Mapping[str, tuple[Span, ...]]
    words: str


def groups(network: Json) -> list[Group]:
    """Return what the flows say about packets between segments, the promises first.

    Flows with the same target are one group, so that rules grow with services, and not with pairs.
    """
    pods = spans.parse_span(network["prefixes"]["pods"])
    found: dict[tuple[t.Any, ...], list[Json]] = {}
    for flow in network["flows"]:
        # Nodes reach each other without the router, and a pod's own address never leaves its node.
        if flow["from"] != NODES and [spans.parse_span(text) for text in flow["sources"]] != [pods]:
            key = (flow["action"] != DENY, flow["to"], tuple(flow["targets"]), tuple(flow["ports"]))
            found.setdefault(key, []).append(flow)
    taken: set[str] = set()
    result = []
    for key in sorted(found, key=lambda key: bool(key[0])):
        allows, target, targets, ports = key
        senders = ", ".join(dict.fromkeys(flow["from"] for flow in found[key]))
        group = Group(
            name=_unique(target if allows else f"never_{target}", taken),
            allows=allows,
            sources=tuple(_sources(found[key])),
            targets=() if target == INTERNET else tuple(spans.parse_span(text) for text in targets),
            ports=_ports(ports),
            words=words(senders, target, found[key][0]["action"]),
        )
        result.append(group)
    return result


def inside(network: Json) -> list[Span]:
    """Return the addresses that are not the internet: segments, pods and Services."""
    prefixes = [segment["prefix"] for segment in network["segments"].values()]
    return spans.merged(spans.parse_span(text) for text in (*prefixes, *network["prefixes"].values()))


def _sources(flows: t.Sequence[Json]) -> t.Iterator[tuple[Span, str]]:
    """Yield spans that do not overlap; where two did, the first keeps the addresses."""
    anywhere = spans.ALL_PORTS
    labelled = (
        (Box(spans.parse_span(text), anywhere, "", anywhere), f"{flow['from']}: {flow['why']}")
        for flow in flows
        for text in flow["sources"]
    )
    for box, label in spans.disjoint(labelled):
        yield box.source, label


def _ports(ports: t.Sequence[str]) -> dict[str, tuple[Span, ...]]:
    found: dict[str, list[Span]] = {}
    for protocol, span in spans.expand_ports(text for text in ports if text != spans.ANY):
        found.setdefault(protocol, []).append(span)
    return {protocol: tuple(spans.merged(each)) for protocol, each in found.items()}


def _unique(text: str, taken: set[str]) -> str:
    base = text.replace("-", "_")
    name, number = base[:_LONGEST_NAME], 1
    while name in taken:
        number += 1
        name = f"{base[: _LONGEST_NAME - len(str(number)) - 1]}_{number}"
    taken.add(name)
    return name
