# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host is connected, as the user wrote it: its port, what that is made of, and a router's way to the internet."""

from __future__ import annotations

import typing as t
from ipaddress import IPv4Address, IPv4Interface

from .._host_network.links import BOND_MODES, NAME
from .._lab.problems import UNSET, Findings, did_you_mean
from .._lab.specs import Values
from . import model
from .model import Segment, Uplink

KEY = "homelab_network"

OPTIONS = {
    "port": {"type": "str", "default": ""},
    "native": {"type": "str", "default": ""},
    "backend": {"type": "str", "choices": model.BACKENDS},
    "bond": {
        "type": "dict",
        "options": {
            "members": {"type": "list", "elements": "str", "required": True},
            "mode": {"type": "str", "choices": BOND_MODES, "default": BOND_MODES[0]},
        },
    },
    "bridge": {"type": "dict", "options": {"members": {"type": "list", "elements": "str", "required": True}}},
    "uplink": {
        "type": "dict",
        "options": {
            "port": {"type": "str", "required": True},
            "address": {"type": "str"},
            "gateway": {"type": "str"},
        },
    },
}


def interface(port: str, native: str, segment: Segment) -> str:
    """Return the interface a segment comes in by."""
    return port if segment.name == native else f"{port}.{segment.vlan}"


def parse_connection(key: str, entry: Values, segments: t.Mapping[str, Segment], findings: Findings) -> Values:
    """Return the fields of Host that say how it is connected; *segments* are the sound ones it has addresses in."""
    port, native = entry.get("port", ""), entry.get("native", "")
    if native and native not in entry.get("addresses", {}):
        hint = did_you_mean(native, entry.get("addresses", {}))
        reason = "the host has no address in that segment"
        findings.add(f"{key}.native", native, reason, f"{hint}Name the segment that comes in untagged")
    if not port:
        for field in ("native", "backend", "bond", "bridge", "uplink"):
            if entry.get(field):
                reason = "the host has no port"
                findings.add(f"{key}.{field}", entry[field], reason, "Set port to the name of its network interface")
        return {}
    members = _members(key, entry, port, findings)
    names = [port, *members, *(interface(port, native, segment) for segment in segments.values())]
    _check_names(f"{key}.port", names, findings)
    uplink = _uplink(key, entry, names, findings)
    return {
        "port": port,
        "native": native,
        "backend": entry.get("backend", model.BACKENDS[0]),
        "members": members,
        "bond_mode": entry["bond"].get("mode", "") if entry.get("bond") else "",
        "uplink": uplink,
    }


def _check_names(key: str, names: t.Sequence[str], findings: Findings) -> None:
    for name in names:
        if not NAME.fullmatch(name):
            reason = f'"{name}" is no name of an interface: at most 15 letters, digits, ".", "_", "-"'
            findings.add(key, name, reason, "Write it as `ip link` does, for example enp1s0")
            return


def _members(key: str, entry: Values, port: str, findings: Findings) -> tuple[str, ...]:
    bond, bridge = entry.get("bond"), entry.get("bridge")
    if bond and bridge:
        findings.add(f"{key}.bridge", bridge, "the port is a bond already", "Make it one of the two")
    for field, whole in (("bond", bond), ("bridge", bridge)):
        members = (whole or {}).get("members")
        if members is None:
            continue
        where = f"{key}.{field}.members"
        if not members:
            findings.add(where, members, f"a {field} is made of interfaces", "Name at least one")
        for name in members:
            if name == port:
                reason = f"port is the {field} itself"
                findings.add(where, name, reason, f"Give the {field} a name of its own, such as {field[:2]}0")
            elif members.count(name) > 1:
                findings.add(where, name, "it is named twice", "Name each member once")
                break
        return tuple(members)
    return ()


def _uplink(key: str, entry: Values, names: t.Sequence[str], findings: Findings) -> Uplink | None:
    given = entry.get("uplink")
    if not given or "port" not in given:
        return None
    where = f"{key}.uplink"
    if not entry.get("router"):
        findings.add(where, given, "only the router has one", "Set router: true, or remove it")
    if given["port"] in names:
        reason = "the segments come in by it"
        findings.add(f"{where}.port", given["port"], reason, "Name the interface that leads to the internet")
    _check_names(f"{where}.port", [given["port"]], findings)
    if "address" not in given:
        if "gateway" in given:
            reason = "without an address both come by DHCP"
            findings.add(f"{where}.gateway", given["gateway"], reason, "Set address too, or remove it")
        return Uplink(given["port"])
    return _fixed_uplink(where, given, findings)


def _fixed_uplink(where: str, given: Values, findings: Findings) -> Uplink | None:
    try:
        address = IPv4Interface(given["address"])
    except ValueError as error:
        findings.add(f"{where}.address", given["address"], str(error), "Write, for example, 203.0.113.2/30")
        return None
    if "/" not in given["address"]:
        findings.add(f"{where}.address", given["address"], "it has no prefix length", f"Write {given['address']}/24")
        return None
    if "gateway" not in given:
        findings.add(f"{where}.gateway", UNSET, "nothing leads on from the address", "Set it to the provider's router")
        return None
    try:
        gateway = IPv4Address(given["gateway"])
    except ValueError as error:
        findings.add(f"{where}.gateway", given["gateway"], str(error), "Write one address without a prefix length")
        return None
    if gateway not in address.network or gateway == address.ip:
        reason = f"it is no other address of {address.network}"
        findings.add(f"{where}.gateway", str(gateway), reason, "Correct the address, its prefix length, or the gateway")
    return Uplink(given["port"], address, gateway)


def parse_resolvers(given: Values, findings: Findings) -> tuple[IPv4Address, ...]:
    """Return the DNS servers that hosts are told to ask."""
    found = []
    for index, text in enumerate(given.get("resolvers", ())):
        try:
            found.append(IPv4Address(text))
        except ValueError as error:
            findings.add(f"{KEY}.resolvers[{index}]", text, str(error), "Write one IPv4 address, for example 9.9.9.9")
    return tuple(found)
