# SPDX-License-Identifier: GPL-3.0-or-later
"""A bond below VLANs and a bridge, each on a machine as an installer leaves it; and nobody is there to confirm."""

from __future__ import annotations

import json
import re
import time
import typing as t

from lab.vm.machines import MACHINES, place
from lab.vm.qemu import greets
from tests.support.lab import kill_controller
from tests.support.vm import Network

Json = dict[str, t.Any]

WITHIN_S = 30
PENDING = "/var/lib/atarnet-homelab/network/pending.json"
LOOK = "ip -br -c=never address | sort; ip route; cat /etc/network/interfaces; ls /etc/systemd/network"


def plan_of(network: Network, host: str, **changes: t.Any) -> tuple[str, ...]:
    """Return the arguments that change one host's entry in the plan, and only that host."""
    plan = network.machines.inventory()["all"]["vars"]["homelab_network"]
    plan["hosts"][host] = {**plan["hosts"][host], **changes}
    return ("--limit", f"gw,{host}", "-e", json.dumps({"homelab_network": plan, "network_confirm_within": 60}))


def links(network: Network, host: str) -> dict[str, Json]:
    """Return a machine's interfaces by name, as ip(8) tells them."""
    return {link["ifname"]: link for link in json.loads(network.on(host, "ip -j -d address show"))}


BOND: Json = {"port": "bond0", "bond": {"members": ["eth0", "eth1"]}}
BRIDGE: Json = {"port": "br0", "bridge": {"members": ["eth0"]}, "native": "management", "backend": "networkd"}


def test_a_bond_carries_a_vlan_and_outlives_a_member(network: Network) -> None:
    arguments = plan_of(network, "vm1", **BOND)
    done = network.play(*arguments)
    assert "exit code 0" in done, done
    seen = links(network, "vm1")
    assert seen["eth0"]["master"] == seen["eth1"]["master"] == seen["bond0.20"]["link"] == "bond0"
    assert seen["bond0"]["linkinfo"]["info_data"]["mode"] == "active-backup"
    active = seen["bond0"]["linkinfo"]["info_data"]["active_slave"]
    network.on("vm1", f"ip link set {active} down")
    assert links(network, "vm1")["bond0"]["linkinfo"]["info_data"]["active_slave"] not in (active, "")
    mended = network.play(*arguments)
    assert re.search("vm1 .* changed=1 ", mended), f"a member that is down is drift: {mended}"
    assert links(network, "vm1")[active]["operstate"] == "UP"
    assert "changed=1" not in network.play(*arguments)


def test_a_bridge_takes_the_port_of_a_machine_over(network: Network) -> None:
    home = {"management": place("management", 103)}
    arguments = plan_of(network, "vm2", **BRIDGE, addresses=home)
    done = network.play(*arguments)
    assert "exit code 0" in done, done
    seen = links(network, "vm2")
    assert seen["eth0"]["master"] == "br0" and seen["br0"]["linkinfo"]["info_kind"] == "bridge"
    assert [one["local"] for one in seen["br0"]["addr_info"] if one["scope"] == "global"] == list(home.values())
    assert "changed=1" not in network.play(*arguments)


def test_the_host_goes_back_when_nobody_is_left_to_confirm(network: Network) -> None:
    before = network.on("gw", LOOK)
    plan = plan_of(network, "gw", native="iot")
    played = network.start(*plan, "-e", json.dumps({"network_confirm_within": WITHIN_S}))
    network.on("gw", f"while [ ! -e {PENDING} ]; do sleep 0.1; done")
    kill_controller(played.pid)
    home = next(machine.address for machine in MACHINES if machine.name == "gw")
    time.sleep(WITHIN_S / 2)
    assert not greets(home), "the wrong interfaces are in force"
    end = time.monotonic() + 2 * WITHIN_S
    while time.monotonic() < end and not greets(home):
        time.sleep(1)
    assert network.on("gw", LOOK) == before
