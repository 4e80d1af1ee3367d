# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan's DNS servers answer, and whom they ask: names, reverse zones, views, servers and flows."""

from __future__ import annotations

import typing as t
from ipaddress import IPv4Address, IPv4Network

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._network.zones import reverse_zones

from tests.unit.network.support import compiled

Json = dict[str, t.Any]


def dns(changes: Json | None = None, **values: t.Any) -> Json:
    """Return plan["network"]["dns"]."""
    found: Json = compiled(changes, **values)["dns"]
    return found


def test_the_plan_names_its_own() -> None:
    changes = {"hosts": {"node1": {"addresses": {"services": "192.168.30.11", "cluster": "192.168.20.11"}}}}
    records = dns(changes)["records"]
    assert records == {
        "api.lab.home.arpa": ["192.168.20.11"],
        "gw.lab.home.arpa": ["192.168.10.1"],
        "gw.cluster.lab.home.arpa": ["192.168.20.1"],
        "gw.services.lab.home.arpa": ["192.168.30.1"],
        "gw.iot.lab.home.arpa": ["192.168.40.1"],
        "gw.users.lab.home.arpa": ["192.168.50.254"],
        "nas.lab.home.arpa": ["192.168.30.5"],
        "node1.lab.home.arpa": ["192.168.20.11"],
        "node1.services.lab.home.arpa": ["192.168.30.11"],
        "node2.lab.home.arpa": ["192.168.20.12"],
        "node3.lab.home.arpa": ["192.168.20.13"],
        "gateway.management.lab.home.arpa": ["192.168.10.1"],
        "gateway.cluster.lab.home.arpa": ["192.168.20.1"],
        "gateway.services.lab.home.arpa": ["192.168.30.1"],
        "gateway.iot.lab.home.arpa": ["192.168.40.1"],
        "gateway.users.lab.home.arpa": ["192.168.50.254"],
        "ingress.lab.home.arpa": ["192.168.30.200"],
        "nfs.lab.home.arpa": ["192.168.30.5"],
    }


def test_an_address_has_one_name_the_hosts_first() -> None:
    changes = {"dns": {"records": {"printer": "192.168.50.9", "*.apps": "192.168.30.9", "vpn": "203.0.113.9"}}}
    names = dns(changes)["reverse"]["names"]
    assert names["192.168.30.5"] == "nas.lab.home.arpa"
    assert names["192.168.20.11"] == "node1.lab.home.arpa"
    assert names["192.168.50.254"] == "gw.users.lab.home.arpa"
    assert names["192.168.30.200"] == "ingress.lab.home.arpa"
    assert names["192.168.50.9"] == "printer.lab.home.arpa"
    assert "192.168.30.9" not in names and "203.0.113.9" not in names


def test_a_gateway_that_is_no_host_has_its_own_name() -> None:
    changes = {"hosts": {"gw": None, "node1": {"dns": True, "addresses": {"cluster": "192.168.20.11"}}}}
    assert dns(changes)["reverse"]["names"]["192.168.50.254"] == "gateway.users.lab.home.arpa"


def test_a_service_that_is_called_like_its_host_is_that_host() -> None:
    records = dns({"services": {"nas": {"hosts": ["nas"], "ports": ["tcp/443"]}}})["records"]
    assert records["nas.lab.home.arpa"] == ["192.168.30.5"]


@pytest.mark.parametrize(
    ("prefix", "count", "first"),
    [
        ("10.0.0.0/8", 1, "10.in-addr.arpa"),
        ("172.16.0.0/12", 16, "16.172.in-addr.arpa"),
        ("10.244.0.0/16", 1, "244.10.in-addr.arpa"),
        ("192.168.16.0/20", 16, "16.168.192.in-addr.arpa"),
        ("192.168.50.0/24", 1, "50.168.192.in-addr.arpa"),
        ("192.168.50.64/26", 64, "64.50.168.192.in-addr.arpa"),
        ("192.168.50.252/30", 4, "252.50.168.192.in-addr.arpa"),
    ],
)
def test_reverse_zones_hold_the_prefix_and_nothing_else(prefix: str, count: int, first: str) -> None:
    zones = reverse_zones(IPv4Network(prefix))
    assert (len(zones), zones[0]) == (count, first)
    held = [zone.removesuffix(".in-addr.arpa").split(".")[::-1] for zone in zones]
    networks = [IPv4Network((".".join([*part, "0", "0", "0"][:4]), 8 * len(part))) for part in held]
    assert sum(network.num_addresses for network in networks) == IPv4Network(prefix).num_addresses
    assert all(network.subnet_of(IPv4Network(prefix)) for network in networks)


def test_aliases_and_wildcards() -> None:
    records = {
        "wiki": "nas",
        "scanner": "printer",
        "printer": "192.168.50.9",
        "*.apps": "ingress",
        "@": "192.168.30.200",
    }
    found = dns({"dns": {"records": records}})
    assert found["aliases"] == {
        "wiki.lab.home.arpa": "nas.lab.home.arpa",
        "scanner.lab.home.arpa": "printer.lab.home.arpa",
        "*.apps.lab.home.arpa": "ingress.lab.home.arpa",
    }
    assert found["records"]["lab.home.arpa"] == ["192.168.30.200"]


