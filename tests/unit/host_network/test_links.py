# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of interfaces is read strictly, and written as networkd, netplan and ifupdown read it."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network import ifupdown, netplan, networkd
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.links import Links, parse_links

Json = dict[str, t.Any]

PORT = {"name": "eth0", "mtu": 9000}
VLAN = {"name": "eth0.20", "kind": "vlan", "link": "eth0", "vlan": 20}
HOME = {"addresses": ["192.168.20.11/24", "fd00::11/64"], "gateways": ["192.168.20.1"]}
BOND = {"name": "bond0", "kind": "bond", "members": ["eth0", "eth1"], "mode": "802.3ad"}


def read(*links: Json, **more: t.Any) -> Links:
    parsed = parse_links({"links": list(links), **more})
    assert parsed
    return parsed


REFUSED: dict[str, tuple[list[Json], str]] = {
    "a name": ([{"name": "eth 0"}], r"links\[0\].name: 'eth 0': it is no name"),
    "too long": ([{"name": "a" * 16}], "it is no name of an interface"),
    "twice": ([PORT, PORT], r"links\[1\].name: 'eth0': there are two"),
    "mtu": ([{"name": "eth0", "mtu": 100}], "100: it is not between 576 and 9216"),
    "vlan id": ([PORT, {**VLAN, "vlan": 4095}], "4095: a VLAN has a link and an id from 1 to 4094"),
    "vlan without parent": ([VLAN], r"links\[0\].link: 'eth0': no interface before this one"),
    "bond of nothing": ([{**BOND, "members": []}], "a bond has members"),
    "unknown member": ([PORT, BOND], "'eth1': no interface before this one has that name"),
    "addressed member": ([{**PORT, **HOME}, {"name": "eth1"}, BOND], "'eth0': a member of a bond has no address"),
    "member of two": (
        [PORT, {"name": "eth1"}, BOND, {"name": "br0", "kind": "bridge", "members": ["eth1"]}],
        "'eth1': it belongs to two interfaces",
    ),
    "no prefix length": ([{**PORT, "addresses": ["192.168.20.11"]}], "it has no prefix length"),
    "no address": ([{**PORT, "addresses": ["192.168.20.300/24"]}], "Write, for example, 192.168.20.11/24"),
    "gateway elsewhere": (
        [{**PORT, "addresses": ["192.168.20.11/24"], "gateways": ["192.168.30.1"]}],
        r"'192.168.30.1': no address of eth0 \(192.168.20.11/24\) is in its network",
    ),
    "gateway without address": ([{**PORT, "gateways": ["192.168.30.1"]}], "it has none"),
    "route": ([{**PORT, **HOME, "routes": [{"to": "10.0.0.1/8", "via": "192.168.20.1"}]}], "has host bits set"),
    "resolver": ([{**PORT, "resolvers": ["dns.example"]}], r"links\[0\].resolvers: 'dns.example'"),
}


