# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks of any number of VLANs, and their router's firewall as a person would write it. Pure.

The first three VLANs are management, cluster and services, the others in turn those of users, of isolated things and of
others. Each that is not isolated has a file server; the management VLAN reaches everything by name.
"""

from __future__ import annotations

import typing as t

Json = dict[str, t.Any]

ADMINS, CLUSTER, SERVICES = "192.168.0.0/24", "192.168.1.0/24", "192.168.2.0/24"
API, NODES, INGRESS, FILES = "192.168.1.11", "192.168.1.11-192.168.1.13", "192.168.2.200", "192.168.2.20"
WEB_PORTS, FILE_PORTS = (80, 443), (445, 2049)


class Flow(t.NamedTuple):
    """What is allowed to one port; without a target it goes to the router itself, at any of its addresses."""

    source: str
    target: str | None
    protocol: str
    port: int


def _purposes(count: int) -> list[tuple[str, str]]:
    """Return name and purpose of each VLAN."""
    kinds = ["management", "cluster", "services", *["users", "isolated", "other"] * count]
    return [(f"net{number}", kind) for number, kind in enumerate(kinds[:count])]


def _servers(count: int) -> list[int]:
    """Return the VLANs that have a file server."""
    return [number for number, (_name, kind) in enumerate(_purposes(count)) if number > 1 and kind != "isolated"]


def plan_input(count: int) -> Json:
    """Return the input of the lab plan: `homelab_network` and the nodes in it."""
    names = _purposes(count)
    segments = {
        name: {"vlan": 10 + number, "prefix": f"192.168.{number}.0/24", "purpose": kind}
        for number, (name, kind) in enumerate(names)
    }
    router = {name: f"192.168.{number}.1" for number, (name, _kind) in enumerate(names)}
    hosts: Json = {"gw": {"router": True, "dns": True, "addresses": router}}
    services: Json = {"ingress": {"segment": "net2", "addresses": [INGRESS], "ports": ["tcp/80", "tcp/443"]}}
    for number in _servers(count):
        hosts[f"server{number}"] = {"addresses": {f"net{number}": f"192.168.{number}.20"}}
        services[f"files{number}"] = {"hosts": [f"server{number}"], "ports": ["tcp/445", "tcp/2049"]}
    flows: list[Json] = [
        {"from": "net0", "to": ["ssh", "kubernetes_api", *services]},
        {"from": "pods", "to": "files2"},
    ]
    for name, kind in names:
        if kind == "users":
            flows.append({"from": name, "to": ["ingress", "dns", "internet", "files2"]})
        elif kind == "isolated":
            flows.append({"from": name, "to": "dns"})
        elif kind == "other":
            flows.append({"from": name, "to": ["ingress", "dns"]})
            flows.append({"from": name, "to": "kubernetes_api", "action": "deny"})
    nodes = [{"name": f"node{number}", "address": f"192.168.1.{10 + number}", "role": "worker"} for number in (1, 2, 3)]
    nodes[0]["role"] = "control_plane"
    network = {"segments": segments, "hosts": hosts, "services": services, "flows": flows}
    return {"homelab_node_prefix": CLUSTER, "homelab_nodes": nodes, "homelab_network": network}


def flows_of(count: int) -> tuple[list[Flow], list[Flow], list[str]]:
    """Return what is allowed, what is promised never to be, and the VLANs that reach the internet."""
    servers = [f"192.168.{number}.20" for number in _servers(count)]
    ssh = [None, *(f"192.168.1.{number}" for number in (11, 12, 13)), *servers]
    allowed = [Flow(ADMINS, target, "tcp", 22) for target in ssh]
    allowed.append(Flow(ADMINS, API, "tcp", 6443))
    allowed += [Flow(ADMINS, INGRESS, "tcp", port) for port in WEB_PORTS]
    allowed += [Flow(ADMINS, server, "tcp", port) for server in servers for port in FILE_PORTS]
    allowed += [Flow(NODES, FILES, "tcp", port) for port in FILE_PORTS]
    allowed += [Flow(NODES, None, protocol, 53) for protocol in ("tcp", "udp")]
    promised, internet = [], []
    for number, (_name, kind) in enumerate(_purposes(count)):
        prefix = f"192.168.{number}.0/24"
        if kind in ("users", "isolated", "other"):
            allowed += [Flow(prefix, None, protocol, 53) for protocol in ("tcp", "udp")]
        if kind in ("users", "other"):
            allowed += [Flow(prefix, INGRESS, "tcp", port) for port in WEB_PORTS]
        if kind == "users":
            allowed += [Flow(prefix, FILES, "tcp", port) for port in FILE_PORTS]
            internet.append(prefix)
        if kind == "other":
            promised.append(Flow(prefix, API, "tcp", 6443))
    return allowed, promised, internet


STATES = "ct state vmap { established : accept, related : accept, invalid : drop }"


def by_hand(count: int) -> str:
    """Return the body of the least table that gives the same verdicts: a set for each kind of question."""
    allowed, promised, internet = flows_of(count)
    here = [f"{flow.source} . {flow.protocol} . {flow.port}" for flow in allowed if flow.target is None]
    way = "ip saddr . ip daddr . meta l4proto . th dport"
    blocks = [
        _set("here", "typeof ip saddr . meta l4proto . th dport", here),
        _set("through", f"typeof {way}", [_concatenated(flow) for flow in allowed if flow.target]),
        _set("promised", f"typeof {way}", [_concatenated(flow) for flow in promised]),
        _set("internet", "type ipv4_addr", internet),
        _set("inside", "type ipv4_addr", _inside(count)),
        _chain("input", ['iif "lo" accept', "ip saddr . meta l4proto . th dport @here accept"]),
        _chain(
            "forward",
            [f"{way} @promised drop", f"{way} @through accept", "ip saddr @internet ip daddr != @inside accept"],
        ),
    ]
    return "\n".join(blocks) + "\n"


def one_at_a_time(count: int, table: str) -> list[str]:
    """Return what is said to nft for the same verdicts in plain rules, each in a process of its own."""
    allowed, promised, internet = flows_of(count)
    commands = [f"add table {table}"]
    for chain in ("input", "forward"):
        hook = f"{{ type filter hook {chain} priority filter; policy drop; }}"
        commands += [f"add chain {table} {chain} {hook}", f"add rule {table} {chain} {STATES}"]
    commands.append(f'add rule {table} input iif "lo" accept')
    commands += [f"add rule {table} {_plain(flow)} drop" for flow in promised]
    commands += [f"add rule {table} {_plain(flow)} accept" for flow in allowed]
    inside = f"{{ {', '.join(_inside(count))} }}"
    commands += [f"add rule {table} forward ip saddr {source} ip daddr != {inside} accept" for source in internet]
    return commands


def _plain(flow: Flow) -> str:
    target = f" ip daddr {flow.target}" if flow.target else ""
    return f"{'forward' if target else 'input'} ip saddr {flow.source}{target} {flow.protocol} dport {flow.port}"


def _concatenated(flow: Flow) -> str:
    return f"{flow.source} . {flow.target} . {flow.protocol} . {flow.port}"


def _inside(count: int) -> list[str]:
    return ["10.96.0.0/16", "10.244.0.0/16", f"192.168.0.0-192.168.{count - 1}.255"]


def _set(name: str, kind: str, elements: t.Sequence[str]) -> str:
    shown = f"elements = {{ {', '.join(elements)} }}\n" if elements else ""
    return f"set {name} {{\n{kind}\nflags interval\n{shown}}}"


def _chain(name: str, statements: t.Sequence[str]) -> str:
    head = f"type filter hook {name} priority filter; policy drop;"
    return f"chain {name} {{\n" + "\n".join([head, STATES, *statements]) + "\n}"