def test_public_names_have_the_addresses_of_what_they_lead_to() -> None:
    changes = {
        "dns": {
            "records": {"wiki": "nas"},
            "public": {"example.org": {"app": "ingress", "docs": "wiki", "*.dev": ["192.168.30.201"], "@": "nas"}},
        }
    }
    found = dns(changes)
    assert found["public_domains"] == ["example.org"]
    assert found["public"] == {
        "app.example.org": ["192.168.30.200"],
        "docs.example.org": ["192.168.30.5"],
        "*.dev.example.org": ["192.168.30.201"],
        "example.org": ["192.168.30.5"],
    }


def test_isolated_segments_are_told_apart() -> None:
    found = dns()
    assert found["isolated"] == ["192.168.40.0/24"]
    assert found["clients"] == [
        "192.168.10.0/24",
        "192.168.20.0/24",
        "192.168.30.0/24",
        "192.168.50.0/24",
        "10.244.0.0/16",
    ]
    assert found["prefixes"] == [*found["clients"][:3], "192.168.40.0/24", *found["clients"][3:], "10.96.0.0/16"]


def test_only_nodes_ask_the_cluster_and_others_ask_them() -> None:
    node = {"node2": {"dns": True, "addresses": {"cluster": "192.168.20.12"}}}
    assert dns()["servers"]["gw"]["cluster"] == []
    servers = dns({"hosts": node}, homelab_service_prefix="10.97.0.0/16")["servers"]
    assert servers == {
        "gw": {
            "name": "gw.lab.home.arpa",
            "addresses": ["192.168.10.1", "192.168.20.1", "192.168.30.1", "192.168.40.1", "192.168.50.254"],
            "cluster": ["192.168.20.12"],
        },
        "node2": {"name": "node2.lab.home.arpa", "addresses": ["192.168.20.12"], "cluster": ["10.97.0.10"]},
    }


def test_forwarders() -> None:
    assert dns({"dns": {"forwarders": ["9.9.9.9", "1.1.1.1@5353"]}})["forwarders"] == [
        {"address": "9.9.9.9", "port": 53, "tls_name": ""},
        {"address": "1.1.1.1", "port": 5353, "tls_name": ""},
    ]
    assert dns({"dns": {"forwarders": ["9.9.9.9#dns.quad9.net"]}})["forwarders"] == [
        {"address": "9.9.9.9", "port": 853, "tls_name": "dns.quad9.net"}
    ]


def flows(changes: Json) -> dict[tuple[str, str], Json]:
    """Return the built-in flows of name service by source and target; of two the first."""
    found: dict[tuple[str, str], Json] = {}
    for flow in compiled(changes)["flows"]:
        if flow["why"].startswith("built-in") and {flow["from"], flow["to"]} & {"dns", "dns_servers"}:
            found.setdefault((flow["from"], flow["to"]), flow)
    return found


def test_nodes_and_pods_may_ask_the_plans_servers() -> None:
    found = flows({})
    assert list(found) == [("pods", "dns"), ("dns_servers", "name_servers")]
    assert found["pods", "dns"]["sources"] == ["192.168.20.11-192.168.20.13"]


def test_a_server_that_is_no_node_may_ask_those_that_are() -> None:
    found = flows({"hosts": {"node2": {"dns": True, "addresses": {"cluster": "192.168.20.12"}}}})
    pods, server = found["pods", "dns"], found["dns_servers", "dns"]
    assert (pods["sources"], pods["targets"]) == (["10.244.0.0/16"], ["192.168.20.12"])
    assert (server["sources"], server["targets"]) == (["192.168.10.1"], ["192.168.20.12"])


@pytest.mark.parametrize(
    ("forwarder", "ports"),
    [("9.9.9.9", ["udp/53", "tcp/53"]), ("9.9.9.9@54", ["udp/54", "tcp/54"]), ("9.9.9.9#a.example", ["tcp/853"])],
)
def test_servers_may_ask_their_forwarders(forwarder: str, ports: list[str]) -> None:
    flow = flows({"dns": {"forwarders": [forwarder]}})["dns_servers", "forwarders"]
    assert (flow["sources"], flow["targets"], flow["ports"]) == (["192.168.10.1"], ["9.9.9.9"], ports)


def test_servers_without_forwarders_may_ask_everybody_outside() -> None:
    flow = flows({})["dns_servers", "name_servers"]
    assert flow["ports"] == ["udp/53", "tcp/53"]
    ends = [tuple(map(IPv4Address, text.split("-"))) for text in flow["targets"] if "-" in text]
    assert not any(first <= IPv4Address("192.168.50.9") <= last for first, last in ends)


def test_without_a_server_nothing_is_added() -> None:
    changes = {"hosts": {"gw": {"dns": False}}, "flows": [{"from": "management", "to": "ssh"}]}
    assert flows(changes) == {}
    assert dns(changes)["servers"] == {}
