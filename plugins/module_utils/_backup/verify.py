# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare a folder with the manifest of what it is to be."""

from __future__ import annotations

import os
import stat
import typing as t
from dataclasses import dataclass, field

from .._host.errors import HostError, explained
from .manifest import TYPES, read
from .model import AS_IS, Json
from .names import shown, to_text
from .tree import Entry, attributes, digest, key, walk


@dataclass
class Verdict:
    """What the comparison found; *bytes* are those of files, *differing* a line each for what is not as it was.

    *unsteady* are files that were written to while they were backed up: nobody can tell how they were.
    """

    files: int = 0
    bytes: int = 0
    differing: list[str] = field(default_factory=list)
    unsteady: list[str] = field(default_factory=list)


def verify(root: str, path: str, contents: bool = True) -> Verdict:
    """Compare everything below *root* with the manifest *path*, without *contents* all but those. Raises HostError."""
    verdict, lines = Verdict(), read(path)
    alive = next(lines)["method"] == AS_IS
    places: dict[str, int] = {}
    with explained(f"Cannot read {root}"):
        found = walk(root)
        entry = next(found, None)
        for line in lines:
            if "path" not in line:
                break
            wanted = key(line["path"])
            while entry and key(entry.path) < wanted:
                verdict.differing.append(f"{shown(entry.path)}: was not in the backup")
                entry = next(found, None)
            if not entry or entry.path != line["path"]:
                kind = verdict.unsteady if alive and "unsteady" in line else verdict.differing
                kind.append(f"{shown(line['path'])}: is missing")
                continue
            _compare(entry, line, places, verdict, alive, contents)
            entry = next(found, None)
        while entry:
            verdict.differing.append(f"{shown(entry.path)}: was not in the backup")
            entry = next(found, None)
    if alive:
        _forgive(verdict)
    return verdict


def demand(verdict: Verdict, attempted: str) -> None:
    """Raise HostError unless everything is as it was."""
    if verdict.differing:
        some, more = verdict.differing[:10], len(verdict.differing) - 10
        cause = "; ".join(some) + (f"; and {more} more" if more > 0 else "")
        fix = "The target is untouched. Restore another snapshot, and run the verb check with data"
        raise HostError(attempted, f"what was restored is not what was backed up: {cause}", fix)


def _compare(entry: Entry, line: Json, places: dict[str, int], verdict: Verdict, alive: bool, contents: bool) -> None:
    status, kind = entry.status, TYPES.get(stat.S_IFMT(entry.status.st_mode), "socket")
    said = [
        f"{name} is {now} instead of {then}"
        for name, now, then in (
            ("type", kind, line["type"]),
            ("mode", f"{stat.S_IMODE(status.st_mode):04o}", f"{line['mode']:04o}"),
            ("owner", f"{status.st_uid}:{status.st_gid}", f"{line['uid']}:{line['gid']}"),
            ("time", status.st_mtime_ns, line["mtime_ns"]),
        )
        if now != then
    ]
    if kind == line["type"] == "file":
        verdict.files += 1
        verdict.bytes += status.st_size
        if status.st_size != line["size"]:
            said.append(f"size is {status.st_size} instead of {line['size']}")
        elif contents and digest(entry)[0] != line["sha256"]:
            said.append("its content differs")
    elif kind == line["type"] == "link":
        target = to_text(os.readlink(entry.name, dir_fd=entry.folder))
        if target != line["link"]:
            said.append(f"leads to {shown(target)} instead of {shown(line['link'])}")
    elif kind in ("char", "block") and status.st_rdev != line.get("device"):
        said.append("is another device")
    if attributes(entry) != line.get("xattrs", ""):
        said.append("its extended attributes differ")
    if kind != "folder":
        twin = line.get("twin", entry.path)
        if twin == entry.path:
            places[twin] = status.st_ino
        elif places.get(twin) != status.st_ino:
            said.append(f"is no hard link to {shown(twin)}")
    if said:
        moving = alive and ("unsteady" in line or status.st_mtime_ns > line["mtime_ns"])
        (verdict.unsteady if moving else verdict.differing).append(f"{shown(entry.path)}: {', '.join(said)}")


def _forgive(verdict: Verdict) -> None:
    """Of a volume that was in use, files may have come after the manifest was made."""
    came = [text for text in verdict.differing if text.endswith(": was not in the backup")]
    verdict.unsteady += came
    verdict.differing = [text for text in verdict.differing if text not in set(came)]


def newer_than(root: str, moment_ns: int, most: int = 5) -> t.Iterator[str]:
    """Give the first files below *root* that were written to after a moment (ns since the epoch). Raises OSError."""
    for entry in walk(root):
        if not stat.S_ISDIR(entry.status.st_mode) and entry.status.st_mtime_ns > moment_ns:
            yield shown(entry.path)
            most -= 1
            if not most:
                return
