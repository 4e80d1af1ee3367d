# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: members of archives are installed and removed."""

from __future__ import annotations

import typing as t

from ..builder import Change
from ..ledger import DOWNLOADS, Entry, ensure_private
from ..model import Archive
from ..unpack import opened
from .context import Context


def download(ctx: Context, arch: str) -> None:
    """Bring the archives of all planned installations here, in parallel and before anything changes."""
    wanted = list(ctx.of_kind("archive", wanted=True))
    if not wanted:
        return
    # HTTP and TLS are a fifth of the time in which the module starts, and most runs download nothing.
    from ..download import Fetch, fetch_all

    fetches = []
    for change in wanted:
        source = t.cast(Archive, change.resource).sources[arch]
        fetches.append(Fetch(change.identity, source.urls, source.sha256))
    ensure_private(ctx.system, DOWNLOADS)
    ctx.downloads = fetch_all(fetches, ctx.system.real(DOWNLOADS))


def apply(ctx: Context, change: Change, arch: str) -> None:
    """Install the wanted members one by one, each in one step, then stamp the entry; or remove them all."""
    archive = t.cast(t.Optional[Archive], change.resource)
    entry = ctx.entry(change.identity)
    if archive is None:
        for path, stamp in entry["members"].items():
            remove_member(ctx, path, stamp)
        return
    sha256 = archive.sources[arch].sha256
    stamps = {}
    with opened(archive, ctx.downloads[sha256]) as member_bytes:
        for index, path in enumerate(archive.paths):
            member = list(archive.members)[index] if archive.members else ""
            stamps[path] = _install(ctx, archive, path, member_bytes(member), entry["members"][path])
    for path, stamp in entry["members"].items():
        if path not in stamps:
            remove_member(ctx, path, stamp)
    ctx.save(change.identity, {**entry, "sha256": sha256, "members": stamps})


def _install(ctx: Context, archive: Archive, path: str, data: t.Iterable[bytes], stamp: Entry) -> Entry:
    uid, gid = ctx.account(archive.identity, "user", "root"), ctx.account(archive.identity, "group", "root")
    value = ctx.system.write(path, data, int(archive.mode, 8), uid, gid)
    ctx.touched(path)
    found = ctx.system.lstat(path)
    known = {"how": stamp["how"], "original": stamp.get("original")}
    if found is None:
        return {key: text for key, text in known.items() if text}
    place = {"sha256": value, "size": found.st_size, "mtime_ns": found.st_mtime_ns, "inode": found.st_ino}
    return {**{key: text for key, text in known.items() if text}, **place}


def remove_member(ctx: Context, path: str, stamp: Entry) -> None:
    """Remove one installed file, or put back what it replaced."""
    original = stamp.get("original") or {}
    if "target" in original:
        ctx.system.make_link(path, original["target"])
    elif "file" in original:
        ctx.store.restore_original(path, original)
    else:
        ctx.system.remove(path)
    ctx.touched(path)


def clean(ctx: Context) -> None:
    """Remove the downloads that were used."""
    for sha256 in ctx.downloads:
        ctx.system.remove(f"{DOWNLOADS}/{sha256}")
    if ctx.downloads:
        ctx.system.remove_directory(DOWNLOADS)
