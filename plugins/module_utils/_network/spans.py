# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of addresses and ports as closed intervals, and the algebra that makes them disjoint. Pure.

nftables refuses sets whose intervals overlap, so what is rendered is made disjoint first.
"""

from __future__ import annotations

import re
import typing as t
from ipaddress import IPv4Address, IPv4Network, summarize_address_range

# First and last address, or port, both included.
Span = tuple[int, int]

PROTOCOLS = ("tcp", "udp")
# Every protocol on every port.
ANY = "any"
ALL_PORTS: Span = (0, 65535)
_ALL_ADDRESSES: Span = (0, 2**32 - 1)
_PORTS = re.compile(r"(?P<protocol>[a-z]+)/(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?")


class Box(t.NamedTuple):
    """Packets by source and target address, protocol and target port."""

    source: Span
    target: Span
    protocol: str
    ports: Span


def span_of(network: IPv4Network) -> Span:
    """Return the addresses of *network*, its first and last included."""
    return int(network.network_address), int(network.broadcast_address)


def parse_span(text: str) -> Span:
    """Return the span of "ADDRESS", "NETWORK/LENGTH" or "ADDRESS-ADDRESS".

    Raises ValueError with the cause when it is none of these, has host bits set, or runs backwards.
    """
    first, dash, last = text.partition("-")
    if not dash:
        return span_of(IPv4Network(text))
    span = int(IPv4Address(first)), int(IPv4Address(last))
    if span[0] > span[1]:
        raise ValueError("the first address is higher than the last")
    return span


def show_span(span: Span) -> str:
    """Return *span* the shortest way nftables reads it: an address, a network or a range."""
    first, last = IPv4Address(span[0]), IPv4Address(span[1])
    networks = list(summarize_address_range(first, last))
    if len(networks) > 1:
        return f"{first}-{last}"
    return str(networks[0]).removesuffix("/32")


def ends(span: Span) -> tuple[str, str]:
    """Return the first and the last address of *span*."""
    return str(IPv4Address(span[0])), str(IPv4Address(span[1]))


def show_range(span: Span) -> str:
    """Return *span* as FIRST-LAST."""
    return "-".join(ends(span))


def parse_ports(text: str) -> tuple[str, Span]:
    """Return protocol and ports of "PROTOCOL/PORT" or "PROTOCOL/FIRST-LAST"; raises ValueError with the cause."""
    match = _PORTS.fullmatch(text)
    if match is None:
        raise ValueError("it is not PROTOCOL/PORT or PROTOCOL/FIRST-LAST")
    if match["protocol"] not in PROTOCOLS:
        raise ValueError(f'the protocol "{match["protocol"]}" is not {" or ".join(PROTOCOLS)}')
    first = int(match["first"])
    last = int(match["last"] or first)
    if not 1 <= first <= last <= ALL_PORTS[1]:
        raise ValueError("ports are 1 to 65535, the first not above the last")
    return match["protocol"], (first, last)


def expand_ports(ports: t.Iterable[str]) -> list[tuple[str, Span]]:
    """Return protocol and ports of each of *ports*; ANY is all of every protocol that has ports."""
    result: list[tuple[str, Span]] = []
    for text in ports:
        result += [(name, ALL_PORTS) for name in PROTOCOLS] if text == ANY else [parse_ports(text)]
    return result


def meet(one: Span, other: Span) -> bool:
    """Tell whether two spans share a value."""
    return one[0] <= other[1] and other[0] <= one[1]


def within(inner: Span, outer: Span) -> bool:
    """Tell whether *outer* has all of *inner*."""
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def merged(spans: t.Iterable[Span]) -> list[Span]:
    """Return the same values in ascending spans that neither overlap nor touch."""
    result: list[Span] = []
    for first, last in sorted(spans):
        if result and first <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(last, result[-1][1]))
        else:
            result.append((first, last))
    return result


def outside(spans: t.Iterable[Span]) -> list[Span]:
    """Return the IPv4 addresses that are in none of *spans*."""
    result, start = [], _ALL_ADDRESSES[0]
    for first, last in merged(spans):
        if start < first:
            result.append((start, first - 1))
        start = last + 1
    if start <= _ALL_ADDRESSES[1]:
        result.append((start, _ALL_ADDRESSES[1]))
    return result


def common(some: t.Iterable[Span], others: t.Iterable[Span]) -> list[Span]:
    """Return the values that are in both, in ascending spans."""
    others = list(others)
    return merged((max(a, c), min(b, d)) for a, b in some for c, d in others if meet((a, b), (c, d)))


def boxes_meet(one: Box, other: Box) -> bool:
    """Tell whether a packet can be in both boxes."""
    return (
        one.protocol == other.protocol
        and meet(one.target, other.target)
        and meet(one.source, other.source)
        and meet(one.ports, other.ports)
    )


def _narrowed(box: Box, field: str, span: Span) -> Box:
    return Box(**{**box._asdict(), field: span})


def subtract(box: Box, hole: Box) -> list[Box]:
    """Return disjoint boxes with the packets of *box* that are not in *hole*."""
    if not boxes_meet(box, hole):
        return [box]
    pieces, rest = [], box
    for field in ("source", "target", "ports"):
        (first, last), (low, high) = getattr(rest, field), getattr(hole, field)
        if first < low:
            pieces.append(_narrowed(rest, field, (first, low - 1)))
        if last > high:
            pieces.append(_narrowed(rest, field, (high + 1, last)))
        rest = _narrowed(rest, field, (max(first, low), min(last, high)))
    return pieces


def without(boxes: t.Iterable[Box], holes: t.Iterable[Box]) -> list[Box]:
    """Return what is left of *boxes* when all *holes* are taken out."""
    left = list(boxes)
    for hole in holes:
        left = [piece for box in left for piece in subtract(box, hole)]
    return left


def disjoint(labelled: t.Iterable[tuple[Box, str]]) -> list[tuple[Box, str]]:
    """Return the same packets in boxes that do not overlap; where two did, the first keeps its label."""
    result: list[tuple[Box, str]] = []
    for box, label in labelled:
        holes = [done for done, _label in result if boxes_meet(box, done)]
        result += [(piece, label) for piece in without([box], holes)]
    return result
