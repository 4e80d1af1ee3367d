# SPDX-License-Identifier: GPL-3.0-or-later
"""What the evaluator says against what really happens to packets, with the rendered tables in the kernel."""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv4Network

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._network.evaluate import Judge

from tests.unit.network.support import Json, compiled, table
from tests.unit.network.wires import Probe, Wires

LB, STRANGER, POD = "192.168.30.200", "203.0.113.5", "10.244.1.5"
NETWORK: Json = {
    "hosts": {
        "gw": {"port": "eth0", "native": "management"},
        "nas": {"addresses": {"services": "192.168.30.5", "users": "192.168.50.5"}},
    },
    "flows": [
        {"from": "users", "to": ["ingress", "dns", "internet"]},
        {"from": "management", "to": ["ssh", "kubernetes_api"]},
        {"from": "iot", "to": "dns"},
        {"from": ["pods", "cluster"], "to": "nfs"},
        {"from": "iot", "to": ["internet", "nfs"], "action": "deny"},
    ],
}
WAYS = [("tcp", 22), ("tcp", 80), ("tcp", 2049), ("tcp", 6443), ("tcp", 10250), ("tcp", 53), ("udp", 53), ("udp", 80)]


@pytest.fixture
def wires() -> t.Iterator[Wires]:
    made = Wires()
    yield made
    made.remove()


def build(wires: Wires, network: Json) -> dict[str, str]:
    """Make the machines of *network*, a stranger in each segment and one outside; return who sends, by address."""
    senders = {}
    segments = {name: IPv4Network(segment["prefix"]) for name, segment in network["segments"].items()}

    def plug(machine: str, segment: str, address: str, interface: str) -> None:
        wires.plug(machine, interface, segment, f"{address}/{segments[segment].prefixlen}")
        senders[address] = machine

    for name, host in network["hosts"].items():
        wires.machine(name)
        for number, (segment, address) in enumerate(host["addresses"].items()):
            tagged = f"eth0.{network['segments'][segment]['vlan']}" if number else "eth0"
            plug(name, segment, address, tagged if host["router"] else f"eth{number}")
        if not host["router"]:
            wires.run(name, "ip", "route", "add", "default", "via", network["segments"][host["home"]]["gateway"])
    for segment, prefix in segments.items():
        name = wires.machine(f"at-{segment}")
        plug(name, segment, str(prefix[77]), "eth0")
        wires.run(name, "ip", "route", "add", "default", "via", network["segments"][segment]["gateway"])
    wires.run("at-services", "ip", "address", "add", f"{LB}/24", "dev", "eth0")
    wires.machine("outside")
    wires.plug("outside", "eth0", "wan", f"{STRANGER}/24")
    wires.plug("gw", "wan0", "wan", "203.0.113.1/24")
    wires.run("outside", "ip", "route", "add", "default", "via", "203.0.113.1")
    wires.machine("pod")
    wires.plug("pod", "eth0", "pods", f"{POD}/24")
    wires.plug("node1", "cni0", "pods", "10.244.1.1/24")
    wires.run("pod", "ip", "route", "add", "default", "via", "10.244.1.1")
    senders |= {STRANGER: "outside", POD: "pod"}
    wires.run("gw", "sysctl", "-qw", "net.ipv4.ip_forward=1")
    for name, host in network["hosts"].items():
        wires.run(name, "nft", "-f", "-", text=table(host))
    return senders


def test_packets_do_as_the_evaluator_says(wires: Wires) -> None:
    network = compiled(NETWORK)
    judge, senders = Judge(network), build(wires, network)
    targets = [address for address in [*senders, LB] if address != POD]
    probes: dict[str, list[Probe]] = {}
    for source, machine in senders.items():
        own = [address for address, name in senders.items() if name == machine]
        reachable = ["192.168.20.11"] if machine == "pod" else [target for target in targets if target not in own]
        probes[source] = [(source, target, *way) for target in reachable for way in WAYS]
    with ThreadPoolExecutor() as pool:
        results = pool.map(lambda source: wires.send(senders[source], probes[source]), senders)
    came = [through for result in results for through in result]
    sent = [probe for source in senders for probe in probes[source]]
    wrong = []
    for probe, through in zip(sent, came, strict=True):
        verdict = judge.verdict(IPv4Address(probe[0]), IPv4Address(probe[1]), probe[2], probe[3])
        if verdict.allowed != through:
            wrong.append(f"{probe}: came through: {through}, expected: {verdict}")
    assert not wrong, "\n".join([f"{len(wrong)} of {len(sent)}", *wrong[:12]])
    assert len(sent) > 1000 and 0.05 < sum(came) / len(sent) < 0.6
