# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which segment reaches what, of every pair: as data and as a table. Pure."""

from __future__ import annotations

import typing as t
from ipaddress import IPv4Address, IPv4Network

from . import model, spans
from .evaluate import Json, Judge

ALLOWED, DENIED, PARTLY = "allow", "deny", "partly"
# What stands for the whole internet.
_TO_INTERNET = ("tcp", 443)

Way = tuple[IPv4Address, str, int]
Matrix = dict[str, dict[str, dict[str, dict[str, str]]]]


def matrix(network: Json) -> Matrix:
    """Return for each segment (and pods), each segment and each service there {"verdict", "why"}.

    The verdict is "allow", "deny", or "partly" when it depends on address or port; the last target is the internet.
    """
    judge = Judge(network)
    sources = {name: [judge.member(name)] for name in network["segments"]}
    # To another node than its own, a pod comes with the address of its node.
    nodes = [host["addresses"][host["home"]] for host in network["hosts"].values() if host["node"]]
    pod = IPv4Address(spans.parse_span(network["prefixes"]["pods"])[0] + 1)
    sources[model.PODS] = [pod, *map(IPv4Address, nodes)]
    places = {name: _services_in(network, segment["prefix"]) for name, segment in network["segments"].items()}
    return {name: _row(judge, addresses, places) for name, addresses in sources.items()}


def _services_in(network: Json, prefix: str) -> dict[str, list[Way]]:
    """Return for each service with an address in *prefix* the ways to it: address, protocol and first port."""
    segment = IPv4Network(prefix)
    found = {
        name: [
            (address, protocol, low)
            for address in map(IPv4Address, service["addresses"])
            for protocol, (low, _high) in spans.expand_ports(service["ports"])
            if address in segment
        ]
        for name, service in network["services"].items()
    }
    return {name: ways for name, ways in found.items() if ways}


def _row(
    judge: Judge, sources: list[IPv4Address], places: t.Mapping[str, t.Mapping[str, list[Way]]]
) -> dict[str, dict[str, dict[str, str]]]:
    row = {
        name: {service: _cell(judge, sources, ways) for service, ways in services.items()}
        for name, services in places.items()
    }
    row[model.INTERNET] = {model.INTERNET: _cell(judge, sources, [(judge.stranger(), *_TO_INTERNET)])}
    return row


def _cell(judge: Judge, sources: list[IPv4Address], ways: t.Sequence[Way]) -> dict[str, str]:
    verdicts = [judge.verdict(source, *way) for source in sources for way in ways if source != way[0]]
    found = {verdict.allowed for verdict in verdicts}
    word = PARTLY if len(found) > 1 else ALLOWED if found == {True} else DENIED
    return {"verdict": word, "why": "; ".join(dict.fromkeys(verdict.why for verdict in verdicts))}


def as_text(network: Json) -> str:
    """Return the matrix as a table: the services in each column that each row reaches, * in part, "-" none."""
    rows: Matrix = network["matrix"]
    columns = list(next(iter(rows.values())))
    table = [["from \\ to", *columns]]
    table += [[name, *(_shown(row[column]) for column in columns)] for name, row in rows.items()]
    widths = [max(len(line[index]) for line in table) for index in range(len(table[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in table)


def _shown(cell: dict[str, dict[str, str]]) -> str:
    names = [
        f"{name}*" if entry["verdict"] == PARTLY else name for name, entry in cell.items() if entry["verdict"] != DENIED
    ]
    return " ".join(names) or "-"
