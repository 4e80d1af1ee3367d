# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest of a volume: one line of JSON for each thing in it, sorted as it is walked, between a head and a foot.

The head of a dump's tells of what it is: its "hook", and the "database" as that names it.

A line: {"path", "type", "mode", "uid", "gid", "mtime_ns", "ctime_ns", "inode"}, of files "size" and "sha256", of links
"link", of devices "device"; with extended attributes "xattrs" (a digest), with hard links "twin" (the group's first
path), and "unsteady" where a file was written to while it was read: its digest means nothing then.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import stat
import typing as t
from dataclasses import dataclass, field

from .._host.errors import HostError, explained
from .model import BTRFS, Json
from .names import shown, to_text
from .tree import Entry, attributes, digest, is_left_out_subvolume, key, version, walk

FORMAT = 1
TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
}
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO)


@dataclass
class Taken:
    """What writing a manifest found out; *bytes* are those of the files' content."""

    files: int = 0
    bytes: int = 0
    unsteady: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    changed: bool = False


def write(
    root: str, target: str, volume: str, method: str, work: str, about: t.Mapping[str, str] | None = None
) -> Taken:
    """Write the manifest of *root* to *target*, or leave that untouched when it says the same. Raises HostError.

    What the former manifest in *target* knows of unchanged things is taken from there. It is written in the folder
    *work*: a folder in which files come and go is another one to restic. *about* is added to the head.
    """
    same = unchanged(root, target, method, about)
    if same:
        return Taken(same["files"], same["bytes"])
    taken, temporary = Taken(), f"{work}/{volume.replace('/', '~')}.{os.path.basename(target)}"
    head = _line({"format": FORMAT, "volume": volume, "method": method, **(about or {})})
    with explained(f"Cannot read the volume {volume}"), open(temporary, "w", encoding="ascii") as stream:
        former = _Former(target, head)
        taken.changed = former.head != head
        stream.write(head)
        twins: dict[tuple[int, int], str] = {}
        for entry in walk(root):
            try:
                text = _describe(entry, former.at(entry.path), twins, taken)
            except OSError as exc:
                # Not there any more, or something else by now.
                if exc.errno not in _GONE:
                    raise
                taken.unsteady.append(shown(entry.path))
                continue
            taken.changed |= text != former.text
            stream.write(text)
        foot = _line({"files": taken.files, "bytes": taken.bytes})
        taken.changed |= former.rest() != foot
        stream.write(foot)
    if method != BTRFS:
        # Of others such an inode is one like any.
        taken.left_out.clear()
    with explained(f"Cannot keep the manifest of {volume}"):
        if taken.changed:
            os.replace(temporary, target)
        else:
            os.unlink(temporary)
    return taken


def read(path: str) -> t.Iterator[Json]:
    """Give head, lines and foot of a manifest. Raises HostError when it is none, or ends before its foot."""
    attempt = f"Cannot read the manifest {path}"
    with explained(attempt), open(path, encoding="ascii") as stream:
        yield from parsed(stream, attempt)


def parsed(texts: t.Iterable[str], attempt: str) -> t.Iterator[Json]:
    """Give what the lines of a manifest say, as ``read`` does."""
    fix = "Restore another snapshot; this one cannot be verified"
    last: Json = {}
    for number, text in enumerate(texts):
        try:
            last = json.loads(text)
        except ValueError as exc:
            raise HostError(attempt, f"line {number + 1} is no JSON", fix) from exc
        if not number and last.get("format") != FORMAT:
            raise HostError(attempt, f"its format is {last.get('format')}, not {FORMAT}", fix)
        yield last
    if "files" not in last:
        raise HostError(attempt, "its end is missing", fix)


def changed_since(root: str, path: str) -> list[str]:
    """Return the files of *root* that are not what they were when the manifest *path* was written. Raises HostError."""
    known = {
        line["path"]: (line["size"], line["mtime_ns"], line["ctime_ns"], line["inode"])
        for line in read(path)
        if line.get("type") == "file"
    }
    with explained(f"Cannot look at {root} again"):
        found = {entry.path: version(entry.status) for entry in walk(root) if stat.S_ISREG(entry.status.st_mode)}
    return sorted(shown(name) for name in known.keys() | found.keys() if known.get(name) != found.get(name))


