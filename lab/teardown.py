# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing labs, and what dead ones left behind."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from lab import disks, podman, segments, ssh, state
from lab.errors import LabError
from lab.paths import Paths
from lab.process import succeeds
from lab.vm.machines import KINDS
from lab.vm.runner import FOLDER, Machines


def down(paths: Paths, lab: str) -> None:
    """Remove a lab with its virtual machines and its state. Other labs are not touched."""
    for kind in KINDS:
        Machines(replace(paths, lab=lab), kind).down()
    remove(paths, lab)
    state.forget(paths.states / lab)


def remove(paths: Paths, lab: str) -> None:
    """Remove a lab's connections, containers, loop devices, volumes and network."""
    ssh.hang_up(lab)
    podman.remove_containers(podman.containers(lab))
    volumes = podman.names("volume", lab)
    disks.detach(volumes)
    podman.remove_volumes(volumes)
    for network in podman.names("network", lab):
        podman.call("network", "rm", network, attempted=f"Removing the network {network}")
    segments.remove(lab)


def remove_stale(paths: Paths) -> None:
    """Remove what is left of a lab of this name that has no record any more.

    Raises LabError when it belongs to a lab that lives under another home.
    """
    for one in podman.containers(paths.lab):
        if one.folder != str(paths.state) and (Path(one.folder) / paths.record.name).exists():
            cause = f"{one.name} belongs to the lab of that name in {one.folder}"
            raise LabError(f"Making the lab {paths.lab}", cause, "Choose another name: LAB=name.")
    remove(paths, paths.lab)


def labs(paths: Paths) -> list[str]:
    """List the labs of this machine, by their records, their virtual machines and by what podman knows of them."""
    recorded = {path.parent.name for what in ("lab.json", FOLDER) for path in paths.states.glob(f"*/{what}")}
    return sorted(recorded | {one.lab for one in podman.containers(None) if one.lab})


def clean(paths: Paths) -> list[str]:
    """Remove every lab of this machine, the images and the cache; return the labs' names."""
    found = labs(paths)
    for lab in found:
        down(paths, lab)
    for kind in ("volume", "network"):
        for name in podman.names(kind, None):
            podman.call(kind, "rm", name, attempted=f"Removing the {kind} {name}")
    images = podman.call("images", "-q", "--filter", f"label={podman.OWNER}", attempted="Listing images").split()
    if images:
        podman.call("rmi", "--force", *sorted(set(images)), attempted="Removing the lab's images")
    remove_firewall()
    shutil.rmtree(paths.cache, ignore_errors=True)
    shutil.rmtree(paths.states, ignore_errors=True)
    return found


def remove_firewall() -> None:
    """Remove the chains that podman's network program leaves behind, when no container of anyone is running."""
    if podman.call("ps", "-q", attempted="Listing running containers").strip():
        return
    for family in ("iptables", "ip6tables"):
        for table in ("nat", "filter"):
            _remove_chains(family, table)


def _remove_chains(program: str, table: str) -> None:
    dump = _rules(program, table)
    chains = [line.split()[1] for line in dump.splitlines() if line.startswith("-N NETAVARK")]
    for line in dump.splitlines():
        words = shlex.split(line)
        if words[0] == "-A" and any(word.startswith("NETAVARK") for word in words[1:]):
            succeeds([program, "-t", table, "-D", *words[1:]])
    for chain in chains:
        succeeds([program, "-t", table, "-F", chain])
    for chain in chains:
        succeeds([program, "-t", table, "-X", chain])
    if all(line.startswith("-P") and line.endswith("ACCEPT") for line in _rules(program, table).splitlines()):
        # Nobody's rules are in it: before the first lab this table was not there.
        succeeds(["nft", "delete", "table", "ip6" if program == "ip6tables" else "ip", table])


def _rules(program: str, table: str) -> str:
    return subprocess.run([program, "-t", table, "-S"], capture_output=True, text=True, check=False).stdout
