# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks of a machine become part of their tier's volume group, and nothing else is written to any disk."""

from __future__ import annotations

import json
import time
import typing as t

from lab.vm.machines import MACHINES
from lab.vm.qemu import greets
from tests.support.vm import Network

Json = dict[str, t.Any]

FAST, SECOND, LARGE = next(machine.disks for machine in MACHINES if machine.name == "vm1")
# Of every disk its table of contents, and a sum of where tables and labels lie.
LOOK = "lsblk -n -o NAME,SERIAL,FSTYPE,MOUNTPOINTS; for disk in /dev/vd[c-e]; do head -c 4M $disk | sha256sum; done"
OLD = f"mkswap /dev/disk/by-id/virtio-{LARGE} && udevadm settle"
# The module ends as soon as it remembers that it is about to write.
KILL = """
nohup sh -c 'while ! [ -s /var/lib/atarnet-homelab/disks.json ]; do :; done; pkill -9 -x python3' \\
> /dev/null 2>&1 < /dev/null &
"""
GROUPS = {"homelab-ssd": 2, "homelab-hdd": 1}


def wish(*disks: Json) -> tuple[str, ...]:
    """Return the arguments that want these disks of vm1."""
    return ("--limit", "vm1", "-e", json.dumps({"homelab_hardware": {"hosts": [{"name": "vm1", "disks": disks}]}}))


WANTED = wish(
    {"serial": FAST, "tier": "ssd"},
    {"path": f"/dev/disk/by-id/virtio-{SECOND}", "tier": "ssd"},
    {"serial": LARGE, "tier": "hdd", "wipe_serial": LARGE},
)


def prepare(network: Network, *arguments: str) -> str:
    """Run the layer on vm1."""
    return network.play(*arguments, playbook="playbooks/hardware.yml")


def groups(network: Network) -> dict[str, int]:
    """Return the volume groups with their numbers of disks, as LVM tells them."""
    told = json.loads(network.on("vm1", "vgs --reportformat json -o vg_name,pv_count"))
    return {row["vg_name"]: int(row["pv_count"]) for row in told["report"][0]["vg"]}


def test_what_is_not_confirmed_is_not_touched(network: Network) -> None:
    network.on("vm1", OLD)
    before = network.on("vm1", LOOK)
    refused = prepare(network, *wish({"serial": FAST, "tier": "ssd"}, {"serial": LARGE, "tier": "hdd"}))
    assert f'set wipe_serial: "{LARGE}"' in refused and "exit code 0" not in refused, refused
    assert network.on("vm1", LOOK) == before


def test_the_plan_is_shown_and_nothing_written(network: Network) -> None:
    before = network.on("vm1", LOOK)
    checked = prepare(network, "--check", "--diff", *WANTED)
    assert "exit code 0" in checked and "volume_group:homelab-hdd (create" in checked, checked
    assert network.on("vm1", LOOK) == before


def test_a_killed_run_is_taken_up_by_the_next(network: Network) -> None:
    network.on("vm1", KILL)
    killed = prepare(network, *WANTED)
    assert "exit code 0" not in killed, killed
    assert groups(network) != GROUPS
    done = prepare(network, *WANTED)
    assert "exit code 0" in done, done
    assert groups(network) == GROUPS


def test_volumes_and_snapshots_come_from_the_pool(network: Network) -> None:
    network.on("vm1", """
        set -e
        lvcreate -q -V 200M -T homelab-ssd/pool -n data
        echo before | dd of=/dev/homelab-ssd/data conv=fsync status=none
        lvcreate -q -s -n copy homelab-ssd/data && lvchange -ay -K homelab-ssd/copy
        echo after | dd of=/dev/homelab-ssd/data conv=fsync status=none
    """)  # fmt: skip
    assert network.on("vm1", "head -n 1 /dev/homelab-ssd/copy").strip() == "before"


def test_after_a_boot_all_is_there_and_nothing_is_left_to_do(network: Network) -> None:
    boot = network.on("vm1", "sync; cat /proc/sys/kernel/random/boot_id")
    network.on("vm1", "nohup sh -c 'sleep 1; echo b > /proc/sysrq-trigger' > /dev/null 2>&1 < /dev/null &")
    time.sleep(5)
    machine = next(machine for machine in MACHINES if machine.name == "vm1")
    end = time.monotonic() + 300
    while time.monotonic() < end and not greets(machine.address):
        time.sleep(2)
    assert network.on("vm1", "cat /proc/sys/kernel/random/boot_id") != boot
    assert groups(network) == GROUPS
    again = prepare(network, *WANTED)
    assert "exit code 0" in again and "changed=0" in again, again
    assert network.on("vm1", "head -n 1 /dev/homelab-ssd/data").strip() == "after"
