# SPDX-License-Identifier: GPL-3.0-or-later
"""The interfaces of hosts follow from their port and the segments they are in."""

from __future__ import annotations

import typing as t

import pytest

from tests.unit.network.support import compiled

Json = dict[str, t.Any]


def interfaces(host: str, entry: Json, **more: t.Any) -> Json:
    found: Json = compiled({"hosts": {host: entry}, **more})["hosts"][host]["interfaces"]
    return found


def links(host: str, entry: Json, **more: t.Any) -> dict[str, Json]:
    return {link["name"]: link for link in interfaces(host, entry, **more)["links"]}


def test_without_a_port_interfaces_are_left_alone() -> None:
    assert interfaces("nas", {}) is None and interfaces("nas", {"port": "enp1s0", "backend": "none"}) is None


def test_an_untagged_host() -> None:
    assert interfaces("nas", {"port": "enp1s0", "native": "services"}) == {
        "backend": "networkd",
        "address": "192.168.30.5",
        "forwarding": False,
        "links": [
            {
                "name": "enp1s0",
                "mtu": 1500,
                "addresses": ["192.168.30.5/24"],
                "gateways": ["192.168.30.1"],
            }
        ],
    }


def test_a_tagged_node_by_netplan() -> None:
    node = {"addresses": {"management": "192.168.10.12", "cluster": "192.168.20.12"}, "port": "enp1s0"}
    compiled_host = interfaces("node2", {**node, "native": "management", "backend": "netplan"})
    port, vlan = compiled_host["links"]
    assert compiled_host["backend"] == "netplan"
    assert port["addresses"] == ["192.168.10.12/24"] and "gateways" not in port
    assert vlan["name"] == "enp1s0.20" and vlan["gateways"] == ["192.168.20.1"]
    assert (vlan["kind"], vlan["link"], vlan["vlan"]) == ("vlan", "enp1s0", 20)


def test_the_router_forwards_and_has_no_gateway() -> None:
    made = interfaces("gw", {"port": "enp1s0"})
    assert made["forwarding"] is True
    assert [link["name"] for link in made["links"]] == ["enp1s0", *(f"enp1s0.{vlan}" for vlan in (10, 20, 30, 40, 50))]
    assert not any(link.get("gateways") for link in made["links"])


def test_a_port_takes_the_largest_packets_of_its_vlans() -> None:
    made = links("gw", {"port": "enp1s0"}, segments={"services": {"mtu": 9000}})
    assert (made["enp1s0"]["mtu"], made["enp1s0.30"]["mtu"], made["enp1s0.20"]["mtu"]) == (9000, 9000, 1500)


@pytest.mark.parametrize(
    ("whole", "expected"),
    [
        ({"bond": {"members": ["enp1s0", "enp2s0"], "mode": "802.3ad"}}, {"kind": "bond", "mode": "802.3ad"}),
        ({"bond": {"members": ["enp1s0", "enp2s0"]}}, {"kind": "bond", "mode": "active-backup"}),
        ({"bridge": {"members": ["enp1s0", "enp2s0"]}}, {"kind": "bridge"}),
    ],
)
def test_a_port_of_several_interfaces(whole: Json, expected: Json) -> None:
    made = links("nas", {"port": "lan0", "native": "services", **whole})
    assert list(made) == ["enp1s0", "enp2s0", "lan0"]
    port = made["lan0"]
    assert expected.items() <= port.items() and port["members"] == ["enp1s0", "enp2s0"]
    assert port["addresses"] == ["192.168.30.5/24"] and "addresses" not in made["enp1s0"]


def test_resolvers_are_those_a_host_may_ask() -> None:
    client = {"addresses": {"services": None, "users": "192.168.50.5"}, "port": "enp1s0", "native": "users"}
    home = links("nas", client)["enp1s0"]
    assert (home["resolvers"], home["domain"]) == (["192.168.10.1"], compiled()["dns"]["domain"])
    assert "resolvers" not in links("nas", {"port": "enp1s0", "native": "services"})["enp1s0"]
    assert links("nas", client, resolvers=["9.9.9.9"])["enp1s0"]["resolvers"] == ["9.9.9.9"]


def test_the_way_to_the_internet() -> None:
    made = links("gw", {"port": "enp1s0", "uplink": {"port": "enp2s0"}})
    assert made["enp2s0"] == {"name": "enp2s0", "dhcp": True}
    fixed = {"port": "enp2s0", "address": "203.0.113.2/30", "gateway": "203.0.113.1"}
    network = compiled({"hosts": {"gw": {"port": "enp1s0", "uplink": fixed}}})
    uplink = network["hosts"]["gw"]["interfaces"]["links"][-1]
    assert uplink == {"name": "enp2s0", "addresses": ["203.0.113.2/30"], "gateways": ["203.0.113.1"]}
    assert 'oifname "enp2s0" ip saddr @inside masquerade' in network["hosts"]["gw"]["firewall"]
    assert "masquerade" not in compiled()["hosts"]["gw"]["firewall"]
