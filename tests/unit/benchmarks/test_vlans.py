# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmark compares gives the same verdicts: the compiled table, the one by hand, and the plain rules."""

from __future__ import annotations

import itertools
from ipaddress import IPv4Address

import pytest

from benchmarks.support.vlans import by_hand, one_at_a_time, plan_input
from tests.negative.cases import HERE, read_yaml
from tests.unit.network.kernel import Packet, Ruleset
from tests.unit.network.support import compiled_input, table

PORTS = [("tcp", 22), ("tcp", 53), ("udp", 53), ("tcp", 80), ("tcp", 443), ("tcp", 445), ("tcp", 2049), ("tcp", 6443)]


@pytest.mark.parametrize("count", [3, 6])
def test_the_same_verdicts(count: int) -> None:
    compiled = compiled_input({**read_yaml(HERE / "base.yml"), **plan_input(count)})
    ours = Ruleset(table(compiled["hosts"]["gw"]))
    others = [
        Ruleset(f"table inet homelab {{\n{by_hand(count)}}}\n"),
        Ruleset("\n".join(one_at_a_time(count, "inet homelab"))),
    ]
    names = [f"192.168.{number}.{end}" for number in range(count) for end in (1, 11, 20, 200)]
    passed = 0
    for source, target in itertools.product([*names, "203.0.113.5"], repeat=2):
        if source.split(".")[:3] == target.split(".")[:3] or (source.startswith("192.168.") and source.endswith(".1")):
            continue  # is not routed, or comes from the router itself
        chain = "input" if target.startswith("192.168.") and target.endswith(".1") else "forward"
        for protocol, port in [*PORTS, ("udp", 9)]:
            packet = Packet(IPv4Address(source), IPv4Address(target), protocol, port)
            verdict = ours.passes(chain, packet)
            assert [other.passes(chain, packet) for other in others] == [verdict, verdict], packet
            passed += verdict
    assert passed > 5 * count
