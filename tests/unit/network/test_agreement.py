# SPDX-License-Identifier: GPL-3.0-or-later
"""What the evaluator says against what the kernel lists of the rendered tables, over generated networks."""

from __future__ import annotations

import random
import typing as t
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.problems import InputError
from ansible_collections.atarnet.homelab.plugins.module_utils._network.evaluate import Judge

from tests.negative.cases import HERE, read_yaml
from tests.unit.network.kernel import Packet, Ruleset
from tests.unit.network.support import Json, compiled_input, parsed, table

PODS = IPv4Network("10.244.0.0/16")
STRANGER = IPv4Address("203.0.113.5")
VPN = IPv4Address("10.8.0.3")
PORTS = [
    *((protocol, port) for protocol in ("tcp", "udp") for port in (22, 53, 8081, 8082, 8085, 9000, 9005, 9010, 9011)),
    ("tcp", 6443), ("tcp", 10250), ("tcp", 1), ("udp", 65535),
]  # fmt: skip


def generated(seed: int, segments: int = 10, ports_known: bool = False) -> Json:
    """Return a whole input: *segments* segments, hosts with one leg and with two, a router, services and flows."""
    chance = random.Random(seed)
    names = ["management", "cluster", *(f"net{number}" for number in range(2, segments))]
    purposes = ["management", "cluster", "isolated", *(["users", "services", "other"] * segments)]
    network: Json = {"controllers": [f"{VPN}/24".replace(".3/", ".0/"), "192.168.3.77"], "segments": {}, "hosts": {}}
    for number, (name, purpose) in enumerate(zip(names, purposes, strict=False)):
        network["segments"][name] = {"vlan": 10 + number, "prefix": f"192.168.{number}.0/24", "purpose": purpose}
    router = {name: f"192.168.{number}.1" for number, name in enumerate(names)}
    network["hosts"]["gw"] = {"router": True, "dns": True, "addresses": router}
    if ports_known:
        network["hosts"]["gw"] |= {"port": "eth0", "native": "management"}
    for number in range(6):
        legs = chance.sample(range(2, segments), chance.choice([1, 1, 2]))
        network["hosts"][f"host{number}"] = {"addresses": {names[leg]: f"192.168.{leg}.{20 + number}" for leg in legs}}
    nodes = [{"name": f"node{number}", "address": f"192.168.1.{10 + number}"} for number in (1, 2, 3)]
    network["hosts"]["node3"] = {"addresses": {"cluster": "192.168.1.13", names[-1]: f"192.168.{segments - 1}.13"}}
    network["services"] = {
        "web": {"segment": names[-1], "addresses": [f"192.168.{segments - 1}.200"], "ports": ["tcp/8081", "udp/8082"]},
        "files": {"hosts": ["host0", "host1"], "ports": ["tcp/9000-9010"]},
        "metrics": {"hosts": ["node1", "node2", "node3", "host2"], "ports": ["tcp/8085"]},
        "mixed": {"segment": names[3], "addresses": ["192.168.3.50", "192.168.3.51"], "ports": ["udp/9005"]},
    }
    base = {
        **read_yaml(HERE / "base.yml"),
        "homelab_node_prefix": "192.168.1.0/24",
        "homelab_nodes": [{**node, "role": "worker" if index else "control_plane"} for index, node in enumerate(nodes)],
        "homelab_network": network,
    }
    network["flows"] = [{"from": "management", "to": "ssh"}]
    targets = [*network["services"], "ssh", "kubernetes_api", "dns", "internet"]
    for _try in range(25):
        flow = {"from": chance.choice([*names, "pods"]), "to": chance.choice(targets)}
        if chance.random() < 0.25:
            flow["action"] = "deny"
        try:
            # What the rules refuse, no run would render.
            parsed({**base, "homelab_network": {**network, "flows": [*network["flows"], flow]}})
        except InputError:
            continue
        network["flows"].append(flow)
    return base


