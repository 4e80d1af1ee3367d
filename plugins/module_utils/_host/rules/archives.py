# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: planning of archives, which are known by a stamp in the ledger."""

from __future__ import annotations

from ..builder import Builder
from ..ledger import Entry
from ..model import Archive
from ..state import PathState


def want(b: Builder, archive: Archive) -> None:
    """The wanted members, from the archive with the wanted SHA-256.

    The stamp (``sha256`` of the archive in the entry) is empty from before an installation until its end,
    so one that was killed is done again.
    """
    source = archive.sources.get(b.observed.arch)
    if source is None:
        known = ", ".join(sorted(archive.sources))
        fix = f"Add sources.{b.observed.arch} with urls and sha256"
        b.refuse(archive.identity, f"it has sources for {known} only and this host is {b.observed.arch}", fix)
    entry = b.entry(archive.identity)
    for path in archive.paths:
        if b.path(path).kind in ("directory", "other"):
            b.refuse(archive.identity, f"a {b.path(path).kind} lies at {path}", "Move it away, or change the name")
    reason = _reason(b, archive, source.sha256, entry)
    members = {**entry.get("members", {}), **_members(b, archive, entry)}
    if reason is None:
        b.record(archive.identity, {**entry, "members": members})
    else:
        b.need_folder(archive.identity, archive.destination)
        b.record(archive.identity, {"how": "created", "sha256": "", "members": members})
        before = f"sha256 {entry['sha256'][:12]}{reason}" if entry.get("sha256") else "absent"
        after = f"sha256 {source.sha256[:12]}, {len(archive.paths)} file(s) in {archive.destination}"
        b.change(archive, "update" if entry.get("sha256") else "create", before, after)
    for path in archive.paths:
        b.will_be(path, PathState("file"))


def _reason(b: Builder, archive: Archive, sha256: str, entry: Entry) -> str | None:
    """Why the archive has to be installed (again); None when it has not."""
    stamps = entry.get("members", {})
    if entry.get("sha256") != sha256:
        return ""
    if set(stamps) != set(archive.paths):
        return ", other members"
    for path in archive.paths:
        state = b.path(path)
        if state.kind == "absent":
            return f", {path} missing"
        if state.sha256 != stamps[path]["sha256"] or state.mode != archive.mode:
            return f", {path} changed by hand"
    return None


def _members(b: Builder, archive: Archive, entry: Entry) -> dict[str, Entry]:
    """The ledger's lines for the wanted members; files that are not ours are kept as originals."""
    members: dict[str, Entry] = {}
    for path in archive.paths:
        state, stamp = b.path(path), entry.get("members", {}).get(path)
        if stamp is None:
            exists = state.kind != "absent"
            members[path] = {"how": "replaced" if exists else "created"}
            if state.kind == "file":
                b.plan.originals.append((archive.identity, path))
            elif state.kind == "link":
                members[path]["original"] = {"target": state.target}
        elif stamp.get("sha256") and stamp["sha256"] == state.sha256:
            members[path] = {**stamp, "size": state.size, "mtime_ns": state.mtime_ns, "inode": state.inode}
        else:
            members[path] = stamp
    return members


def leave(b: Builder, identity: str, name: str) -> None:
    """The members go, and what they replaced comes back."""
    entry = b.entry(identity)
    members = entry.get("members", {})
    present = [path for path in members if b.observed.path(path).kind != "absent"]
    if present or any(stamp["how"] == "replaced" for stamp in members.values()):
        b.leave(identity, "remove", f"{len(present)} file(s) of {name}", "absent")
        for path, stamp in members.items():
            if stamp["how"] == "created":
                b.will_be(path)
    b.forget(identity)
