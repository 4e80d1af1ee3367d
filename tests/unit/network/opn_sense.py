# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of OPNsense as an import of aliases and rules needs, and a packet's way through what was imported.

What an import accepts is read from OPNsense's own models (src/opnsense/mvc/app in opnsense/core, August 2026):
Firewall/Alias.xml with FieldTypes/AliasNameField.php and AliasContentField.php, Firewall/Filter.xml with Filter.php,
and ArrayField::importRecordSet for the UUIDs.
"""

from __future__ import annotations

import csv
import io
import json
import re
import typing as t
from ipaddress import IPv4Address, IPv4Network

from tests.unit.network.kernel import Packet

Row = dict[str, str]
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_ALIAS_NAME = re.compile(r"[a-zA-Z]|(([_a-zA-Z][a-zA-Z0-9]|[a-zA-Z][_a-zA-Z0-9])[_a-zA-Z0-9]{0,29})")
_ALIAS_FIELDS = {"enabled", "name", "type", "content", "description"}
_OPTIONS = {
    "enabled": {"0", "1"},
    "action": {"pass", "block", "reject"},
    "quick": {"0", "1"},
    "interfacenot": {"0", "1"},
    "direction": {"in", "out", "any"},
    "ipprotocol": {"inet", "inet6", "inet46"},
    "protocol": {"any", "TCP", "UDP", "TCP/UDP"},
    "source_not": {"0", "1"},
    "destination_not": {"0", "1"},
    "log": {"0", "1"},
}
_FREE = {"@uuid", "sequence", "interface", "source_net", "destination_net", "destination_port", "description"}


class OPNsense:
    """A firewall with *interfaces*: identifier by device, and its own *addresses*."""

    def __init__(self, interfaces: dict[str, str], addresses: t.Collection[IPv4Address]) -> None:
        self.interfaces = interfaces
        self.addresses = set(addresses)
        self.aliases: dict[str, Row] = {}
        self.rules: dict[str, Row] = {}

    def import_aliases(self, text: str) -> None:
        """Take what Firewall > Aliases imports; an alias replaces that of its name."""
        for key, entry in json.loads(text)["aliases"]["alias"].items():
            assert _UUID.fullmatch(key), key
            assert set(entry) == _ALIAS_FIELDS and all(isinstance(value, str) for value in entry.values()), entry
            assert _ALIAS_NAME.fullmatch(entry["name"]), entry
            assert entry["type"] in ("network", "port") and 1 <= len(entry["description"]) <= 255, entry
            for line in entry["content"].split("\n"):
                if entry["type"] == "port":
                    ports = [int(port) for port in line.split(":")]
                    assert len(ports) <= 2 and all(1 <= port <= 65535 for port in ports), entry
                else:
                    _covers(line.lstrip("!"), IPv4Address(0))
            self.aliases[entry["name"]] = entry

    def import_rules(self, text: str) -> None:
        """Take what Firewall > Rules imports; a rule replaces that of its UUID, others stay."""
        rows = list(csv.DictReader(io.StringIO(text)))
        for key in ("@uuid", "sequence"):
            assert len({row[key] for row in rows}) == len(rows) > 0
        for row in rows:
            assert set(row) == {*_OPTIONS, *_FREE}, row
            assert _UUID.fullmatch(row["@uuid"]), row
            assert not [key for key, known in _OPTIONS.items() if row[key] not in known], row
            assert 1 <= int(row["sequence"]) <= 999999 and 1 <= len(row["description"]) <= 255, row
            assert row["protocol"] != "any" or not row["destination_port"], row
            assert not row["interface"] or row["interface"] in self.interfaces.values(), row
            assert row["interfacenot"] == "0" or row["interface"], row
            for side in ("source_net", "destination_net"):
                place = row[side]
                assert place in ("any", "(self)") or place in self.aliases or IPv4Network(place), row
            assert not row["destination_port"] or self.aliases[row["destination_port"]]["type"] == "port", row
            self.rules[row["@uuid"]] = row

    def passes(self, packet: Packet) -> bool | None:
        """Tell what the quick rules say to the first packet of a connection; None when they say nothing."""
        # Rules of no interface, of several, or of all but one are floating, and go by their sequence.
        for row in sorted(self.rules.values(), key=lambda row: int(row["sequence"])):
            assert row["quick"] == "1" and row["direction"] == "in" and row["ipprotocol"] == "inet", row
            if row["enabled"] == "1" and self._hits(row, packet):
                return row["action"] == "pass"
        return None

    def _hits(self, row: Row, packet: Packet) -> bool:
        if row["interface"]:
            same = self.interfaces.get(packet.interface) == row["interface"]
            if same == (row["interfacenot"] == "1"):
                return False
        if row["protocol"] not in ("any", packet.protocol.upper()):
            return False
        if row["destination_port"] and not self._port(row["destination_port"], packet.port):
            return False
        return all(
            self._place(row[f"{side}_net"], address) != (row[f"{side}_not"] == "1")
            for side, address in (("source", packet.source), ("destination", packet.target))
        )

    def _port(self, name: str, port: int) -> bool:
        ranges = (line.partition(":") for line in self.aliases[name]["content"].split("\n"))
        return any(int(low) <= port <= int(high or low) for low, _colon, high in ranges)

    def _place(self, name: str, address: IPv4Address) -> bool:
        if name == "any":
            return True
        if name == "(self)":
            return address in self.addresses
        if name not in self.aliases:
            return address in IPv4Network(name)
        lines = self.aliases[name]["content"].split("\n")
        # pf.conf(5), tables: an entry with ! takes what it covers out of the wider ones.
        out = [line[1:] for line in lines if line.startswith("!")]
        return any(_covers(line, address) for line in lines if not line.startswith("!")) and not any(
            _covers(line, address) for line in out
        )


def _covers(entry: str, address: IPv4Address) -> bool:
    first, dash, last = entry.partition("-")
    if dash:
        return IPv4Address(first) <= address <= IPv4Address(last)
    return address in IPv4Network(entry)