@dataclass(frozen=True)
class World:
    """Who is where, read from the input alone."""

    prefixes: dict[str, IPv4Network]
    hosts: dict[str, dict[str, IPv4Address]]
    nodes: frozenset[str]
    interfaces: dict[str, str]

    @classmethod
    def of(cls, values: Json) -> World:
        """Return the world of an input."""
        network = values["homelab_network"]
        prefixes = {name: IPv4Network(segment["prefix"]) for name, segment in network["segments"].items()}
        hosts = {
            name: {segment: IPv4Address(address) for segment, address in host["addresses"].items()}
            for name, host in network["hosts"].items()
        }
        for node in values["homelab_nodes"]:
            hosts.setdefault(node["name"], {"cluster": IPv4Address(node["address"])})
        interfaces = {
            name: "eth0" if name == "management" else f"eth0.{segment['vlan']}"
            for name, segment in network["segments"].items()
        }
        return cls(prefixes, hosts, frozenset(node["name"] for node in values["homelab_nodes"]), interfaces)

    def segment(self, address: IPv4Address) -> str | None:
        """Return the segment an address lies in."""
        return next((name for name, prefix in self.prefixes.items() if address in prefix), None)

    def owner(self, address: IPv4Address) -> str | None:
        """Return the host that has an address."""
        return next((name for name, legs in self.hosts.items() if address in legs.values()), None)

    def home(self, host: str) -> str:
        """Return the segment of a host's default route."""
        return "cluster" if host in self.nodes else next(iter(self.hosts[host]))

    def passes(
        self, tables: dict[str, Ruleset], source: IPv4Address, target: IPv4Address, way: tuple[str, int]
    ) -> bool:
        """Send a packet along its way: out of its segment through the router, then into the host."""
        sender, receiver = self.owner(source), self.owner(target)
        comes_from, goes_to = self.segment(source), self.segment(target)
        pod = source in PODS
        if sender is not None and sender == receiver:
            return True
        wire = comes_from
        if sender not in (None, "gw"):
            wire = goes_to if goes_to in self.hosts[sender] else self.home(sender)
        if wire != comes_from:
            # The answer would go through the router, which has not seen the question.
            return False
        if "gw" not in (sender, receiver) and not pod and (comes_from is None or comes_from != goes_to):
            interface = self.interfaces[comes_from] if comes_from else "wan0"
            if not tables["gw"].passes("forward", Packet(source, target, *way, interface=interface)):
                return False
        if receiver is None:
            return True
        legs = self.hosts[receiver]
        back = comes_from if comes_from in legs else self.home(receiver)
        right_way = pod or receiver == "gw" or back == goes_to
        return tables[receiver].passes("input", Packet(source, target, *way, way_back=right_way))

    def sources(self) -> t.Iterator[IPv4Address]:
        """Yield a stranger in each segment, every host, a pod, and those from elsewhere."""
        yield from (prefix[99] for prefix in self.prefixes.values())
        yield from (address for legs in self.hosts.values() for address in legs.values())
        yield from (PODS[777], STRANGER, VPN, IPv4Address("192.168.3.77"))

    def targets(self, services: Json) -> list[IPv4Address]:
        """Return every address worth asking for."""
        found = {address for legs in self.hosts.values() for address in legs.values()}
        found |= {IPv4Address(text) for service in services.values() for text in service.get("addresses", ())}
        return sorted(found | {STRANGER} | {prefix[98] for prefix in self.prefixes.values()})


@pytest.mark.parametrize(("seed", "ports_known"), [(1, False), (2, True)], ids=str)
def test_the_evaluator_agrees_with_the_kernels_listing(seed: int, ports_known: bool) -> None:
    """Every source to every target on every port; a pod's way out is that of its node, which is among the sources."""
    values = generated(seed, ports_known=ports_known)
    network = compiled_input(values)
    world, judge = World.of(values), Judge(network)
    tables = {name: Ruleset(table(host)) for name, host in network["hosts"].items()}
    node_addresses = {address for name in world.nodes for address in world.hosts[name].values()}
    wrong, passed, asked = [], 0, 0
    for source in world.sources():
        for target in world.targets(values["homelab_network"]["services"]):
            if source in PODS and target not in node_addresses:
                continue
            for way in PORTS:
                verdict = judge.verdict(source, target, *way)
                asked, passed = asked + 1, passed + verdict.allowed
                if verdict.allowed != world.passes(tables, source, target, way):
                    wrong.append(f"{source} -> {target} {way}: {verdict}")
    assert not wrong, wrong[:5]
    assert asked > 15000 and 0.02 < passed / asked < 0.5
    assert len(values["homelab_network"]["flows"]) > 8


def test_generated_networks_have_promises() -> None:
    """The comparison above means little without them."""
    flows = [flow for seed in (1, 2) for flow in generated(seed)["homelab_network"]["flows"]]
    assert sum(flow.get("action") == "deny" for flow in flows) >= 2
    assert {"pods", "internet"} <= {flow["from"] for flow in flows} | {flow["to"] for flow in flows}
