# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a verb and kills itself at a point: `before:NAME` or `after:NAME` of a function, or `during:NAME:PATTERN`.

The last is when a path of that pattern, relative to the node's folder, is first seen after the function was called.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import typing as t
from pathlib import Path

from ansible_collections.atarnet.homelab.plugins.module_utils._backup import (
    backup,
    btrfs,
    control_plane,
    drill,
    etcd,
    freezer,
    manifest,
    playback,
    process,
    record,
    restic,
    restore,
    swap,
    view,
)

from tests.unit.backup.freezing import OnePod
from tests.unit.backup.node import Node, restic_folder

PLACES: dict[str, tuple[t.Any, str]] = {
    "make_folders": (view, "make_folders"),
    "snapshot": (btrfs, "snapshot"),
    "delete": (btrfs, "delete"),
    "freeze": (freezer, "freeze"),
    "thaw": (freezer, "thaw"),
    "describe": (manifest, "write"),
    "restic": (restic.Restic, "demand"),
    "start": (process, "start"),
    "waiting": (restic.Restic, "waiting"),
    "go_on": (restic.Waiting, "go_on"),
    "save": (record, "save"),
    "verify": (restore, "verify"),
    "into_place": (swap, "into_place"),
    "rename": (swap.os, "rename"),
    "etcd": (etcd, "restore"),
    "put": (control_plane, "write_whole"),
    "member": (swap.os, "rename"),
    "remove": (swap, "remove"),
    "reading": (restic.Restic, "reading"),
    "pod": (OnePod, "run"),
}


def die() -> None:
    """End at once, as by `kill -9`."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_sight(root: Path, pattern: str) -> None:
    """End once there is such a path."""
    while not any(root.glob(pattern)):
        time.sleep(0.001)
    die()


def arm(point: str, root: Path) -> None:
    """Have the process killed at a point."""
    when, name, *rest = point.split(":")
    place, attribute = PLACES[name]
    real = getattr(place, attribute)

    def wrapped(*arguments: t.Any, **named: t.Any) -> t.Any:
        # Of restic only the run that works on data.
        if name in ("restic", "start") and not {"backup", "restore"} & set(map(str, arguments)):
            return real(*arguments, **named)
        if name == "rename" and not str(arguments[0]).endswith("/new"):
            return real(*arguments, **named)
        if name == "member" and not str(arguments[0]).endswith("/member"):
            return real(*arguments, **named)
        if name == "pod" and "pg_restore" not in arguments[3]:
            return real(*arguments, **named)
        if when == "before":
            die()
        if when == "during":
            threading.Thread(target=die_at_sight, args=(root, rest[0]), daemon=True).start()
        answer = real(*arguments, **named)
        if when == "after":
            die()
        return answer

    setattr(place, attribute, wrapped)


def main() -> None:
    """Do what the first argument tells as JSON."""
    job = json.loads(sys.argv[1])
    os.environ["PATH"] = f"{restic_folder()}:{os.environ['PATH']}"
    node = Node(Path(job["root"]), job["name"], job["volumes"])
    arm(job["point"], node.root)
    if job["verb"] == "backup":
        backup.run(node.wanted(), node.places, OnePod(job.get("cgroup", "")))
    elif job["verb"] == "control_plane":
        repository = node.wanted().repository
        lost = control_plane.Lost("lab", node.name, "127.0.0.1", repository)
        control_plane.restore(lost, node.places, host=control_plane.Host(**job["host"]))
    elif job["verb"] == "drill":
        drill.drill(node.wanted(), node.places)
    elif job["verb"] == "play":
        playback.play(node.wanted(), node.places, playback.Request(job["volume"]), pods=OnePod())
    else:
        restore.restore(node.wish(job["volume"], overwrite=True), node.places)


if __name__ == "__main__":
    main()
