# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: files, directories and links are made, changed and removed."""

from __future__ import annotations

import typing as t

from ..builder import Change
from ..model import Directory, File, Link
from .context import Context


def apply_file(ctx: Context, change: Change) -> None:
    """Write a file in one step, or only set its rights; remove it, or put the original back."""
    ctx.touched(change.name)
    file = t.cast(t.Optional[File], change.resource)
    if file is None:
        if change.action == "restore":
            ctx.store.restore_original(change.name, change.entry["original"])
        else:
            ctx.system.remove(change.name)
        return
    uid, gid = ctx.account(file.identity, "user", file.owner), ctx.account(file.identity, "group", file.group)
    content = ctx.contents[file.sha256]
    if file.check:
        fix = "What was there before stays in force; correct what the content is made of"
        ctx.system.demand(f"Cannot put {file.identity} into place", fix, *file.check, data=content)
    ctx.system.write(file.name, [content.encode("utf-8")], int(file.mode, 8), uid, gid)


def apply_directory(ctx: Context, change: Change) -> None:
    """Make a folder and those above it, or set its rights; remove it when empty."""
    folder = t.cast(t.Optional[Directory], change.resource)
    if folder is None:
        _leave_directory(ctx, change)
        return
    uid, gid = ctx.account(folder.identity, "user", folder.owner), ctx.account(folder.identity, "group", folder.group)
    root = ctx.system.lstat("/")
    for parent in change.entry.get("parents", []):
        if not ctx.system.exists(parent):
            ctx.system.make_directory(parent, 0o755, root.st_uid if root else 0, root.st_gid if root else 0)
    if ctx.system.is_directory(folder.name):
        ctx.system.set_attributes(folder.name, int(folder.mode, 8), uid, gid)
    else:
        ctx.system.make_directory(folder.name, int(folder.mode, 8), uid, gid)


def _leave_directory(ctx: Context, change: Change) -> None:
    if change.action == "restore":
        original = change.entry["original"]
        uid = ctx.account(change.identity, "user", original["owner"])
        gid = ctx.account(change.identity, "group", original["group"])
        ctx.system.set_attributes(change.name, original["mode"], uid, gid)
    elif ctx.system.remove_directory(change.name):
        for parent in reversed(change.entry.get("parents", [])):
            ctx.system.remove_directory(parent)
    else:
        ctx.warnings.append(f"Directory {change.name} is kept: something was put into it meanwhile")


def apply_link(ctx: Context, change: Change) -> None:
    """Make or turn a link in one step; remove it, or turn it back."""
    ctx.touched(change.name)
    link = t.cast(t.Optional[Link], change.resource)
    if link is not None:
        ctx.system.make_link(link.name, link.target)
    elif change.action == "restore":
        ctx.system.make_link(change.name, change.entry["original"]["target"])
    else:
        ctx.system.remove(change.name)
