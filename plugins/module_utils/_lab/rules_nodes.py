# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about nodes: distinct, inside their network, a sound number of control planes, and known to the inventory."""

from __future__ import annotations

import typing as t
from ipaddress import IPv4Address, IPv4Network

from .problems import Findings, did_you_mean
from .specs import Values

_KEY = "homelab_nodes"


def check_nodes(known: Values, prefix: IPv4Network | None, findings: Findings) -> None:
    """Report nodes that collide, lie outside *prefix*, and a number of control planes etcd cannot work well with."""
    if _KEY not in known:
        return
    nodes: list[Values] = known[_KEY]
    _check_duplicates(nodes, "name", findings)
    _check_duplicates(nodes, "address", findings)
    for index, node in enumerate(nodes):
        if "address" in node:
            _check_address(f"{_KEY}[{index}].address", node["address"], prefix, findings)
    if all("role" in node for node in nodes):
        _check_control_planes(nodes, findings)


def pod_nodes(roles: t.Mapping[str, str | None]) -> list[str]:
    """Return where pods of apps run, of nodes by name: on workers, and without any on the control planes."""
    return [name for name, role in roles.items() if role == "worker"] or list(roles)


def check_inventory(known: Values, inventory: frozenset[str], play: frozenset[str], findings: Findings) -> None:
    """Report hosts of the input that the inventory does not have, and hosts of this run that the input does not."""
    if _KEY not in known:
        return
    others = (known.get("homelab_network") or {}).get("hosts", {})
    names = {node["name"] for node in known[_KEY] if "name" in node}
    for name in sorted(name for name in others if isinstance(name, str) and name not in names):
        if name not in inventory:
            hint = did_you_mean(name, inventory - names - set(others))
            fix = f"{hint}Add host {name} to the inventory, or name it as the inventory does"
            findings.add(f"homelab_network.hosts.{name}", name, "the inventory has no such host", fix)
    for index, node in enumerate(known[_KEY]):
        if "name" in node and node["name"] not in inventory:
            hint = did_you_mean(node["name"], inventory - names)
            fix = f"{hint}Add host {node['name']} to the inventory, or name the node as the inventory does"
            findings.add(f"{_KEY}[{index}].name", node["name"], "the inventory has no such host", fix)
    for host in sorted(play - names - set(others)):
        fix = (
            f"Add {host} to {_KEY} with its address and role, or to homelab_network.hosts if it is no node, "
            "or take it out of the hosts this playbook runs on"
        )
        findings.add(_KEY, sorted(names), f"host {host} of this run is not among the nodes", fix)


def _check_duplicates(nodes: t.Sequence[Values], field: str, findings: Findings) -> None:
    first: dict[str, int] = {}
    for index, node in enumerate(nodes):
        if field not in node:
            continue
        value = node[field]
        if value in first:
            reason = f"{_KEY}[{first[value]}] has the same {field}"
            fix = f"Give every node {_article(field)} {field} of its own"
            findings.add(f"{_KEY}[{index}].{field}", value, reason, fix)
        first.setdefault(value, index)


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _check_address(key: str, text: str, prefix: IPv4Network | None, findings: Findings) -> None:
    try:
        address = IPv4Address(text)
    except ValueError:
        cause = "IPv6 is not supported yet" if ":" in text else "it is not an IPv4 address"
        findings.add(key, text, cause, "Write one address without a prefix length, for example 192.168.20.11")
        return
    if prefix is None:
        return
    if address not in prefix:
        fix = "Correct the address, or homelab_node_prefix"
        findings.add(key, text, f'it lies outside homelab_node_prefix "{prefix}"', fix)
    elif prefix.num_addresses > 2 and address in (prefix.network_address, prefix.broadcast_address):
        what = "network" if address == prefix.network_address else "broadcast"
        first, last = prefix.network_address + 1, prefix.broadcast_address - 1
        fix = f"Choose one from {first} to {last}"
        findings.add(key, text, f'it is the {what} address of homelab_node_prefix "{prefix}"', fix)


def _check_control_planes(nodes: t.Sequence[Values], findings: Findings) -> None:
    planes = [node.get("name", "?") for node in nodes if node["role"] == "control_plane"]
    if not planes:
        shown = [node.get("name", "?") for node in nodes]
        findings.add(_KEY, shown, "no node is a control plane", "Set role: control_plane on one node (or on three)")
    elif len(planes) % 2 == 0:
        reason = (
            f"{len(planes)} control planes tolerate no more failures than {len(planes) - 1}, and lose quorum sooner"
        )
        findings.add(_KEY, planes, reason, f"Make it {len(planes) - 1} or {len(planes) + 1} control planes")
