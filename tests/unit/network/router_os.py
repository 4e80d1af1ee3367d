# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of RouterOS as an import of firewall rules needs, and the packets' way through what was imported.

It reads the script as text and knows nothing of plans: it is the judge of what is rendered.
"""

from __future__ import annotations

import re
import typing as t
from ipaddress import IPv4Address, IPv4Network

from tests.unit.network.kernel import Packet

Row = dict[str, str]
_PATHS = (
    "/ip address",
    "/ip firewall filter",
    "/ip firewall address-list",
    "/interface list member",
    "/interface list",
)
_CLOSING = {"[": "]", "{": "}", "(": ")"}


class ScriptError(Exception):
    """What stops an import."""


def _words(text: str, separators: str = " \t") -> list[str]:
    """Split *text* where it is outside of quotes and brackets."""
    words, current, open_brackets, quoted = [], "", [], False
    for character in text:
        if quoted or character == '"':
            quoted = quoted != (character == '"')
        elif character in _CLOSING:
            open_brackets.append(_CLOSING[character])
        elif open_brackets and character == open_brackets[-1]:
            open_brackets.pop()
        elif character in separators and not open_brackets:
            words.append(current)
            current = ""
            continue
        current += character
    assert not quoted and not open_brackets, text
    return [word for word in [*words, current] if word]


class RouterOS:
    """A router with interfaces, and rules of its user."""

    def __init__(self, addresses: dict[str, str], rules: t.Sequence[Row] = ()) -> None:
        """*addresses* are interfaces by ADDRESS/LENGTH; *rules* stand in the filter already."""
        self.tables: dict[str, list[Row]] = {path: [] for path in _PATHS}
        self._last = 0
        self.steps: list[t.Callable[[], None]] = []
        for address, interface in addresses.items():
            self._append("/ip address", {"address": address, "interface": interface})
        for rule in rules:
            self._append("/ip firewall filter", dict(rule))

    def import_(self, script: str, after_each: t.Callable[[], None] = lambda: None) -> None:
        """Run a script line by line; raises ScriptError, what was done before stays."""
        menu = ""
        for line in script.splitlines():
            if line.strip() and not line.startswith("#"):
                menu = self._run(line, menu, {})
                after_each()

    def _append(self, path: str, row: Row, before: str | None = None) -> None:
        self._last += 1
        table = self.tables[path]
        place = next((index for index, other in enumerate(table) if other[".id"] == before), len(table))
        assert before is None or place < len(table), f"no such item: {before}"
        table.insert(place, {**row, ".id": f"*{self._last:X}"})

    def _run(self, statement: str, menu: str, variables: dict[str, str]) -> str:
        """Run one statement; return the menu that the next relative one is in."""
        words = _words(statement.strip())
        if words[0] == ":error":
            raise ScriptError(self._value(words[1], menu, variables))
        if words[0] == ":if":
            branches = dict(word.split("=", 1) for word in words[2:])
            chosen = branches.get("do" if self._holds(words[1], menu, variables) else "else", "{}")
            self._block(chosen, menu, variables)
            return menu
        if words[0] == ":foreach":
            source, body = (word.split("=", 1)[1] for word in words[2:])
            for item in self._value(source, menu, variables):
                self._block(body, menu, {**variables, words[1]: item})
            return menu
        path, rest = self._path(statement.strip(), menu)
        if not rest:
            return path
        self._command(path, _words(rest), variables)
        return menu

    def _block(self, text: str, menu: str, variables: dict[str, str]) -> None:
        for statement in _words(text[1:-1], ";"):
            if statement.strip():
                self._run(statement, menu, variables)

    def _path(self, statement: str, menu: str) -> tuple[str, str]:
        if not statement.startswith("/"):
            assert menu, f"a relative command outside of any menu: {statement}"
            return menu, statement
        path = next(path for path in _PATHS if f"{statement} ".startswith(f"{path} "))
        return path, statement[len(path) :].strip()

    def _command(self, path: str, words: list[str], variables: dict[str, str]) -> t.Any:
        verb, arguments = words[0], words[1:]
        if verb == "find":
            assert arguments[:1] == ["where"], words
            return [row[".id"] for row in self.tables[path] if self._matches(row, arguments[1:])]
        if verb == "get":
            (row,) = self._rows(path, self._value(arguments[0], path, variables))
            return row[arguments[1]]
        if verb == "remove":
            gone = self._rows(path, self._value(arguments[0], path, variables))
            assert not [row for row in gone if row.get("dynamic") == "yes"], "a dynamic item cannot be removed"
            self.tables[path] = [row for row in self.tables[path] if row not in gone]
            return None
        if verb == "set":
            for row in self._rows(path, self._value(arguments[0], path, variables)):
                row.update(self._fields(path, arguments[1:], variables))
            return None
        assert verb == "add", words
        row = self._fields(path, arguments, variables)
        before = row.pop("place-before", None)
        self._check(path, row)
        self._append(path, row, before)
        return None

    def _check(self, path: str, row: Row) -> None:
        names = {item["name"] for item in self.tables["/interface list"]}
        if path == "/interface list" and row["name"] in names:
            raise ScriptError("already have such list")
        wanted = [row.get("in-interface-list", "").lstrip("!")]
        if path == "/interface list member":
            wanted.append(row["list"])
        if [name for name in wanted if name and name not in names]:
            raise ScriptError(f"input does not match any value of interface-list: {row}")
        same = ("list", "address") if path == "/ip firewall address-list" else ("list", "interface")
        if same[0] in row and [other for other in self.tables[path] if all(other[key] == row[key] for key in same)]:
            raise ScriptError(f"already have such entry: {row}")
        if path == "/ip firewall filter":
            assert len(re.findall(r"\d+", row.get("dst-port", ""))) <= 15, row

    def _rows(self, path: str, ids: t.Any) -> list[Row]:
        wanted = [ids] if isinstance(ids, str) else ids
        return [row for row in self.tables[path] if row[".id"] in wanted]

    def _fields(self, path: str, words: list[str], variables: dict[str, str]) -> Row:
        return {key: self._value(value, path, variables) for key, value in (word.split("=", 1) for word in words)}

    def _matches(self, row: Row, conditions: list[str]) -> bool:
        for condition in conditions:
            match = re.fullmatch(r"([\w.-]+)(!=|=|~)(.*)", condition)
            assert match, f"no condition: {condition}"
            key, operator, wanted = match.groups()
            found, wanted = row.get(key, "no" if key == "dynamic" else ""), wanted.strip('"')
            hit = bool(re.search(wanted, found)) if operator == "~" else (found == wanted) == (operator == "=")
            if not hit:
                return False
        return True

    def _holds(self, text: str, menu: str, variables: dict[str, str]) -> bool:
        left, operator, right = _words(text[1:-1])
        found = self._value(left, menu, variables)
        return bool(found == int(right) if operator == "=" else found > int(right))

    def _value(self, text: str, menu: str, variables: dict[str, str]) -> t.Any:
        if text.startswith("["):
            words = _words(text[1:-1])
            if words[0] == ":len":
                return len(self._value(words[1], menu, variables))
            if words[0] == ":pick":
                return self._value(words[1], menu, variables)[int(words[2])]
            path, rest = self._path(text[1:-1], menu)
            return self._command(path, _words(rest), variables)
        if text.startswith("$"):
            return variables[text[1:]]
        return text[1:-1] if text.startswith('"') else text

    # The packets' way

    def passes(self, packet: Packet) -> bool:
        """Tell whether the first packet of a connection is passed on; what no rule decides is."""
        return self._walk("forward", packet) != "drop"

    def _walk(self, chain: str, packet: Packet) -> str | None:
        for rule in self.tables["/ip firewall filter"]:
            if rule["chain"] == chain and self._hits(rule, packet):
                verdict: str | None = rule["action"]
                if verdict == "jump":
                    verdict = self._walk(rule["jump-target"], packet)
                if verdict in ("accept", "drop"):
                    return verdict
                assert verdict in (None, "log", "passthrough"), rule
        return None

    def _hits(self, rule: Row, packet: Packet) -> bool:
        for key, value in rule.items():
            if key in ("chain", "action", "jump-target", "comment", "limit", "log-prefix", ".id", "dynamic"):
                continue
            wanted = value.lstrip("!")
            if self._hit(key, wanted, packet) == value.startswith("!"):
                return False
        return True

    def _hit(self, key: str, wanted: str, packet: Packet) -> bool:
        if key == "connection-state":
            return "new" in wanted.split(",")
        if key == "protocol":
            return wanted == packet.protocol
        if key == "dst-port":
            ranges = (part.partition("-") for part in wanted.split(","))
            return any(int(low) <= packet.port <= int(high or low) for low, _dash, high in ranges)
        if key == "in-interface-list":
            return packet.interface in self._interfaces(wanted)
        side, _dash, listed = key.partition("-address")
        address = packet.source if side == "src" else packet.target
        assert key in ("src-address", "dst-address", "src-address-list", "dst-address-list"), key
        if not listed:
            return address in IPv4Network(wanted)
        entries = [row["address"] for row in self.tables["/ip firewall address-list"] if row["list"] == wanted]
        return any(_covers(entry, address) for entry in entries)

    def _interfaces(self, name: str) -> set[str]:
        found = {row["interface"] for row in self.tables["/interface list member"] if row["list"] == name}
        (row,) = (row for row in self.tables["/interface list"] if row["name"] == name)
        return found.union(*(self._interfaces(other) for other in row.get("include", "").split(",") if other))


def _covers(entry: str, address: IPv4Address) -> bool:
    first, dash, last = entry.partition("-")
    if dash:
        return IPv4Address(first) <= address <= IPv4Address(last)
    return address in IPv4Network(entry)
