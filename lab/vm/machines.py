# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machines there are, how each is born, and what the inventory says of them."""

from __future__ import annotations

import textwrap
import typing as t
from dataclasses import dataclass

from lab.table import STORAGE

VLANS = {"management": 10, "cluster": 20, "services": 30, "iot": 40}
NATIVE = "management"
CONTROLLER = 250
UPLINK = ("203.0.113.1", "203.0.113.2", 30)
"""The provider's router (this machine), the address it gives, and the length of their prefix."""


@dataclass(frozen=True)
class Machine:
    """A machine: the host part of its address when it is born, by whom that is configured, memory in MiB.

    *ports* are its network cards: the trunk of all VLANs, or the way to the provider; *disks* the serial numbers of its
    empty disks. *room* is the size of its system's disk, as QEMU takes it, where the image's is too small. With
    *gateway* this machine is its way to everywhere.
    """

    name: str
    born: int
    manager: str
    memory: int = 384
    ports: tuple[str, ...] = ("trunk",)
    disks: tuple[str, ...] = ()
    cpus: int = 1
    room: str = ""
    gateway: bool = False

    @property
    def address(self) -> str:
        """Where it is reached when it is born."""
        return place(NATIVE, self.born)


MACHINES = (
    Machine("gw", 101, "ifupdown", ports=("trunk", "uplink")),
    Machine("vm1", 102, "ifupdown", memory=2048, ports=("trunk", "trunk"), disks=("FAST-1", "FAST-2", "LARGE-1")),
    Machine("vm2", 103, "netplan"),
    Machine("probe", 104, "ifupdown"),
)
PROBE = MACHINES[-1]
STORE = Machine("store", 105, "ifupdown", memory=4096, disks=("FAST-1", "LARGE-1"), cpus=2, room="10G", gateway=True)
"""A node of its own, with a disk of each tier."""
NETWORK = "network"
KINDS = {NETWORK: MACHINES, STORAGE: (STORE,)}
"""Machines that stand in one network, by what they are for."""


def prefix(segment: str) -> str:
    """Return the prefix of a segment."""
    return f"192.168.{VLANS[segment]}.0/24"


def place(segment: str, host: int) -> str:
    """Return an address in a segment."""
    return f"192.168.{VLANS[segment]}.{host}"


def born_script(machine: Machine, authorized_key: str) -> str:
    """Return the shell script that a machine runs when it boots first."""
    script = f"""\
        echo {machine.name} > /etc/hostname
        hostname {machine.name}
        mkdir -p -m 700 /root/.ssh
        echo '{authorized_key}' > /root/.ssh/authorized_keys
        ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
        """
    grown = "resize2fs /dev/vda\n" if machine.room else ""
    way = f"    gateway {place(NATIVE, CONTROLLER)}\n" if machine.gateway else ""
    return textwrap.dedent(script) + grown + _NETWORK[machine.manager].format(address=machine.address, way=way)


_NETWORK = {
    "ifupdown": """\
cat > /etc/network/interfaces << END
# This file describes the network interfaces available on your system.
source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback

# The primary network interface
allow-hotplug eth0
auto eth0
iface eth0 inet static
    address {address}/24
{way}END
""",
    "netplan": """\
cat > /etc/netplan/50-installer.yaml << END
network:
  version: 2
  ethernets:
    eth0:
      addresses:
        - {address}/24
END
chmod 600 /etc/netplan/50-installer.yaml
netplan generate
systemctl --no-block start systemd-networkd
""",
}


def network() -> dict[str, t.Any]:
    """Return `homelab_network` for these machines."""
    segments = {
        name: {"vlan": vlan, "prefix": prefix(name), "purpose": "isolated" if name == "iot" else name}
        for name, vlan in VLANS.items()
    }
    every = {name: place(name, 1) for name in VLANS}
    provider, own, length = UPLINK
    return {
        "segments": segments,
        "hosts": {
            "gw": {
                "port": "eth0",
                "native": NATIVE,
                "router": True,
                "addresses": every,
                "uplink": {"port": "eth1", "address": f"{own}/{length}", "gateway": provider},
            },
            "vm1": {"port": "eth0", "addresses": {"cluster": place("cluster", 11)}},
            "vm2": {"port": "eth0", "backend": "netplan", "addresses": {"services": place("services", 12)}},
        },
        "services": {"web": {"hosts": ["vm2"], "ports": ["tcp/80"]}},
        "flows": [
            {"from": "management", "to": ["ssh", "kubernetes_api", "web"]},
            {"from": "cluster", "to": ["web", "internet"]},
            {"from": "iot", "to": "kubernetes_api", "action": "deny"},
        ],
    }


def of_network(key: str) -> dict[str, t.Any]:
    """Return what the inventory says of the lab that NETWORK's machines become."""
    return {
        "homelab_name": "vm",
        "homelab_domain": "vm.home.arpa",
        "homelab_node_prefix": prefix("cluster"),
        "homelab_nodes": [{"name": "vm1", "address": place("cluster", 11), "role": "control_plane"}],
        "homelab_network": network(),
        "homelab_kubeconfig": f"{key}.kubeconfig",
    }


def of_storage(key: str, supplies: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what the inventory says of the one node of STORAGE; *supplies* are where files and images come from."""
    tiers = dict(zip(("ssd", "hdd"), STORE.disks, strict=True))
    return {
        "homelab_name": "store",
        "homelab_domain": "store.home.arpa",
        "homelab_node_prefix": prefix(NATIVE),
        "homelab_nodes": [{"name": STORE.name, "address": STORE.address, "role": "control_plane"}],
        "homelab_kubeconfig": f"{key}.kubeconfig",
        # Nobody tells the time here.
        "homelab_time_sync": False,
        "homelab_hardware": {
            "hosts": [
                {"name": STORE.name, "disks": [{"serial": serial, "tier": name} for name, serial in tiers.items()]}
            ]
        },
        "homelab_storage": {"tiers": [{"name": name, "default": name == "ssd"} for name in tiers]},
        **supplies,
    }


def inventory(
    machines: t.Sequence[Machine], variables: t.Mapping[str, t.Any], key: str, known_hosts: str,
    addresses: t.Mapping[str, str],
) -> dict[str, t.Any]:  # fmt: skip
    """Return the inventory in the form of an Ansible inventory script's ``--list``; *addresses* by machine.

    The known hosts have the addresses that machines were born with.
    """
    ours = [machine for machine in machines if machine is not PROBE]
    options = f"-o UserKnownHostsFile={known_hosts} -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
    common = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": key,
        "ansible_ssh_common_args": options,
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    return {
        "all": {"hosts": [machine.name for machine in ours], "vars": {**common, **variables}},
        "_meta": {
            "hostvars": {
                machine.name: {
                    "ansible_host": addresses[machine.name],
                    "ansible_ssh_extra_args": f"-o HostKeyAlias={machine.address}",
                }
                for machine in ours
            }
        },
    }
