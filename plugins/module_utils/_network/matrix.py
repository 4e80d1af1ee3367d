# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which segment reaches what, of every pair: as data and as a table. Pure."""

from __future__ import annotations

import typing as t
from ipaddress import IPv4Address

from . import model, spans
from .evaluate import Json, Judge, Verdict

ALLOWED, DENIED, PARTLY = "allow", "deny", "partly"
# What stands for the whole internet.
_INTERNET_PROTOCOL, _INTERNET_PORT = "tcp", 443

Matrix = dict[str, dict[str, dict[str, dict[str, str]]]]


def matrix(network: Json) -> Matrix:
    """Return for each segment (and pods), each segment and each service there {"verdict", "why"}.

    The verdict is "allow", "deny", or "partly" when it depends on address or port; the last target is the internet.
    """
    judge = Judge(network)
    sources = {name: judge.member(name) for name in network["segments"]}
    sources[model.PODS] = IPv4Address(spans.parse_span(network["prefixes"]["pods"])[0] + 1)
    return {name: _row(network, judge, source) for name, source in sources.items()}


def _row(network: Json, judge: Judge, source: IPv4Address) -> dict[str, dict[str, dict[str, str]]]:
    row = {}
    for name, segment in network["segments"].items():
        span = spans.parse_span(segment["prefix"])
        row[name] = {
            service: _cell(judge, source, addresses, entry["ports"])
            for service, entry in network["services"].items()
            if (addresses := [text for text in entry["addresses"] if spans.within(spans.parse_span(text), span)])
        }
    verdict = judge.verdict(source, judge.stranger(), _INTERNET_PROTOCOL, _INTERNET_PORT)
    row[model.INTERNET] = {model.INTERNET: _summary([verdict])}
    return row


def _cell(judge: Judge, source: IPv4Address, addresses: list[str], ports: list[str]) -> dict[str, str]:
    return _summary(
        [
            judge.verdict(source, IPv4Address(address), protocol, low)
            for address in addresses
            for protocol, (low, _high) in spans.expand_ports(ports)
        ]
    )


def _summary(verdicts: t.Sequence[Verdict]) -> dict[str, str]:
    found = {verdict.allowed for verdict in verdicts}
    word = PARTLY if len(found) > 1 else ALLOWED if found == {True} else DENIED
    return {"verdict": word, "why": "; ".join(dict.fromkeys(verdict.why for verdict in verdicts))}


def as_text(network: Json) -> str:
    """Return the matrix as a table: what each row reaches of each column; nothing is denied in silence ("-")."""
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
