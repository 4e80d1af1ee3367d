# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machines there are, how each is born, and what the network is to make of them."""

from __future__ import annotations

import textwrap
import typing as t
from dataclasses import dataclass

VLANS = {"management": 10, "cluster": 20, "services": 30, "iot": 40}
NATIVE = "management"
CONTROLLER = 250
UPLINK = ("203.0.113.1", "203.0.113.2", 30)
"""The provider's router (this machine), the address it gives, and the length of their prefix."""


@dataclass(frozen=True)
class Machine:
    """A machine: the host part of its address when it is born, by whom that is configured, memory in MiB.

    *ports* are its network cards: the trunk of all VLANs, or the way to the provider; *disks* the serial numbers of its
    empty disks.
    """

    name: str
    born: int
    manager: str
    memory: int = 384
    ports: tuple[str, ...] = ("trunk",)
    disks: tuple[str, ...] = ()

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
    return textwrap.dedent(script) + _NETWORK[machine.manager].format(address=machine.address)


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
END
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


def inventory(key: str, known_hosts: str, addresses: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Return the inventory in the form of an Ansible inventory script's ``--list``; *addresses* by machine.

    The known hosts have the addresses that machines were born with.
    """
    ours = [machine for machine in MACHINES if machine is not PROBE]
    options = f"-o UserKnownHostsFile={known_hosts} -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
    variables = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": key,
        "ansible_ssh_common_args": options,
        "ansible_python_interpreter": "/usr/bin/python3",
        "homelab_name": "vm",
        "homelab_domain": "vm.home.arpa",
        "homelab_node_prefix": prefix("cluster"),
        "homelab_nodes": [{"name": "vm1", "address": place("cluster", 11), "role": "control_plane"}],
        "homelab_network": network(),
        "homelab_kubeconfig": f"{key}.kubeconfig",
    }
    return {
        "all": {"hosts": [machine.name for machine in ours], "vars": variables},
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
