# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at what each volume really is: its folder, file system and subvolume."""

from __future__ import annotations

import bisect
import itertools
import os
import re
import typing as t
from dataclasses import dataclass, field

from .model import Volume

_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    """One line of mountinfo: where it is, what it is, can it be written to, and what of which device it shows."""

    point: str
    kind: str
    writable: bool
    device: str = ""
    root: str = ""


@dataclass(frozen=True)
class Seen:
    """What a volume is. *subvolume* is the btrfs subvolume it lies in, *beside* where a snapshot of that can be put.

    *inside* are mount points below it; *real* is the path without links.
    """

    folder: bool = False
    real: str = ""
    kind: str = ""
    subvolume: str = ""
    beside: str = ""
    inside: tuple[str, ...] = field(default=())


def mounts_of(text: str) -> list[Mount]:
    """Return the mounts that the content of /proc/PID/mountinfo lists; of several at one point the last counts."""
    found: dict[str, Mount] = {}
    for line in text.splitlines():
        first, _dash, last = line.partition(" - ")
        words, about = first.split(" "), last.split(" ")
        root, point = (_ESCAPED.sub(lambda match: chr(int(match[1], 8)), word) for word in words[3:5])
        writable = "rw" in words[5].split(",") and "rw" in about[2].split(",")
        found[point] = Mount(point, about[0], writable, words[2], root)
    return list(found.values())


def observe(volumes: t.Sequence[Volume], mountinfo: str = "/proc/self/mountinfo") -> dict[str, Seen]:
    """Return what each volume is, by name."""
    with open(mountinfo, encoding="utf-8", errors="surrogateescape") as stream:
        mounts = {mount.point: mount for mount in mounts_of(stream.read())}
    points = sorted(mounts)
    return {volume.name: _look(volume.path, mounts, points) for volume in volumes}


def mount_at(path: str, mounts: t.Sequence[Mount]) -> Mount:
    """Return the mount that a path lies in."""
    over = [mount for mount in mounts if path == mount.point or path.startswith(mount.point.rstrip("/") + "/")]
    return max(over, key=lambda mount: len(mount.point))


def mounted_by(target: str) -> str:
    """Return who has *target*, or a folder in it, mounted, as a pod does; "" when nobody has."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as stream:
        own = mount_at(target, mounts_of(stream.read()))
    inner = os.path.normpath(f"{own.root.rstrip('/')}/{os.path.relpath(target, own.point)}")
    seen = set()
    for process in sorted(filter(str.isdigit, os.listdir("/proc")), key=int):
        try:
            space = os.readlink(f"/proc/{process}/ns/mnt")
            if space in seen:
                continue
            seen.add(space)
            with open(f"/proc/{process}/mountinfo", encoding="utf-8", errors="surrogateescape") as stream:
                mounts = mounts_of(stream.read())
        except OSError:
            continue
        for mount in mounts:
            if mount.device == own.device and f"{mount.root}/".startswith(f"{inner}/"):
                return f"process {process} has it mounted at {mount.point}"
    return ""


def _look(path: str, mounts: t.Mapping[str, Mount], points: t.Sequence[str]) -> Seen:
    """Look at one, without going through all mounts: there may be many of both."""
    if not os.path.isdir(path):
        return Seen()
    real = os.path.realpath(path)
    over = real
    while over not in mounts and over != "/":
        over = os.path.dirname(over)
    mount, below = mounts[over], real + "/"
    first = bisect.bisect_left(points, below)
    inside = tuple(itertools.takewhile(lambda point: point.startswith(below), points[first:]))
    subvolume = beside = ""
    if mount.kind == "btrfs":
        subvolume = _subvolume(real, mount.point)
        # The parent of a subvolume is another one's, unless it is where the file system is mounted.
        beside = subvolume if subvolume == mount.point else os.path.dirname(subvolume)
        if not mount.writable or (beside == real):
            beside = ""
    return Seen(True, real, mount.kind, subvolume, beside, inside)


def _subvolume(path: str, top: str) -> str:
    while path != top and os.stat(path).st_ino != 256:
        path = os.path.dirname(path)
    return path
