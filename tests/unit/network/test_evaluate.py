# SPDX-License-Identifier: GPL-3.0-or-later
"""The evaluator: packets, verdicts and reasons."""

from __future__ import annotations

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._network.evaluate import evaluate

from tests.unit.network.support import Json, compiled

USER, IOT, ADMIN, POD, STRANGER = "192.168.50.7", "192.168.40.7", "192.168.10.9", "10.244.1.5", "203.0.113.5"
NODE1, NODE2, NAS, LB, GW = "192.168.20.11", "192.168.20.12", "192.168.30.5", "192.168.30.200", "192.168.20.1"

CASES = {
    "a flow, by the router alone": (USER, LB, "tcp", 443, True, "router gw: users -> ingress"),
    "another port": (USER, LB, "tcp", 8443, False, "router gw: no flow allows it"),
    "another protocol": (USER, LB, "udp", 443, False, "router gw: no flow allows it"),
    "another segment": (IOT, LB, "tcp", 443, False, "router gw: no flow allows it"),
    "the router itself": (IOT, "192.168.40.1", "udp", 53, True, "host gw: iot -> dns"),
    "the router's other address": (IOT, GW, "udp", 53, True, "host gw: iot -> dns"),
    "ssh": (ADMIN, NODE1, "tcp", 22, True, "router gw: management -> ssh; host node1: management -> ssh"),
    "no ssh": (USER, NODE1, "tcp", 22, False, "router gw: no flow allows it"),
    "api": (ADMIN, NODE1, "tcp", 6443, True, "router gw: management -> kubernetes_api; host node1: management"),
    "a worker has no api": (ADMIN, NODE2, "tcp", 6443, False, "router gw: no flow allows it"),
    "nodes": (NODE1, NODE2, "udp", 8472, True, "host node2: nodes of the cluster reach each other"),
    "nobody else in their segment": ("192.168.20.99", NODE2, "tcp", 22, False, "host node2: no flow allows it"),
    "a neighbour that is no host": (USER, "192.168.50.8", "tcp", 9, True, "same segment: the router is not passed"),
    "oneself": (NAS, NAS, "tcp", 9, True, "nas speaks to itself"),
    "pod to api": (POD, NODE1, "tcp", 6443, True, "host node1: pods -> kubernetes_api"),
    "pod to kubelet": (POD, NODE2, "tcp", 10250, True, "host node2: pods -> kubelet"),
    "pod to ssh": (POD, NODE2, "tcp", 22, False, "host node2: no flow allows it"),
    "pod out": (POD, NAS, "tcp", 2049, True, "with the address of its node: router gw: pods -> nfs; host nas: pods"),
    "pod out elsewhere": (POD, LB, "tcp", 80, False, "with the address of its node: router gw: no flow"),
    "pod to pod": (POD, "10.244.2.7", "tcp", 80, True, "the cluster's own network"),
    "node to pod": (NODE1, "10.244.2.7", "tcp", 80, True, "the cluster's own network"),
    "nobody else to pods": (USER, "10.244.2.7", "tcp", 80, False, "router gw: no flow allows it"),
    "internet": (USER, STRANGER, "udp", 12345, True, "router gw: users -> internet"),
    "internet for the isolated": (IOT, STRANGER, "tcp", 443, False, "router gw: no flow allows it"),
    "from the internet": (STRANGER, NAS, "tcp", 22, False, "router gw: no flow allows it"),
    "from the router": (GW, LB, "tcp", 1, True, "the router sends it itself"),
}


@pytest.mark.parametrize(("source", "target", "protocol", "port", "allowed", "why"), CASES.values(), ids=CASES)
def test_verdict(source: str, target: str, protocol: str, port: int, allowed: bool, why: str) -> None:
    verdict = evaluate(compiled(), source, target, protocol, port)
    assert verdict.allowed is allowed
    assert verdict.why.startswith(why), verdict.why


TWO_LEGS: Json = {"hosts": {"nas": {"addresses": {"services": "192.168.30.5", "users": "192.168.50.5"}}}}


@pytest.mark.parametrize(
    ("source", "target", "allowed", "why"),
    [
        (ADMIN, NAS, True, "router gw: management -> ssh; host nas: management -> ssh"),
        (ADMIN, "192.168.50.5", False, "host nas answers by its address in services, and takes a sender that comes by"),
        ("192.168.30.9", "192.168.50.5", False, "router gw: no flow allows it"),
        ("192.168.50.5", NODE1, False, "host nas sends it by services, where router gw takes the address for forged"),
    ],
    ids=["its home", "its other leg", "across", "from its other leg"],
)
def test_a_host_with_two_legs(source: str, target: str, allowed: bool, why: str) -> None:
    verdict = evaluate(compiled(TWO_LEGS), source, target, "tcp", 22)
    assert (verdict.allowed, verdict.why[: len(why)]) == (allowed, why)


def test_promises_are_named() -> None:
    flows = [{"from": "iot", "to": ["nfs", "internet"], "action": "deny"}]
    network = compiled({"flows": flows})
    assert evaluate(network, IOT, NAS, "tcp", 2049).why == "router gw: never: iot -> nfs"
    assert evaluate(network, IOT, STRANGER, "tcp", 80).why == "router gw: never: iot -> internet"


def test_without_a_router_only_hosts_decide() -> None:
    network = compiled({"hosts": {"gw": None}, "flows": [{"from": "users", "to": "nfs"}]})
    assert evaluate(network, USER, NAS, "tcp", 2049).why == "host nas: users -> nfs"
    assert not evaluate(network, USER, NAS, "tcp", 22).allowed
    verdict = evaluate(network, USER, LB, "tcp", 9)
    assert verdict.allowed and verdict.why == "the plan has no router, and 192.168.30.200 is no host of the plan"


def test_controllers_come_from_anywhere() -> None:
    network = compiled({"controllers": ["10.8.0.0/24", "192.168.50.77"]})
    for address in ("10.8.0.3", "192.168.50.77"):
        assert evaluate(network, address, NODE2, "tcp", 22).allowed
        assert not evaluate(network, address, NODE2, "tcp", 6443).allowed
    assert not evaluate(network, "192.168.50.78", NODE2, "tcp", 22).allowed


def test_an_address_that_is_none() -> None:
    with pytest.raises(ValueError):
        evaluate(compiled(), "laptop", NAS, "tcp", 22)
