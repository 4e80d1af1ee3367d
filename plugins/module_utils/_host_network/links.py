# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interfaces wanted of a host, whatever program configures them. Pure."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface, ip_network

from .._host.errors import HostError

Json = dict[str, t.Any]

NETWORKD, NETPLAN = "networkd", "netplan"
PHYSICAL, VLAN, BOND, BRIDGE = "physical", "vlan", "bond", "bridge"
KINDS = (PHYSICAL, VLAN, BOND, BRIDGE)
# systemd.netdev(5), as the kernel's bonding module names them too.
BOND_MODES = (
    "active-backup",
    "802.3ad",
    "balance-rr",
    "balance-xor",
    "broadcast",
    "balance-tlb",
    "balance-alb",
)
# The kernel's IFNAMSIZ, the final NUL not counted.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}")
# RFC 791: what every IPv4 host takes; and jumbo frames.
MTU = (576, 9216)


@dataclass(frozen=True)
class Route:
    """A way to other networks; *to* is a network, *via* an address."""

    to: str
    via: str


@dataclass(frozen=True)
class Link:
    """One interface. *addresses* have prefix lengths, *gateways* are those of the default routes.

    *link* and *vlan* are a VLAN's parent and id, *members* those of a bond or bridge, *mode* a bond's.
    """

    name: str
    kind: str = PHYSICAL
    mtu: int = 1500
    addresses: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    resolvers: tuple[str, ...] = ()
    domain: str = ""
    dhcp: bool = False
    link: str = ""
    vlan: int = 0
    members: tuple[str, ...] = ()
    mode: str = ""

    @property
    def is_made(self) -> bool:
        """Whether it exists only because somebody configured it."""
        return self.kind != PHYSICAL

    @property
    def is_addressed(self) -> bool:
        """Whether it has an address of its own."""
        return bool(self.addresses) or self.dhcp


@dataclass(frozen=True)
class Links:
    """All interfaces that are ours, parents and members before what stands on them.

    *backend* is the program that configures them; *forwarding* whether the host passes packets on; *address* where it
    is reached.
    """

    backend: str
    links: tuple[Link, ...]
    forwarding: bool = False
    address: str = ""

    def __iter__(self) -> t.Iterator[Link]:
        """Yield the interfaces in order."""
        return iter(self.links)

    def owner_of(self, member: str) -> Link | None:
        """Return the bond or bridge that an interface belongs to."""
        return next((link for link in self.links if member in link.members), None)

    def on(self, parent: str) -> list[Link]:
        """Return the VLANs on an interface."""
        return [link for link in self.links if link.kind == VLAN and link.link == parent]


def parse_links(given: t.Mapping[str, t.Any] | None) -> Links | None:
    """Return what the option *interfaces* asks for, None for nothing. Raises HostError naming key, value and fix."""
    if not given or not given.get("links"):
        return None
    links = tuple(_parse(entry, index) for index, entry in enumerate(given["links"]))
    _check_names(links)
    _check_addresses(links)
    address = _reached_at(given.get("address") or "", links)
    return Links(given.get("backend") or NETWORKD, links, bool(given.get("forwarding")), address)


def _reached_at(address: str, links: t.Sequence[Link]) -> str:
    """Return *address*, by default the first one; it has to be an address of the host."""
    found = [text.partition("/")[0] for link in links for text in link.addresses]
    if address and address not in found:
        cause = f"{address!r}: no interface has it"
        raise HostError("Cannot use interfaces.address", cause, f"Use one of {', '.join(found)}")
    return address or next(iter(found), "")


def _refuse(index: int, key: str, value: t.Any, cause: str, fix: str) -> t.NoReturn:
    raise HostError(f"Cannot use interfaces.links[{index}].{key}", f"{value!r}: {cause}", fix)


