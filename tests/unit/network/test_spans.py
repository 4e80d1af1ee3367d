# SPDX-License-Identifier: GPL-3.0-or-later
"""Spans and boxes: what nftables would refuse is made disjoint without losing or adding a packet."""

from __future__ import annotations

import itertools
import random

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._network import spans
from ansible_collections.atarnet.homelab.plugins.module_utils._network.spans import Box, Span


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.0/24", "10.0.0.0/24"),
        ("10.0.0.0-10.0.0.255", "10.0.0.0/24"),
        ("10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"),
        ("10.0.0.7-10.0.0.7", "10.0.0.7"),
    ],
    ids=str,
)
def test_spans_are_shown_the_shortest_way(text: str, shown: str) -> None:
    assert spans.show_span(spans.parse_span(text)) == shown


@pytest.mark.parametrize("text", ["", "x", "10.0.0.1/24", "10.0.0.9-10.0.0.1", "10.0.0.1-", "10.0.0.0/33", "::1"])
def test_spans_refused(text: str) -> None:
    with pytest.raises(ValueError):
        spans.parse_span(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("tcp/80", ("tcp", (80, 80))), ("udp/1-65535", ("udp", (1, 65535)))],
    ids=str,
)
def test_ports(text: str, expected: tuple[str, Span]) -> None:
    assert spans.parse_ports(text) == expected


@pytest.mark.parametrize("text", ["80", "tcp/", "tcp/0", "tcp/9-8", "tcp/65536", "icmp/8", "TCP/80", "tcp/80,81"])
def test_ports_refused(text: str) -> None:
    with pytest.raises(ValueError):
        spans.parse_ports(text)


@pytest.mark.parametrize(
    ("given", "expected"),
    [([], []), ([(5, 6), (1, 2)], [(1, 2), (5, 6)]), ([(1, 2), (3, 4)], [(1, 4)]), ([(1, 9), (2, 3)], [(1, 9)])],
    ids=str,
)
def test_merged(given: list[Span], expected: list[Span]) -> None:
    assert spans.merged(given) == expected


def test_outside() -> None:
    top = 2**32 - 1
    assert spans.outside([]) == [(0, top)]
    assert spans.outside([(5, 9), (10, 12)]) == [(0, 4), (13, top)]
    assert spans.outside([(0, 4), (9, top)]) == [(5, 8)]
    assert spans.outside([(0, top)]) == []


def test_common() -> None:
    assert spans.common([(1, 5), (8, 9)], [(4, 8)]) == [(4, 5), (8, 8)]


@pytest.mark.parametrize("seed", range(20))
def test_disjoint_keeps_every_packet_once(seed: int) -> None:
    """By brute force over a small world: each packet is in exactly one box, with the label of the first it was in."""
    chance = random.Random(seed)

    def span() -> Span:
        first = chance.randrange(6)
        return first, chance.randrange(first, 6)

    given = [(Box(span(), span(), chance.choice(["tcp", "udp"]), span()), str(index)) for index in range(8)]
    made = spans.disjoint(given)
    for source, target, port in itertools.product(range(6), repeat=3):
        for protocol in ("tcp", "udp"):
            packet = Box((source,) * 2, (target,) * 2, protocol, (port,) * 2)
            wanted = [label for box, label in given if spans.boxes_meet(box, packet)][:1]
            assert [label for box, label in made if spans.boxes_meet(box, packet)] == wanted


def test_without() -> None:
    box = Box((0, 9), (5, 5), "tcp", (1, 1))
    assert spans.without([box], [box._replace(protocol="udp")]) == [box]
    assert spans.without([box], [box._replace(source=(2, 3)), box._replace(source=(5, 20))]) == [
        box._replace(source=(0, 1)),
        box._replace(source=(4, 4)),
    ]
    assert spans.without([box], [box._replace(source=(0, 4)), box._replace(source=(5, 9))]) == []
