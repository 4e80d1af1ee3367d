# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's view of a table: loaded into a network namespace of its own, and read back.

`Ruleset` walks what `nft -j` lists, and knows nothing of plans: it is the judge of what is rendered.
"""

from __future__ import annotations

import json
import subprocess
import typing as t
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

Json = dict[str, t.Any]


EPHEMERAL = 50000
"""The source port of every packet, as clients choose it."""


@dataclass(frozen=True)
class Packet:
    """The first packet of a connection, as it comes in; *way_back* tells whether the answer would leave there."""

    source: IPv4Address
    target: IPv4Address
    protocol: str
    port: int
    interface: str = "eth0"
    way_back: bool = True


def load(text: str) -> list[Json]:
    """Load *text* into an empty namespace and return what is then listed; needs root.

    Raises AssertionError with what nft says when it refuses.
    """
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", "nft -f - && nft -j list ruleset"],
        input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stderr}\n{text}"
    entries: list[Json] = json.loads(done.stdout)["nftables"]
    return entries


class Ruleset:
    """What packets meet in one table."""

    def __init__(self, text: str) -> None:
        entries = load(text)
        self.chains = {entry["chain"]["name"]: entry["chain"] for entry in entries if "chain" in entry}
        self.rules: dict[str, list[list[Json]]] = {name: [] for name in self.chains}
        for entry in entries:
            if "rule" in entry:
                self.rules[entry["rule"]["chain"]].append(entry["rule"]["expr"])
        self.sets = {entry["set"]["name"]: entry["set"] for entry in entries if "set" in entry}
        self._elements = {
            name: [_matchers(item) for item in entry.get("elem", ())] for name, entry in self.sets.items()
        }

    def passes(self, chain: str, packet: Packet) -> bool:
        """Tell whether *packet* passes *chain*."""
        for rule in self.rules[chain]:
            verdict = self._walk(rule, packet)
            if verdict:
                return verdict == "accept"
        policy: str = self.chains[chain]["policy"]
        return policy == "accept"

    def _walk(self, rule: list[Json], packet: Packet) -> str | None:
        for statement in rule:
            ((kind, value),) = statement.items()
            if kind in ("accept", "drop"):
                return str(kind)
            if kind == "vmap":
                assert "new" not in [state for state, _verdict in value["data"]["set"]]
                return None
            if kind == "match" and not self._matches(value, packet):
                return None
            if kind == "set":
                return None  # the sender's rate is not over the limit
            assert kind in ("match", "limit", "log", "counter"), statement
        return None

    def _matches(self, match: Json, packet: Packet) -> bool:
        found = _look(match["left"], packet)
        if found is None:
            return False
        right = match["right"]
        if isinstance(right, str) and right.startswith("@"):
            hit = any(
                all(matcher(value) for matcher, value in zip(element, found, strict=True))
                for element in self._elements[right[1:]]
            )
        else:
            listed = right["set"] if isinstance(right, dict) and "set" in right else [right]
            hit = any(_matcher(part)(value) for part in listed for value in found)
        return hit != (match["op"] == "!=")


def _look(left: Json, packet: Packet) -> list[t.Any] | None:
    """Return what a rule looks at in *packet*; None when the packet has no such thing."""
    ((kind, value),) = left.items()
    if kind == "concat":
        parts = [_look(part, packet) for part in value]
        return None if None in parts else [item for part in parts if part for item in part]
    if kind == "meta":
        values: dict[str, t.Any] = {"nfproto": "ipv4", "l4proto": packet.protocol}
        return [values.get(value["key"], packet.interface)]
    if kind == "fib":
        return [packet.way_back]
    if kind == "ct":
        return ["new"] if value["key"] == "state" else [None]
    assert kind == "payload", left
    if value["protocol"] in ("icmp", "icmpv6", "ip6") or value["protocol"] not in ("ip", "th", packet.protocol):
        return None
    known = {"saddr": packet.source, "daddr": packet.target, "dport": packet.port, "sport": EPHEMERAL}
    return [known[value["field"]]]


Matcher = t.Callable[[t.Any], bool]


def _matchers(element: t.Any) -> list[Matcher]:
    value = element["elem"]["val"] if isinstance(element, dict) and "elem" in element else element
    parts = value["concat"] if isinstance(value, dict) and "concat" in value else [value]
    return [_matcher(part) for part in parts]


def _matcher(part: t.Any) -> Matcher:
    if isinstance(part, dict) and "prefix" in part:
        network = IPv4Network(f"{part['prefix']['addr']}/{part['prefix']['len']}")
        return lambda value: value in network
    if isinstance(part, dict):
        first, last = map(_typed, part["range"])
        return lambda value: first <= value <= last
    single = _typed(part)
    return lambda value: bool(value == single)


def _typed(value: t.Any) -> t.Any:
    try:
        return IPv4Address(value) if isinstance(value, str) else value
    except ValueError:
        return value
