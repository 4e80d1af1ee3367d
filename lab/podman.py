# SPDX-License-Identifier: GPL-3.0-or-later
"""The few things the lab asks of podman. Everything of a lab carries labels, so it can be found again."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass
from pathlib import Path

from lab import files
from lab.machine import NodeSettings
from lab.process import run, succeeds

EXITS = Path("/run/libpod/exits")
KILLED = "137"
OWNER = "homelab.owner=atarnet-homelab"


def labels(lab: str, folder: str) -> list[str]:
    """Return the options that mark an object as belonging to a lab whose state is in ``folder``."""
    return ["--label", OWNER, "--label", f"homelab.lab={lab}", "--label", f"homelab.folder={folder}"]


def name_of(lab: str, part: str) -> str:
    """Return the name of a lab's container or volume."""
    return f"homelab-{lab}-{part}"


def network_name(lab: str, segment: str = "") -> str:
    """Return the name of a lab's network: the cluster's, or that of another segment."""
    return f"homelab-{lab}-{segment}" if segment else f"homelab-{lab}"


def call(*arguments: str, attempted: str, stdin: bytes | None = None, timeout: float = 120) -> str:
    """Run podman and return its output. Raises LabError with podman's own words."""
    remedy = "See `podman ps -a`; `python3 -m lab down` removes the lab and `up` makes it anew."
    return run(["podman", *arguments], attempted=attempted, remedy=remedy, stdin=stdin, timeout=timeout)


def place(network: str, address: str) -> list[str]:
    """Return the options that put a container at an address of a network.

    The link-layer address follows from it: a container that is made anew is not looked
    for at the old one's until the neighbours' tables forget.
    """
    mac = "02:4d:" + ":".join(f"{int(part):02x}" for part in address.split("."))
    return ["--network", f"{network}:ip={address},mac={mac}"]


def limits(settings: NodeSettings) -> list[str]:
    """Return the options without which a container is refused where CAP_SYS_RESOURCE is missing."""
    return [] if settings.unlimited else ["--ulimit", "nofile=20000:20000", "--ulimit", "nproc=30000:30000"]


@dataclass(frozen=True)
class Container:
    """A container of a lab: its name, the lab's name and state folder, and podman's word for its state."""

    name: str
    lab: str
    folder: str
    state: str


def containers(lab: str | None) -> list[Container]:
    """List the containers of one lab, or of all labs."""
    text = call("ps", "-a", "--format", "json", attempted="Listing the lab's containers")
    return [
        Container(
            row["Names"][0], row["Labels"].get("homelab.lab", ""), row["Labels"].get("homelab.folder", ""), row["State"]
        )
        for row in json.loads(text or "[]")
        if _carries(row.get("Labels"), lab)
    ]


def names(kind: str, lab: str | None) -> list[str]:
    """List the names of networks or volumes (``kind``) of one lab, or of all labs.

    The labels are compared here: of several label filters podman's volumes need to match only one.
    """
    rows = json.loads(call(kind, "ls", "--format", "json", attempted=f"Listing the lab's {kind}s") or "[]")
    return [row.get("Name") or row["name"] for row in rows if _carries(row.get("Labels") or row.get("labels"), lab)]


def _carries(labels: t.Mapping[str, str] | None, lab: str | None) -> bool:
    own = labels or {}
    owner, _equals, project = OWNER.partition("=")
    return own.get(owner) == project and lab in (None, own.get("homelab.lab"))


def used_prefixes() -> list[str]:
    """List the prefixes of this machine's routes and of podman's networks."""
    routes = json.loads(run(["ip", "-j", "route", "show", "table", "all"], attempted="Reading this machine's routes"))
    found = [row["dst"] for row in routes if row.get("dst", "default") != "default" and ":" not in row["dst"]]
    networks = call("network", "ls", "-q", attempted="Listing networks").split()
    if networks:
        for row in json.loads(call("network", "inspect", *networks, attempted="Reading podman's networks")):
            found += [subnet["subnet"] for subnet in row.get("subnets") or [] if ":" not in subnet["subnet"]]
    return found


def create_network(lab: str, folder: str, prefix: str, segment: str = "") -> None:
    """Make a lab's network unless it is there; that of a segment leads nowhere but to what is in it.

    Without podman's name server: nodes ask the machine's, and no further process can die.
    """
    name = network_name(lab, segment)
    if succeeds(["podman", "network", "exists", name]):
        return
    options = ["--internal"] if segment else []
    arguments = ["network", "create", "--disable-dns", *options, "--subnet", prefix, *labels(lab, folder), name]
    call(*arguments, attempted=f"Making the network {name} ({prefix})")


def halt(name: str, exits: Path = EXITS) -> None:
    """Bring a container into a state from which it can be started, as if its plug were pulled.

    When its processes died together with its monitor, podman believes for ever that it is
    running or stopping: nobody wrote down how it ended. This writes it down.
    """
    attempted = f"Stopping {name}"
    row = json.loads(call("inspect", "--type", "container", name, attempted=attempted))[0]
    if row["State"]["Status"] not in ("running", "stopping", "paused"):
        return
    if alive(row["Id"], int(row["State"]["Pid"])):
        call("stop", "--time", "0", name, attempted=attempted)
        return
    exits.mkdir(parents=True, exist_ok=True)
    files.write(exits / row["Id"], KILLED)
    call("ps", "--all", "--sync", attempted=attempted)


def alive(identity: str, pid: int, proc: Path = Path("/proc")) -> bool:
    """Tell whether a container's main process lives (its number may have passed on to another one)."""
    try:
        return identity in (proc / str(pid) / "cgroup").read_text()
    except OSError:
        return False


def remove_containers(found: t.Sequence[Container]) -> None:
    """Remove containers whatever state they are in."""
    if found:
        what = [one.name for one in found]
        call("rm", "--force", "--time", "0", "--volumes", *what, attempted=f"Removing {' '.join(what)}")


def remove_volumes(volumes: t.Sequence[str]) -> None:
    """Remove volumes."""
    if volumes:
        call("volume", "rm", *volumes, attempted=f"Removing the volumes {' '.join(volumes)}")
