# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces as netplan reads them (https://netplan.readthedocs.io/en/stable/netplan-yaml/). Pure."""

from __future__ import annotations

import json
import re
import typing as t

from .._host.errors import HostError
from .links import BOND, BRIDGE, VLAN, Link, Links
from .model import File

FOLDER = "/etc/netplan"
PATH = f"{FOLDER}/90-homelab.yaml"
_GROUPS = {VLAN: "vlans", BOND: "bonds", BRIDGE: "bridges"}
# The sections whose interfaces are made by netplan, of those that we write.
MADE = tuple(_GROUPS.values())
_SECTIONS = ("ethernets", "wifis", "modems", "tunnels", "dummy-devices", *MADE)
_BLOCKS = "Write it one key a line, as `netplan get` prints it"
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
# What YAML 1.1 would not take as text.
_WORDS = re.compile(r"(?i)(y|n|yes|no|on|off|true|false|null)|[\d._+-]+|\d+e\d+")


def render(links: Links) -> dict[str, File]:
    """Return the files by path."""
    groups: dict[str, t.Any] = {}
    for link in links:
        groups.setdefault(_GROUPS.get(link.kind, "ethernets"), {})[link.name] = _link(link)
    text = _yaml({"network": {"version": 2, **groups}})
    # netplan warns of files that others may read.
    return {PATH: File(f"# Managed by atarnet.homelab (host_network).\n{text}", "0600")}


def interfaces_in(text: str, sections: t.Container[str] = _SECTIONS) -> set[str]:
    """Return the interfaces that a file configures in these *sections*.

    Raises HostError where that cannot be told for sure. netplan's own files, the installer's and cloud-init's
    are in block style; nodes cannot parse any other.
    """
    found: set[str] = set()
    levels: list[tuple[int, str]] = []
    for line in text.splitlines():
        bare = re.sub(r"(^|\s)#.*", "", line).rstrip()
        if not bare:
            continue
        indent = len(bare) - len(bare.lstrip())
        levels = [level for level in levels if level[0] < indent]
        key = re.fullmatch(r"""\s*["']?([^"':]+)["']?:(\s.*)?""", bare)
        if key:
            levels.append((indent, key.group(1)))
            if len(levels) == 3 and levels[0][1] == "network" and levels[1][1] in sections:
                found.add(key.group(1))
        if len(levels) <= 2 and "{" in bare:
            raise HostError("Cannot read a netplan file", f"`{bare.strip()}` is in flow style", _BLOCKS)
    return found


def _link(link: Link) -> dict[str, t.Any]:
    settings: dict[str, t.Any] = {}
    if link.kind == VLAN:
        settings.update(id=link.vlan, link=link.link)
    if link.members:
        settings["interfaces"] = list(link.members)
    if link.kind == BOND:
        settings["parameters"] = {"mode": link.mode, "mii-monitor-interval": 100}
    if link.kind == BRIDGE:
        settings["parameters"] = {"stp": False}
    settings.update({"mtu": link.mtu, "dhcp4": link.dhcp, "accept-ra": False})
    if not link.is_addressed:
        settings["link-local"] = []
    if link.addresses:
        settings["addresses"] = list(link.addresses)
    routes = [{"to": "default", "via": gateway} for gateway in link.gateways]
    routes += [{"to": route.to, "via": route.via} for route in link.routes]
    if routes:
        settings["routes"] = routes
    names = {"search": [link.domain] if link.domain else [], "addresses": list(link.resolvers)}
    if link.resolvers:
        settings["nameservers"] = {key: value for key, value in names.items() if value}
    return settings


def _yaml(value: t.Any, depth: int = 0) -> str:
    """Return mappings in block style; lists and what is in them in flow style, as is short enough here."""
    lines = ""
    for key, inner in value.items():
        pad = "  " * depth
        if isinstance(inner, dict) and inner:
            lines += f"{pad}{_scalar(key)}:\n{_yaml(inner, depth + 1)}"
        else:
            lines += f"{pad}{_scalar(key)}: {_flow(inner)}\n"
    return lines


def _flow(value: t.Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_flow(inner) for inner in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
    return _scalar(value) if isinstance(value, str) else json.dumps(value)


def _scalar(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and not _WORDS.fullmatch(text) else json.dumps(text)
