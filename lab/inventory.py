# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab as an Ansible inventory."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from lab import authority, disks, target
from lab.ssh import control_folder
from lab.state import (
    CLOUDFLARE_OFFSET,
    CLUSTER,
    DEAD_RESOLVER_OFFSET,
    POOL_OFFSETS,
    PROBE_OFFSET,
    RESOLVER_OFFSET,
    ROUTER,
    ROUTER_OFFSET,
    Lab,
    address,
)
from lab.supply import BUILD

CGROUP_V1 = {
    "homelab_kubelet_config": {"failSwapOn": False, "failCgroupV1": False},
    "homelab_preflight_ignore": ["SystemVerification", "Swap"],
}
CGROUP_V2 = {
    "homelab_kubelet_config": {"failSwapOn": False},
    "homelab_preflight_ignore": ["SystemVerification", "Swap"],
}


VLANS = {"cluster": 20, "management": 10, "services": 30, "iot": 40, "users": 50}
PURPOSES = {"iot": "isolated"}
DNS_SERVERS = ("w1", "w2")


def network(lab: Lab) -> dict[str, t.Any]:
    """Return `homelab_network`: the author's five segments, as far as containers can have them."""
    gateways = {name: address(prefix, ROUTER_OFFSET) for name, prefix in lab.segments.items()}
    return {
        # The machine stands in every network of podman; it meets the nodes in the cluster's.
        "controllers": [lab.gateway],
        "segments": {
            name: {
                "vlan": VLANS[name],
                "prefix": prefix,
                "gateway": gateways[name],
                "purpose": PURPOSES.get(name, name),
                **({"pool": pool(lab)} if name == CLUSTER else {}),
            }
            for name, prefix in lab.segments.items()
        },
        "hosts": {
            "gw": {"router": True, "addresses": gateways},
            **{name: {"dns": True, "addresses": {"cluster": lab.nodes[name].address}} for name in DNS_SERVERS},
        },
        "services": {
            "ingress": {
                "segment": CLUSTER,
                "addresses": [lab.ingress],
                "ports": ["tcp/80", "tcp/443"],
            },
            "intranet": {
                "segment": "services",
                "addresses": [address(lab.segments["services"], PROBE_OFFSET)],
                "ports": ["tcp/80", "tcp/443"],
            },
        },
        "flows": [
            {"from": "management", "to": ["ssh", "kubernetes_api", "ingress", "intranet"]},
            {"from": "users", "to": ["ingress", "intranet", "internet"]},
            {"from": ["management", "cluster", "users", "iot"], "to": "dns"},
            {"from": "iot", "to": "kubernetes_api", "action": "deny"},
        ],
        "dns": names(lab),
    }


def storage(lab: Lab) -> dict[str, t.Any]:
    """Return `homelab_storage`: the disks as tiers of the nodes that have them, and a library that the tests fill."""
    tiers = [
        {
            "name": name,
            "folder": place,
            "default": name == "ssd",
            "nodes": [node.name for node in lab.nodes.values() if name in disks.of(node)],
        }
        for name, place in disks.DISKS.items()
    ]
    music = {"name": "music", "node": "w2", "folder": "/srv/hdd/music", "namespace": "media", "size": "1Gi"}
    return {"provider": "local-path", "tiers": tiers, "libraries": [music]}


def pool(lab: Lab) -> str:
    """Return the addresses that the cluster's load balancers give out, as the plan takes them."""
    first, last = (address(lab.prefix, offset) for offset in POOL_OFFSETS)
    return f"{first}-{last}"


def names(lab: Lab) -> dict[str, t.Any]:
    """Return `homelab_network.dns`; the public DNS of the lab is a stand-in, behind a server that never answers."""
    outside = [address(lab.prefix, offset) for offset in (DEAD_RESOLVER_OFFSET, RESOLVER_OFFSET)]
    return {
        # Nothing here is signed by the internet's root.
        **({"forwarders": outside, "dnssec": False} if lab.supply == BUILD else {}),
        "records": {"printer": address(lab.segments["users"], 30), "wiki": "ingress", "*.apps": "ingress"},
        "public": {
            "example.org": {"app": "ingress", "*.dev": "ingress"},
            # Its stand-in is as much outside as anything here.
            "cloudflare.com": {"api": address(lab.prefix, CLOUDFLARE_OFFSET)},
        },
    }


def inventory(lab: Lab) -> dict[str, t.Any]:
    """Return the inventory in the form of an Ansible inventory script's ``--list``."""
    options = [f"-o UserKnownHostsFile={lab.known_hosts}", "-o StrictHostKeyChecking=yes", "-o IdentitiesOnly=yes"]
    variables = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": lab.private_key,
        "ansible_ssh_common_args": " ".join(options),
        "ansible_control_path_dir": str(control_folder(lab.name)),
        "ansible_python_interpreter": "/usr/bin/python3",
        "homelab_name": lab.name,
        "homelab_domain": f"{lab.name}.home.arpa",
        "homelab_node_prefix": lab.prefix,
        "homelab_nodes": [asdict(node) for node in lab.nodes.values() if node.role != ROUTER],
        "homelab_network": network(lab),
        "homelab_ingress": {"provider": "traefik"},
        "homelab_certificates": authority.certificates(lab) if lab.supply == BUILD else {},
        "homelab_storage": storage(lab),
        "homelab_backup": target.backup(lab) if lab.supply == BUILD else {},
        "homelab_kubeconfig": lab.kubeconfig,
        "homelab_artifact_mirrors": lab.artifact_mirrors,
        "homelab_registry_mirrors": lab.registry_mirrors,
        "homelab_artifact_checksums": lab.checksums,
        "homelab_cgroup_driver": "cgroupfs" if lab.cgroup == 1 else "systemd",
        **(CGROUP_V1 if lab.cgroup == 1 else CGROUP_V2),
    }
    if not lab.loadable_modules:
        variables["homelab_kernel_modules"] = []
    return {
        "all": {"hosts": list(lab.nodes), "vars": variables},
        "_meta": {"hostvars": {node.name: {"ansible_host": node.address} for node in lab.nodes.values()}},
    }