def unchanged(root: str, path: str, method: str, about: t.Mapping[str, str] | None = None) -> Json | None:
    """Return the foot of the manifest *path* when *root* is still what that was made of, else None. Raises HostError.

    *method* and *about* are what ``write`` would be given. No content is looked at, nothing is written.
    """
    if not os.path.lexists(path):
        return None
    try:
        lines = read(path)
        head = next(lines)
    except (HostError, StopIteration):
        return None
    foot: Json = {}
    with explained(f"Cannot look at {root}"):
        for entry, line in itertools.zip_longest(walk(root), _sound(lines)):
            if entry is None:
                foot = line
                break
            if line is None or entry.path != line.get("path") or "unsteady" in line:
                return None
            times = entry.status.st_mtime_ns, entry.status.st_ctime_ns, entry.status.st_ino
            if times != (line["mtime_ns"], line["ctime_ns"], line["inode"]):
                return None
            if method == BTRFS and is_left_out_subvolume(entry):
                return None
    wanted = {"method": method, **(about or {})}
    return foot if "files" in foot and wanted.items() <= head.items() else None


def _sound(lines: t.Iterator[Json]) -> t.Iterator[Json]:
    """Give the lines up to where the manifest is damaged."""
    try:
        yield from lines
    except HostError:
        return


class _Former:
    """The manifest of the last time, read alongside the walk."""

    def __init__(self, path: str, head: str) -> None:
        self._lines = _lines(path)
        self.head = next(self._lines, "")
        # Another format means other lines.
        if _loaded(self.head).get("format") != _loaded(head)["format"]:
            self._lines = iter(())
        self.text, self._next, self._skipped = "", next(self._lines, ""), False

    def at(self, path: str) -> Json:
        """Return the line of *path*, {} when there was none; its text is in ``text``."""
        self.text = ""
        wanted = key(path)
        while self._next:
            line = _loaded(self._next)
            if "path" not in line or key(line["path"]) > wanted:
                return {}
            found, text = line["path"] == path, self._next
            self._next = next(self._lines, "")
            if found:
                self.text = text
                return line
            self._skipped = True
        return {}

    def rest(self) -> str:
        """Return what was not asked for: the foot, when nothing is gone."""
        return "".join(itertools.chain([self._next] if not self._skipped else ["gone"], self._lines))


def _lines(path: str) -> t.Iterator[str]:
    try:
        with open(path, encoding="ascii") as stream:
            yield from stream
    except OSError:
        return


def _loaded(text: str) -> Json:
    try:
        found = json.loads(text)
        return found if isinstance(found, dict) else {}
    except ValueError:
        return {}


def _describe(entry: Entry, former: Json, twins: dict[tuple[int, int], str], taken: Taken) -> str:
    status = entry.status
    kind = TYPES[stat.S_IFMT(status.st_mode)]
    if is_left_out_subvolume(entry):
        taken.left_out.append(shown(entry.path))
    line: Json = {
        "path": entry.path,
        "type": kind,
        "mode": stat.S_IMODE(status.st_mode),
        "uid": status.st_uid,
        "gid": status.st_gid,
        "mtime_ns": status.st_mtime_ns,
        "ctime_ns": status.st_ctime_ns,
        "inode": status.st_ino,
    }
    # Nothing changes a thing, or what is attached to it, and leaves its ctime.
    same = all(former.get(name) == line[name] for name in ("type", "mtime_ns", "ctime_ns", "inode"))
    if kind == "file":
        taken.files += 1
        taken.bytes += status.st_size
        line["size"] = status.st_size
        if same and former.get("size") == status.st_size and "unsteady" not in former:
            line["sha256"] = former["sha256"]
        else:
            line["sha256"], steady = digest(entry)
            if not steady:
                line["unsteady"] = True
                taken.unsteady.append(shown(entry.path))
    elif kind == "link":
        line["link"] = to_text(os.readlink(entry.name, dir_fd=entry.folder))
    elif kind in ("char", "block"):
        line["device"] = status.st_rdev
    if status.st_nlink > 1 and kind != "folder":
        line["twin"] = twins.setdefault((status.st_dev, status.st_ino), entry.path)
    attached = former.get("xattrs", "") if same else attributes(entry)
    if attached:
        line["xattrs"] = attached
    return _line(line)


def _line(content: Json) -> str:
    return json.dumps(content, separators=(",", ":")) + "\n"
