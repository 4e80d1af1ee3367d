# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks of the workers: btrfs in files of the node's own volume, by loop devices that go with the node."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

from lab import files, podman
from lab.process import run
from lab.state import Lab, Node

VOLUMES = Path("/var/lib/containers/storage/volumes")
FOLDER = "lab-disks"
# Large enough for btrfs, small enough to be filled in a moment. The files are as large as what is in them.
SIZE = 256 * 2**20
DISKS = {"ssd": "/srv/ssd", "hdd": "/srv/hdd"}
"""Name of each disk of a worker, and where it is mounted."""

# A node knows the loop devices that the machine had when it was started. `mount` takes the one that a file has already,
# and one that it made itself goes with the last mount: with the node, however that ends.
MOUNT_SCRIPT = """
for number in $(seq 0 63); do
  [ -b "/dev/loop$number" ] || mknod -m 660 "/dev/loop$number" b 7 "$number"
done
plug() {
  mountpoint -q "$2" && return
  mkdir -p "$2"
  mount -t btrfs -o loop "$1" "$2"
}
"""


def of(node: Node) -> dict[str, str]:
    """Return the disks of a node."""
    return DISKS if node.role == "worker" else {}


def make(lab: Lab, node: Node) -> None:
    """Make the files of a node's disks, unless they are there; its volume must be filled by then."""
    folder = VOLUMES / podman.name_of(lab.name, node.name) / "_data" / FOLDER
    for name in of(node):
        path = folder / f"{name}.img"
        if path.exists():
            continue
        folder.mkdir(mode=0o700, exist_ok=True)
        fresh = folder / f"{files.PARTIAL}{name}"
        with fresh.open("wb") as stream:
            stream.truncate(SIZE)
        run(
            ["mkfs.btrfs", "--quiet", "--mixed", "--label", name, fresh], attempted=f"Making disk {name} of {node.name}"
        )
        fresh.rename(path)


def mounting(node: Node) -> str:
    """Return shell lines that mount a node's disks where they are not mounted."""
    lines = [f"plug /var/lib/{FOLDER}/{name}.img {place}\n" for name, place in of(node).items()]
    return "".join([MOUNT_SCRIPT, *lines]) if lines else ""


def detach(volumes: t.Sequence[str]) -> None:
    """Detach loop devices whose file lies in one of these volumes."""
    folders = [str(VOLUMES / name) for name in volumes if (VOLUMES / name).is_dir()]
    columns = "NAME,BACK-INO,BACK-MAJ:MIN"
    text = run(["losetup", "--json", "--list", "--output", columns], attempted="Listing loop devices")
    for device in json.loads(text or "{}").get("loopdevices", []):
        where = [one for one in folders if _device(one) == device["back-maj:min"]]
        inode = str(device["back-ino"])
        if where and run(["find", *where, "-xdev", "-inum", inode], attempted="Searching the lab's volumes"):
            run(["losetup", "--detach", device["name"]], attempted=f"Detaching {device['name']}")


def _device(folder: str) -> str:
    found = os.stat(folder).st_dev
    return f"{os.major(found)}:{os.minor(found)}"
