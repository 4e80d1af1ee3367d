# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's segments: a network each, the router between them, and a place in each to look from."""

from __future__ import annotations

import typing as t

from lab import podman, state
from lab.errors import LabError
from lab.machine import NodeSettings
from lab.process import run, succeeds
from lab.state import Lab, Node

# The machine's own filter sees what its bridges carry (net.bridge.bridge-nf-call-iptables), and podman's rules would
# hide the nodes' addresses from other segments.
_RULES = """table ip {table}
delete table ip {table}
table ip {table} {{
  set prefixes {{ type ipv4_addr; flags interval; elements = {{ {prefixes} }}; }}
  chain prerouting {{
    type filter hook prerouting priority raw; policy accept;
    ip saddr @prefixes ip daddr @prefixes notrack
  }}
}}
"""


def table(lab: str) -> str:
    """Return the name of the lab's table in the machine's own filter."""
    return f"homelab-{lab}"


def create(lab: Lab) -> None:
    """Make the networks, and let the machine carry packets between nodes and router unchanged."""
    podman.create_network(lab.name, lab.folder, lab.prefix)
    for name, prefix in _others(lab):
        podman.create_network(lab.name, lab.folder, prefix, name)
    rules = _RULES.format(table=table(lab.name), prefixes=", ".join(lab.segments.values()))
    run(["nft", "-f", "-"], attempted="Preparing this machine for the lab's segments", stdin=rules.encode())


def remove(lab: str) -> None:
    """Take the lab's table out of the machine's filter."""
    succeeds(["nft", "delete", "table", "ip", table(lab)])


def places(lab: Lab, node: Node) -> list[tuple[str, str]]:
    """Return the networks a machine of the lab is on, with its address there; the cluster's first."""
    found = [(podman.network_name(lab.name), node.address)]
    if node.role == state.ROUTER:
        found += [
            (podman.network_name(lab.name, name), state.address(prefix, state.ROUTER_OFFSET))
            for name, prefix in _others(lab)
        ]
    return found


def routes(lab: Lab, node: Node) -> str:
    """Return shell lines that lead a machine to the other segments."""
    if node.role == state.ROUTER:
        return "sysctl -qw net.ipv4.ip_forward=1\n"
    router = state.address(lab.prefix, state.ROUTER_OFFSET)
    return "".join(f"ip route replace {prefix} via {router}\n" for _name, prefix in _others(lab))


def look_from(lab: Lab, segment: str, command: t.Sequence[str], settings: NodeSettings, image: str) -> list[str]:
    """Return *command* as one that runs with the network of a machine in *segment*; made when it is not there."""
    if segment not in lab.segments:
        raise LabError(f"Looking from segment {segment!r}", f"the lab has {', '.join(lab.segments)}", "Name one.")
    name, prefix = podman.name_of(lab.name, f"probe-{segment}"), lab.segments[segment]
    attempted = f"Making a place to look from in {segment}"
    if not succeeds(["podman", "container", "exists", name]):
        network = podman.network_name(lab.name, "" if segment == state.CLUSTER else segment)
        options = [*podman.place(network, state.address(prefix, state.PROBE_OFFSET)), *podman.limits(settings)]
        options += ["--name", name, "--entrypoint", '["sleep", "infinity"]', *podman.labels(lab.name, lab.folder)]
        podman.call("--runtime", settings.runtime, "create", *options, image, attempted=attempted)
    if _told(name, "Status") != "running":
        podman.halt(name)
        podman.call("--runtime", settings.runtime, "start", name, attempted=attempted)
    process = _told(name, "Pid")
    inside = ["nsenter", f"--net=/proc/{process}/ns/net", "--"]
    router = state.address(prefix, state.ROUTER_OFFSET)
    run([*inside, "ip", "route", "replace", "default", "via", router], attempted=attempted)
    return [*inside, *command]


def _told(name: str, what: str) -> str:
    return podman.call("inspect", "--format", f"{{{{.State.{what}}}}}", name, attempted=f"Looking at {name}").strip()


def _others(lab: Lab) -> list[tuple[str, str]]:
    return [(name, lab.segments[name]) for name in state.SEGMENTS]
