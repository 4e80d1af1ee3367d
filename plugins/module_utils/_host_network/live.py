# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen of a host's interfaces, and how that differs from what is wanted. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .links import BOND, BRIDGE, VLAN, Link, Links
from .model import File

Json = dict[str, t.Any]

RESOLVERS = "/etc/resolv.conf"
# The kernel's names of what kinds of interfaces are made by.
MODULES = {VLAN: "8021q", BOND: "bonding", BRIDGE: "bridge"}


@dataclass(frozen=True)
class LiveLink:
    """One interface of the kernel. *addresses* are the global ones, with their seconds to live or None."""

    mtu: int = 1500
    up: bool = True
    kind: str = ""
    link: str = ""
    vlan: int = 0
    mode: str = ""
    master: str = ""
    addresses: t.Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class LiveRoute:
    """A route of the main table, as `ip route` takes it; *to* is a network or "default"."""

    to: str
    via: str
    device: str
    metric: int | None = None
    protocol: str = "boot"


@dataclass(frozen=True)
class Live:
    """The interfaces of a host, and whoever configures them.

    *files* are those that a change writes or removes, by path; what is no regular file is not among them. *ifupdown*
    has the interfaces that it brought up, *missing* the kernel modules that the host does not have, *ipv6* by interface
    the switches of the kernel that a manager of interfaces sets and leaves set.
    """

    links: t.Mapping[str, LiveLink] = field(default_factory=dict)
    routes: tuple[LiveRoute, ...] = ()
    files: t.Mapping[str, File] = field(default_factory=dict)
    networkd_active: bool = False
    networkd_enabled: bool = False
    network_manager: bool = False
    resolved: bool = False
    cloud: bool = False
    netplan: bool = False
    forwarding: bool = False
    ifupdown: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    ipv6: t.Mapping[str, t.Mapping[str, str]] = field(default_factory=dict)

    def routes_on(self, device: str) -> list[LiveRoute]:
        """Return the routes over one interface."""
        return [route for route in self.routes if route.device == device]


def read_links(listing: t.Sequence[Json]) -> dict[str, LiveLink]:
    """Return the interfaces that `ip -j -d address show` lists, by name."""
    return {entry["ifname"]: _read_link(entry) for entry in listing if "ifname" in entry}


def _read_link(entry: Json) -> LiveLink:
    info = entry.get("linkinfo", {})
    data = info.get("info_data", {})
    return LiveLink(
        mtu=entry.get("mtu", 0),
        up="UP" in entry.get("flags", []),
        kind=info.get("info_kind", ""),
        link=entry.get("link", ""),
        vlan=data.get("id", 0) if info.get("info_kind") == VLAN else 0,
        mode=data.get("mode", "") if info.get("info_kind") == BOND else "",
        master=entry.get("master", ""),
        addresses={
            f"{one['local']}/{one['prefixlen']}": one.get("valid_life_time") if one.get("dynamic") else None
            for one in entry.get("addr_info", [])
            if one.get("scope") == "global"
        },
    )


def read_routes(listing: t.Sequence[Json]) -> tuple[LiveRoute, ...]:
    """Return the routes by a gateway that `ip -j route show` lists; all others follow from addresses."""
    return tuple(
        LiveRoute(entry["dst"], entry["gateway"], entry["dev"], entry.get("metric"), entry.get("protocol", "boot"))
        for entry in listing
        if "gateway" in entry and "dev" in entry
    )


def is_other_device(link: Link, now: LiveLink) -> bool:
    """Tell whether an interface has the wanted one's name, and would have to be made anew."""
    if not link.is_made:
        return False
    return (now.kind, now.link, now.vlan, now.mode) != (link.kind, link.link, link.vlan, link.mode)


def lacks(links: Links, link: Link, live: Live) -> list[str]:
    """Return in words what an interface lacks to be as wanted. Addresses and routes of others are not in the way."""
    now = live.links.get(link.name)
    if now is None:
        return ["absent"]
    if is_other_device(link, now):
        return [f"it is another device ({now.kind or 'physical'})"]
    owner = links.owner_of(link.name)
    found = [f"the address {address} is missing" for address in link.addresses if address not in now.addresses]
    if link.dhcp and not any(life is not None for life in now.addresses.values()) and not now.addresses:
        found.append("no address was given by DHCP yet")
    ways = {(route.to, route.via) for route in live.routes_on(link.name)}
    found += [f"the default route by {way} is missing" for way in link.gateways if ("default", way) not in ways]
    found += [f"the route to {route.to} is missing" for route in link.routes if (route.to, route.via) not in ways]
    if not now.up:
        found.append("it is down")
    if now.mtu != link.mtu:
        found.append(f"its mtu is {now.mtu}")
    if owner and now.master != owner.name:
        found.append(f"it does not belong to {owner.name}")
    return found


def leaving(links: Links, live: Live, came_to: str) -> list[str]:
    """Return the fixed addresses on wanted interfaces that are not wanted, as "interface address/length".

    Virtual addresses, which others add for a single host, are theirs, unless the controller came to one.
    """
    return [
        f"{link.name} {address}"
        for link in links
        if link.name in live.links
        for address, life in live.links[link.name].addresses.items()
        if life is None
        and address not in link.addresses
        and (address.partition("/")[0] == came_to or address.partition("/")[2] not in ("32", "128"))
    ]


def remaining(names: t.Iterable[str], live: Live) -> list[str]:
    """Return in words which of what leaving() returned is still there."""
    found = []
    for name, address in (text.split() for text in names):
        if name in live.links and live.links[name].addresses.get(address, 0) is None:
            found.append(f"{name}: the address {address} is still there")
    return found


def lacking(links: Links, live: Live) -> list[str]:
    """Return in words all that is not as wanted yet."""
    found = [f"{link.name}: {', '.join(words)}" for link in links if (words := lacks(links, link, live))]
    return found + (["the host does not forward"] if links.forwarding and not live.forwarding else [])


def describe(link: Link) -> str:
    """Return how an interface is to be, in a few words."""
    words = [*link.addresses, *(["DHCP"] if link.dhcp else []), *(f"via {way}" for way in link.gateways)]
    return ", ".join([*words, f"mtu {link.mtu}"])


def describe_live(name: str, live: Live) -> str:
    """Return how an interface is, in the same words."""
    now = live.links.get(name)
    if now is None:
        return "absent"
    ways = [f"via {route.via}" for route in live.routes_on(name) if route.to == "default"]
    return ", ".join([*now.addresses, *ways, f"mtu {now.mtu}", *([] if now.up else ["down"])])
