# SPDX-License-Identifier: GPL-3.0-or-later
"""A readable picture of a lab."""

from __future__ import annotations

import typing as t
from pathlib import Path

from lab.podman import Container, name_of
from lab.state import ACME_OFFSET, BACKUP_OFFSET, CLOUDFLARE_OFFSET, COPY_OFFSET, RESOLVER_OFFSET, Lab, address, make


def render(lab: Lab, containers: t.Sequence[Container]) -> str:
    """Return the lab's nodes, where they are, whether they run, and how to reach the cluster."""
    states = {one.name: one.state for one in containers}
    lines = [f"Lab {lab.name} on {lab.prefix} (supply: {lab.supply})", ""]
    rows = [(node.name, node.address, node.role.replace("_", " ")) for node in lab.nodes.values()]
    if lab.supply == "build":
        host = lab.artifact_mirrors[0].removeprefix("http://")
        rows += [("mirror", host, "artifacts"), ("registry", _registry(lab), "images")]
        rows.append(("resolver", address(lab.prefix, RESOLVER_OFFSET), "public DNS"))
        rows.append(("acme", address(lab.prefix, ACME_OFFSET), "authority"))
        rows.append(("cloudflare", address(lab.prefix, CLOUDFLARE_OFFSET), "its DNS"))
        rows.append(("backup", address(lab.prefix, BACKUP_OFFSET), "backups"))
        rows.append(("copy", address(lab.prefix, COPY_OFFSET), "their copy"))
    for name, place, what in rows:
        lines.append(f"  {name:<10} {place:<16} {what:<14} {states.get(name_of(lab.name, name), 'missing')}")
    down = [name for name, _, _ in rows if states.get(name_of(lab.name, name)) != "running"]
    lines.append("")
    if down:
        lines.append(f"Not running: {', '.join(down)}. `{make(lab.name)}` brings back what is missing.")
    shell = "make -s env" if lab.name == "lab" else f"make -s env LAB={lab.name}"
    lines.append(f'Tools:     eval "$({shell})"   # ansible-playbook, kubectl, helm, crane, crictl; KUBECONFIG')
    if Path(lab.kubeconfig).exists():
        lines.append("Cluster:   kubectl get nodes -o wide")
    else:
        lines.append(f"Cluster:   none yet; `make site{'' if lab.name == 'lab' else f' LAB={lab.name}'}` makes it")
    first = next(iter(lab.nodes.values()))
    lines.append(f"A node:    ssh -i {lab.private_key} -o UserKnownHostsFile={lab.known_hosts} root@{first.address}")
    return "\n".join(lines)


def _registry(lab: Lab) -> str:
    url = next(iter(lab.registry_mirrors.values()))[0]
    return url.removeprefix("http://").partition("/")[0].partition(":")[0]