def _parse(entry: t.Mapping[str, t.Any], index: int) -> Link:
    name, kind = entry["name"], entry.get("kind") or PHYSICAL
    if not NAME.fullmatch(name):
        _refuse(index, "name", name, "it is no name of an interface", "Write it as `ip link` does, for example enp1s0")
    mtu = entry.get("mtu") or 1500
    if not MTU[0] <= mtu <= MTU[1]:
        _refuse(index, "mtu", mtu, f"it is not between {MTU[0]} and {MTU[1]}", "Write 1500, or what the switch has")
    if kind == VLAN and not (entry.get("link") and 1 <= (entry.get("vlan") or 0) <= 4094):
        _refuse(index, "vlan", entry.get("vlan"), "a VLAN has a link and an id from 1 to 4094", "Write both")
    if kind in (BOND, BRIDGE) and not entry.get("members"):
        _refuse(index, "members", entry.get("members"), f"a {kind} has members", "Name its interfaces")
    return Link(
        name=name,
        kind=kind,
        mtu=mtu,
        addresses=tuple(_address(index, text) for text in entry.get("addresses") or ()),
        gateways=tuple(_host(index, "gateways", text) for text in entry.get("gateways") or ()),
        routes=tuple(_route(index, route) for route in entry.get("routes") or ()),
        resolvers=tuple(_host(index, "resolvers", text) for text in entry.get("resolvers") or ()),
        domain=entry.get("domain") or "",
        dhcp=bool(entry.get("dhcp")),
        link=entry.get("link") or "" if kind == VLAN else "",
        vlan=entry.get("vlan") or 0 if kind == VLAN else 0,
        members=tuple(entry.get("members") or ()) if kind in (BOND, BRIDGE) else (),
        mode=(entry.get("mode") or BOND_MODES[0]) if kind == BOND else "",
    )


def _address(index: int, text: str) -> str:
    if "/" not in text:
        _refuse(index, "addresses", text, "it has no prefix length", "Write, for example, 192.168.20.11/24")
    try:
        return str(ip_interface(text))
    except ValueError as error:
        _refuse(index, "addresses", text, str(error), "Write, for example, 192.168.20.11/24")


def _host(index: int, key: str, text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError as error:
        _refuse(index, key, text, str(error), "Write one address without a prefix length")


def _route(index: int, route: t.Mapping[str, str]) -> Route:
    try:
        return Route(str(ip_network(route["to"])), str(ip_address(route["via"])))
    except (KeyError, ValueError) as error:
        _refuse(index, "routes", route, str(error), "Write {to: NETWORK, via: ADDRESS}")


def _check_names(links: t.Sequence[Link]) -> None:
    seen: dict[str, Link] = {}
    for index, link in enumerate(links):
        if link.name in seen:
            _refuse(index, "name", link.name, "there are two interfaces of this name", "Describe each once")
        below = [("link", link.link)] if link.kind == VLAN else [("members", name) for name in link.members]
        for key, name in below:
            if name not in seen:
                _refuse(index, key, name, "no interface before this one has that name", "Describe it, and before this")
            if key == "members" and seen[name].is_addressed:
                _refuse(index, key, name, f"a member of a {link.kind} has no address", "Give it to the whole")
        seen[link.name] = link
    members = [name for link in links for name in link.members]
    for name in members:
        if members.count(name) > 1:
            index = next(number for number, link in enumerate(links) if name in link.members)
            _refuse(index, "members", name, "it belongs to two interfaces", "Name each member once")


def _check_addresses(links: t.Sequence[Link]) -> None:
    """A gateway that is on no network of its interface would make an interface without a way out."""
    for index, link in enumerate(links):
        networks = [_network(text) for text in link.addresses]
        ways = [("gateways", gateway) for gateway in link.gateways] + [("routes", route.via) for route in link.routes]
        for key, way in ways:
            if not link.dhcp and not any(ip_address(way) in network for network in networks):
                cause = f"no address of {link.name} ({', '.join(link.addresses) or 'it has none'}) is in its network"
                _refuse(index, key, way, cause, "Correct the address, its prefix length, or the gateway")


def _network(text: str) -> t.Any:
    interface: IPv4Interface | IPv6Interface = ip_interface(text)
    return interface.network