@pytest.mark.parametrize(("links", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(links: list[Json], words: str) -> None:
    with pytest.raises(HostError, match=words):
        parse_links({"links": links})


def test_nothing_is_asked() -> None:
    assert parse_links(None) is None and parse_links({"links": []}) is None


@pytest.mark.parametrize(
    ("links", "given", "address"),
    [
        ([PORT, {**VLAN, **HOME}], "", "192.168.20.11"),
        ([{**PORT, "addresses": ["192.168.10.11/24"]}, {**VLAN, **HOME}], "192.168.20.11", "192.168.20.11"),
        ([{**PORT, "addresses": ["192.168.10.11/24"]}, {**VLAN, **HOME}], "", "192.168.10.11"),
        ([PORT], "", ""),
    ],
)
def test_where_the_host_is_reached(links: list[Json], given: str, address: str) -> None:
    assert read(*links, address=given).address == address


def test_a_host_is_reached_at_an_address_of_its_own() -> None:
    with pytest.raises(HostError, match=r"'192.168.20.12': no interface has it\. Use one of 192"):
        read({**PORT, **HOME}, address="192.168.20.12")


def test_networkd() -> None:
    files = networkd.render(read(PORT, {**VLAN, **HOME, "resolvers": ["192.168.20.1"], "domain": "home.arpa"}))
    text = {path.rpartition("10-homelab-")[2]: file.text for path, file in files.items()}
    assert "VLAN=eth0.20\n" in text["eth0.network"] and "RequiredForOnline=carrier\n" in text["eth0.network"]
    assert "MTUBytes=9000\n" in text["eth0.network"] and "LinkLocalAddressing=no\n" in text["eth0.network"]
    assert "Name=eth0.20\nKind=vlan\nMTUBytes=1500\n\n[VLAN]\nId=20\n" in text["eth0.20.netdev"]
    for line in ("Address=192.168.20.11/24", "Address=fd00::11/64", "Gateway=192.168.20.1", "DNS=192.168.20.1"):
        assert f"{line}\n" in text["eth0.20.network"]
    assert "RequiredForOnline" not in text["eth0.20.network"]


def test_networkd_bonds_and_bridges() -> None:
    bridge = {"name": "br0", "kind": "bridge", "members": ["eth2"]}
    files = networkd.render(read(PORT, {"name": "eth1"}, BOND, {"name": "eth2"}, bridge))
    text = {path.rpartition("10-homelab-")[2]: file.text for path, file in files.items()}
    assert "Bond=bond0\n" in text["eth0.network"] and "RequiredForOnline=enslaved\n" in text["eth1.network"]
    assert "Kind=bond\n" in text["bond0.netdev"] and "Mode=802.3ad\n" in text["bond0.netdev"]
    assert "Bridge=br0\n" in text["eth2.network"] and "Kind=bridge\n" in text["br0.netdev"]


def test_netplan() -> None:
    route = {"to": "10.0.0.0/8", "via": "192.168.20.254"}
    named = {**VLAN, **HOME, "resolvers": ["192.168.20.1"], "domain": "home.arpa", "routes": [route]}
    links = read(PORT, {"name": "eth1"}, BOND, {**named, "name": "bond0.20", "link": "bond0"}, backend="netplan")
    ((path, file),) = netplan.render(links).items()
    assert (path, file.mode) == ("/etc/netplan/90-homelab.yaml", "0600")
    document = yaml.safe_load(file.text)["network"]
    assert document["bonds"]["bond0"]["interfaces"] == ["eth0", "eth1"]
    assert document["bonds"]["bond0"]["parameters"]["mode"] == "802.3ad"
    assert document["ethernets"]["eth0"] == {"mtu": 9000, "dhcp4": False, "accept-ra": False, "link-local": []}
    vlan = document["vlans"]["bond0.20"]
    assert (vlan["id"], vlan["link"], vlan["addresses"]) == (20, "bond0", HOME["addresses"])
    assert vlan["routes"] == [{"to": "default", "via": "192.168.20.1"}, route]
    assert vlan["nameservers"] == {"search": ["home.arpa"], "addresses": ["192.168.20.1"]}
    assert netplan.interfaces_in(file.text) == {"eth0", "eth1", "bond0", "bond0.20"}


INSTALLER = """\
# made by the installer
network:
  version: 2
  renderer: networkd
  ethernets:
    enp1s0:   # the first
      dhcp4: true
    "enp2s0":
      match: {macaddress: "52:54:00:00:00:01"}
  wifis:
    wlan0:
      access-points:
        home: {password: secret}
"""


def test_which_interfaces_a_netplan_file_configures() -> None:
    assert netplan.interfaces_in(INSTALLER) == {"enp1s0", "enp2s0", "wlan0"}


@pytest.mark.parametrize("text", ["network: {version: 2, ethernets: {eth0: {}}}\n", "network:\n  ethernets: {a: {}}\n"])
def test_a_netplan_file_that_cannot_be_read_for_sure_is_refused(text: str) -> None:
    with pytest.raises(HostError, match="flow style"):
        netplan.interfaces_in(text)


INTERFACES = """\
# The loopback network interface
auto lo
iface lo inet loopback

auto eth0 eth1
allow-hotplug eth0
iface eth0 inet static
    address 192.0.2.2/24
    # a note
    gateway 192.0.2.1

iface eth0 inet6 auto
iface eth1 inet dhcp
    up ip route add 10.0.0.0/8 \\
       via 192.0.2.9
source /etc/network/interfaces.d/*
"""
WITHOUT: dict[str, tuple[set[str], str]] = {
    "another": ({"eth9"}, INTERFACES),
    "one": (
        {"eth0"},
        """\
# The loopback network interface
auto lo
iface lo inet loopback

auto eth1
    # a note

iface eth1 inet dhcp
    up ip route add 10.0.0.0/8 \\
       via 192.0.2.9
source /etc/network/interfaces.d/*
""",
    ),
    "both": (
        {"eth0", "eth1"},
        """\
# The loopback network interface
auto lo
iface lo inet loopback

    # a note

source /etc/network/interfaces.d/*
""",
    ),
}


@pytest.mark.parametrize(("names", "left"), WITHOUT.values(), ids=WITHOUT)
def test_what_stays_with_ifupdown(names: set[str], left: str) -> None:
    assert ifupdown.without(INTERFACES, names) == left


def test_what_ifupdown_has() -> None:
    assert ifupdown.managed("lo=lo\neth0=home\n") == {"lo", "eth0"}
    assert ifupdown.by_dhcp([INTERFACES], "eth1") and not ifupdown.by_dhcp([INTERFACES], "eth0")
