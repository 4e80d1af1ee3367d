# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces as systemd-networkd reads them: systemd.network(5), systemd.netdev(5). Pure."""

from __future__ import annotations

from .links import BOND, BRIDGE, VLAN, Link, Links
from .model import File

FOLDER = "/etc/systemd/network"
# Sorted before what netplan and cloud-init write: of several files for one interface the first counts.
PREFIX = f"{FOLDER}/10-homelab-"
# Without these, networkd removes the routes and rules that the pod network adds to interfaces of ours.
SETTINGS = "/etc/systemd/networkd.conf.d/homelab.conf"
_HEAD = "# Managed by atarnet.homelab (host_network).\n"
_MODE = "0644"


def render(links: Links) -> dict[str, File]:
    """Return the files by path."""
    files = {SETTINGS: File(f"{_HEAD}[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n", _MODE)}
    for link in links:
        if link.is_made:
            files[f"{PREFIX}{link.name}.netdev"] = File(_HEAD + _netdev(link), _MODE)
        files[f"{PREFIX}{link.name}.network"] = File(_HEAD + _network(links, link), _MODE)
    return files


def _netdev(link: Link) -> str:
    sections = [_section("NetDev", Name=link.name, Kind=link.kind, MTUBytes=link.mtu)]
    if link.kind == VLAN:
        sections.append(_section("VLAN", Id=link.vlan))
    elif link.kind == BOND:
        sections.append(_section("Bond", Mode=link.mode, MIIMonitorSec="100ms"))
    elif link.kind == BRIDGE:
        sections.append(_section("Bridge", STP="no"))
    return "\n".join(sections)


def _network(links: Links, link: Link) -> str:
    owner = links.owner_of(link.name)
    lines = [
        *(["DHCP=ipv4"] if link.dhcp else []),
        # IPv6 neighbours are found by it; what has no address of its own needs none.
        f"LinkLocalAddressing={'ipv6' if link.is_addressed else 'no'}",
        "IPv6AcceptRA=no",
        *(f"Address={address}" for address in link.addresses),
        *(f"Gateway={gateway}" for gateway in link.gateways),
        *(f"DNS={resolver}" for resolver in link.resolvers),
        *([f"Domains={link.domain}"] if link.domain else []),
        *([f"{'Bond' if owner.kind == BOND else 'Bridge'}={owner.name}"] if owner else []),
        *(f"VLAN={vlan.name}" for vlan in links.on(link.name)),
    ]
    waits = {} if link.is_addressed else {"RequiredForOnline": "enslaved" if owner else "carrier"}
    sections = [
        _section("Match", Name=link.name),
        _section("Link", MTUBytes=link.mtu, **waits),
        "[Network]\n" + "".join(f"{line}\n" for line in lines),
        *(_section("Route", Destination=route.to, Gateway=route.via) for route in link.routes),
    ]
    return "\n".join(sections)


def _section(name: str, **settings: object) -> str:
    return f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in settings.items())
