# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiled network: what follows from the input."""

from __future__ import annotations

import json

from tests.unit.network.support import compiled


def test_it_is_plain_and_repeatable() -> None:
    assert json.loads(json.dumps(compiled())) == compiled()


def test_segments_have_gateways() -> None:
    segments = compiled()["segments"]
    assert {name: segment["gateway"] for name, segment in segments.items()} == {
        "management": "192.168.10.1",
        "cluster": "192.168.20.1",
        "services": "192.168.30.1",
        "iot": "192.168.40.1",
        "users": "192.168.50.254",
    }
    assert segments["iot"] == {
        "vlan": 40,
        "prefix": "192.168.40.0/24",
        "purpose": "isolated",
        "gateway": "192.168.40.1",
        "mtu": 1500,
        "pool": None,
        "dhcp": "192.168.40.100-192.168.40.199",
    }


def test_nodes_are_hosts() -> None:
    hosts = compiled()["hosts"]
    assert list(hosts) == ["gw", "nas", "node1", "node2", "node3"]
    node = {key: value for key, value in hosts["node2"].items() if key != "firewall"}
    assert node == {
        "addresses": {"cluster": "192.168.20.12"},
        "node": True,
        "router": False,
        "dns": False,
        "port": "",
        "native": "",
        "home": "cluster",
        "interfaces": None,
    }


def test_built_in_services_know_their_hosts() -> None:
    services = compiled()["services"]
    assert services["ssh"]["addresses"][-4:] == ["192.168.30.5", "192.168.20.11", "192.168.20.12", "192.168.20.13"]
    assert services["kubernetes_api"] == {"addresses": ["192.168.20.11"], "ports": ["tcp/6443"]}
    assert len(services["dns"]["addresses"]) == 5


def test_flows_name_their_reason() -> None:
    flows = [(flow["from"], flow["to"], flow["why"].partition(":")[0]) for flow in compiled()["flows"]]
    assert flows == [
        ("nodes", "nodes", "built-in"),
        ("pods", "kubernetes_api", "built-in"),
        ("pods", "kubelet", "built-in"),
        ("pods", "dns", "built-in"),
        ("dns_servers", "name_servers", "built-in"),
        ("users", "ingress", "homelab_network.flows[0]"),
        ("users", "dns", "homelab_network.flows[0]"),
        ("users", "internet", "homelab_network.flows[0]"),
        ("management", "ssh", "homelab_network.flows[1]"),
        ("management", "kubernetes_api", "homelab_network.flows[1]"),
        ("iot", "dns", "homelab_network.flows[2]"),
        ("pods", "nfs", "homelab_network.flows[3]"),
    ]


def test_ssh_is_added_when_nobody_asks_for_it() -> None:
    network = compiled({"flows": [{"from": "users", "to": "ingress"}], "controllers": ["10.8.0.1"]})
    added = [flow for flow in network["flows"] if flow["to"] == "ssh"]
    assert [(flow["from"], flow["sources"]) for flow in added] == [
        ("management", ["192.168.10.0/24"]),
        ("controllers", ["10.8.0.1"]),
    ]


def test_pods_come_with_their_own_address_or_that_of_their_node() -> None:
    flows = compiled({"flows": [{"from": "pods", "to": "ssh"}, {"from": "management", "to": "ssh"}]})["flows"]
    pods = [(flow["sources"], flow["targets"]) for flow in flows if flow["from"] == "pods" and flow["to"] == "ssh"]
    assert pods[0] == (["10.244.0.0/16"], ["192.168.20.11-192.168.20.13"])
    assert pods[1][0] == ["192.168.20.11-192.168.20.13"]
    assert "192.168.30.5" in pods[1][1] and "192.168.20.11-192.168.20.13" not in pods[1][1]


def test_pools() -> None:
    assert compiled()["pools"] == [
        {"name": "cluster", "first": "192.168.20.200", "last": "192.168.20.239", "segment": "cluster"}
    ]
