# SPDX-License-Identifier: GPL-3.0-or-later
"""The rendered text: what the kernel takes, and its shape."""

from __future__ import annotations

import re

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._network import spans

from tests.unit.network.kernel import Ruleset, load
from tests.unit.network.support import Json, compiled, compiled_input, table
from tests.unit.network.test_agreement import generated

PORTS_KNOWN: Json = {"hosts": {"gw": {"port": "enp1s0", "native": "cluster"}}}


@pytest.mark.parametrize("name", ["gw", "nas", "node1"])
@pytest.mark.parametrize("changes", [{}, PORTS_KNOWN], ids=["ports unknown", "ports known"])
def test_the_kernel_takes_it(name: str, changes: Json) -> None:
    entries = load(table(compiled(changes)["hosts"][name]))
    assert {entry["table"]["name"] for entry in entries if "table" in entry} == {"homelab"}
    assert not [entry for entry in entries for value in entry.values() if value.get("table", "homelab") != "homelab"]


def test_a_refused_text_is_told() -> None:
    with pytest.raises(AssertionError, match="syntax error"):
        load("table inet homelab { chain }")


def test_it_is_the_same_twice() -> None:
    assert compiled()["hosts"]["gw"]["firewall"] == compiled()["hosts"]["gw"]["firewall"]


def test_the_number_of_rules_does_not_depend_on_the_network() -> None:
    small, large = compiled(), compiled_input(generated(1, segments=30))
    for name in ("gw", "node1"):
        one, other = (Ruleset(table(network["hosts"][name])) for network in (small, large))
        assert {chain: len(rules) for chain, rules in one.rules.items()} == {
            chain: len(rules) for chain, rules in other.rules.items()
        }


def test_a_flow_to_all_addresses_of_a_router_is_one_element() -> None:
    text = compiled()["hosts"]["gw"]["firewall"]
    here = text.split("set allowed_here")[1].split("}")[0]
    assert [line.split(" comment")[0].strip() for line in here.splitlines() if "comment" in line] == [
        f"{source} . {port}"
        for source, ports in (
            ("192.168.20.11-192.168.20.13", ("udp . 53", "tcp . 53")),
            ("192.168.50.0/24", ("udp . 53", "tcp . 53")),
            ("192.168.10.0/24", ("tcp . 22",)),
            ("192.168.40.0/24", ("udp . 53", "tcp . 53")),
        )
        for port in ports
    ]
    assert not re.search(r"\. 192\.168\.\d+\.(1|254) \.", text)
    one = compiled({"services": {"web": {"hosts": ["gw"], "ports": ["tcp/80"]}, "ntp": {"segment": "services",
        "addresses": ["192.168.30.1"], "ports": ["udp/123"]}}, "flows": [{"from": "users", "to": ["web", "ntp", "ssh"]},
        {"from": "management", "to": "ssh"}]})["hosts"]["gw"]["firewall"]  # fmt: skip
    assert "192.168.50.0/24 . 192.168.30.1 . udp . 123 " in one and "192.168.50.0/24 . tcp . 80 " in one


def test_overlapping_flows_are_taken_apart() -> None:
    """The kernel refuses an element that begins or ends inside another."""
    changes: Json = {
        "controllers": ["192.168.50.0/28", "192.168.48.0/22"],
        "segments": {"iot": {"purpose": "other"}},
        "flows": [{"from": ["management", "users"], "to": "ssh"}, {"from": ["pods", "cluster"], "to": "nfs"}],
    }
    network = compiled(changes)
    for host in network["hosts"].values():
        load(table(host))
    elements = re.findall(r"(\S+) \. \S+ \. tcp \. 22 comment", network["hosts"]["nas"]["firewall"])
    found = [spans.parse_span(text) for text in elements]
    assert sum(last - first + 1 for first, last in found) == 256 + 1024
    assert spans.merged(found) == [spans.parse_span(text) for text in ("192.168.10.0/24", "192.168.48.0/22")]


def test_flows_are_counted_under_their_words() -> None:
    entry = Ruleset(table(compiled()["hosts"]["nas"])).sets["allowed"]
    elements = [item["elem"] for item in entry["elem"]]
    assert {item["comment"] for item in elements} == {"management -> ssh", "pods -> nfs"}
    assert all(item["counter"] == {"packets": 0, "bytes": 0} for item in elements)


def test_long_names_make_short_comments() -> None:
    """nftables refuses comments of more than 128 bytes."""
    name = "a" * 63
    changes: Json = {
        "services": {name: {"hosts": ["nas"], "ports": ["tcp/1"]}},
        "segments": {"b" * 63: {"vlan": 60, "prefix": "192.168.60.0/24", "purpose": "users"}},
        "hosts": {"gw": {"addresses": {"b" * 63: "192.168.60.1"}}},
        "flows": [{"from": "b" * 63, "to": name}],
    }
    comments = re.findall(r'comment "(b[^"]* -[^"]*)"', compiled(changes)["hosts"]["nas"]["firewall"])
    assert [len(comment) for comment in comments] == [127]
    load(table(compiled(changes)["hosts"]["nas"]))


def test_a_host_has_nothing_of_others() -> None:
    text = compiled()["hosts"]["node2"]["firewall"]
    targets = set(re.findall(r" \. ([\d.-]+) \. (?:tcp|udp)", text))
    assert targets == {"192.168.20.12"}
    assert "peers" not in compiled()["hosts"]["nas"]["firewall"]


def test_a_pods_own_address_is_never_routed() -> None:
    assert " 10.244" not in compiled()["hosts"]["gw"]["firewall"].split("set allowed")[1].split("set denied")[0]
    assert "10.244.0.0/16 ." in compiled()["hosts"]["node1"]["firewall"]


def test_untagged_and_tagged_interfaces() -> None:
    text = compiled(PORTS_KNOWN)["hosts"]["gw"]["firewall"]
    assert '"enp1s0" . 192.168.20.0/24' in text and '"enp1s0.50" . 192.168.50.0/24' in text
    assert "@interfaces" in text and "@interfaces" not in compiled()["hosts"]["gw"]["firewall"]


def test_a_router_lets_clients_ask_for_an_address() -> None:
    """They have none yet, so the rule stands before the one against forged senders."""
    hosts = compiled()["hosts"]
    text = hosts["gw"]["firewall"]
    assert 0 < text.index("udp sport 68 udp dport 67 accept") < text.index("fib saddr")
    assert "sport 68" not in hosts["node1"]["firewall"] + hosts["nas"]["firewall"]
