# SPDX-License-Identifier: GPL-3.0-or-later
"""The NetworkPolicies of a namespace of apps, judged by what Kubernetes' documentation says of policies."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._network import policies
from ansible_collections.atarnet.homelab.plugins.module_utils._network.evaluate import Judge

from tests.unit.network.support import Json, compiled, compiled_input
from tests.unit.network.test_agreement import PODS, PORTS, STRANGER, World, generated

Way = tuple[str, int]
SERVICES = IPv4Network("10.96.0.0/16")


def leaves(objects: list[Json], target: IPv4Address, way: Way) -> bool:
    """Tell whether a packet of a pod to an address that is no pod's may leave: some policy must allow it.

    The pod is selected by a policy for egress, so that what none allows is denied.
    """
    egress = [item["spec"] for item in objects if "Egress" in item["spec"]["policyTypes"]]
    assert egress and all(spec["podSelector"] == {} for spec in egress)
    return any(
        any(_is_peer(peer, target) for peer in rule["to"]) and _is_port(rule.get("ports"), way)
        for spec in egress
        for rule in spec.get("egress", ())
    )


def _is_peer(peer: Json, target: IPv4Address) -> bool:
    if "ipBlock" not in peer:
        return False
    block = peer["ipBlock"]
    return target in IPv4Network(block["cidr"]) and not any(
        target in IPv4Network(hole) for hole in block.get("except", ())
    )


def _is_port(ports: list[Json] | None, way: Way) -> bool:
    return ports is None or any(
        entry["protocol"].lower() == way[0] and entry["port"] <= way[1] <= entry.get("endPort", entry["port"])
        for entry in ports
    )


def wanted(values: Json, world: World, target: IPv4Address, way: Way) -> bool:
    """Tell whether the input has a flow of pods to a target, read from the input alone."""
    network = values["homelab_network"]
    for flow in network["flows"]:
        if flow["from"] != "pods" or flow.get("action") == "deny":
            continue
        if flow["to"] == "internet":
            hit = world.segment(target) is None and target not in PODS and target not in SERVICES
        else:
            service = network["services"].get(flow["to"], {})
            legs = [world.hosts[name].values() for name in service.get("hosts", ())]
            everyone = [address for own in world.hosts.values() for address in own.values()]
            addresses = {
                "ssh": everyone,
                "dns": list(world.hosts["gw"].values()),
            }.get(flow["to"], [address for own in legs for address in own])
            addresses = [*addresses, *map(IPv4Address, service.get("addresses", ()))]
            ports = {"ssh": ["tcp/22"], "dns": ["udp/53", "tcp/53"]}.get(flow["to"], service.get("ports"))
            hit = target in addresses and any(_covers(port, way) for port in ports)
        if hit:
            return True
    return False


def _covers(port: str, way: Way) -> bool:
    protocol, _slash, numbers = port.partition("/")
    low, _dash, high = numbers.partition("-")
    return protocol == way[0] and int(low) <= way[1] <= int(high or low)


@pytest.mark.parametrize("seed", range(1, 9))
def test_pods_reach_what_their_flows_say(seed: int) -> None:
    values = generated(seed)
    network, world = compiled_input(values), World.of(values)
    targets = [
        *world.targets(values["homelab_network"]["services"]),
        IPv4Address("10.244.7.7"),
        IPv4Address("10.96.0.1"),
    ]
    judge, pod = Judge(network), PODS[777]
    for target in targets:
        for way in PORTS:
            allowed = leaves(network["policies"], target, way)
            assert allowed == wanted(values, world, target, way), (target, way)
            if allowed:
                verdict = judge.verdict(pod, target, *way)
                # A host with two legs is reached at one of them; of that, policies know nothing.
                assert verdict.allowed or "forged" in verdict.why, (target, way, verdict)


def test_generated_networks_have_flows_of_pods() -> None:
    """The comparison above means little without them."""
    flows = [flow for seed in range(1, 9) for flow in generated(seed)["homelab_network"]["flows"]]
    pods = [(flow["to"], flow.get("action", "allow")) for flow in flows if flow["from"] == "pods"]
    assert ("internet", "allow") in pods and len({name for name, action in pods if action == "allow"}) > 4
    assert [action for _name, action in pods if action == "deny"]


def test_the_baseline() -> None:
    found = {item["metadata"]["name"]: item["spec"] for item in compiled({"flows": []})["policies"]}
    assert list(found) == ["homelab-deny", "homelab-dns", "homelab-ingress", "homelab-monitoring"]
    assert found["homelab-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert [(name, "ingress" in spec, "egress" in spec) for name, spec in found.items()] == [
        ("homelab-deny", False, False),
        ("homelab-dns", False, True),
        ("homelab-ingress", True, False),
        ("homelab-monitoring", True, False),
    ]
    namespace = {"matchLabels": {"kubernetes.io/metadata.name": policies.INGRESS_NAMESPACE}}
    assert found["homelab-ingress"]["ingress"] == [{"from": [{"namespaceSelector": namespace}]}]


def test_a_promise_is_named_nowhere() -> None:
    flows = [{"from": "pods", "to": "internet"}, {"from": "pods", "to": "nfs", "action": "deny"}]
    objects = compiled({"flows": flows})["policies"]
    assert leaves(objects, STRANGER, ("tcp", 443)) and not leaves(objects, IPv4Address("192.168.30.5"), ("tcp", 2049))
    assert "nfs" not in str(objects)


def test_ranges_and_reasons() -> None:
    services = {"files": {"hosts": ["node1", "node2", "node3"], "ports": ["tcp/9000-9010"]}}
    (own,) = (
        item
        for item in compiled({"services": services, "flows": [{"from": "pods", "to": "files"}]})["policies"]
        if item["metadata"]["name"] == "homelab-flows"
    )
    assert own["metadata"]["annotations"] == {"kubernetes.io/description": "What flows allow: pods -> files."}
    (rule,) = own["spec"]["egress"]
    assert [peer["ipBlock"]["cidr"] for peer in rule["to"]] == ["192.168.20.11/32", "192.168.20.12/31"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 9000, "endPort": 9010}]
