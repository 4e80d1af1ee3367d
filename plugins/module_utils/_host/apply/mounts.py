# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: file systems are mounted, swap is turned off, /etc/fstab is kept accordingly."""

from __future__ import annotations

import typing as t

from ..builder import Change
from ..model import Mount
from ..probes import mounts
from ..rules.mounts import SWAP_MARK, fstab_fields, fstab_line, swap_lines
from .context import Context

_FSTAB = "/etc/fstab"
_FIX = "Look at the source, the type and the options, and at the kernel log of the host"


def apply_mount(ctx: Context, change: Change) -> None:
    """Mount, remount or unmount, and only then set the line in /etc/fstab: it tells that all is done."""
    mount = t.cast(t.Optional[Mount], change.resource)
    line = mount.fstab_line if mount else change.entry["line"]
    before = fstab_line(ctx.system.read_text(_FSTAB).splitlines(), change.name)
    mounted = change.name in mounts(ctx.system)
    wanted = mount is not None or bool(change.entry["mounted"])
    source, options = (_part(line, 0), _part(line, 3)) if line else ("", "")
    if mounted and (not wanted or (before and line and _part(before, 0) != source)):
        ctx.system.demand(f"Cannot unmount {change.identity}", "End what uses it", "umount", change.name)
        mounted = False
    if wanted and not mounted and line:
        ctx.system.demand(
            f"Cannot mount {change.identity}", _FIX, "mount", "-t", _part(line, 2), "-o", options, source, change.name
        )
    elif wanted and before and line and _part(before, 3) != options:
        ctx.system.demand(f"Cannot remount {change.identity}", _FIX, "mount", "-o", f"remount,{options}", change.name)
    _set_line(ctx, change.name, line)


def _part(line: str, index: int) -> str:
    """A field of a line of /etc/fstab, blanks decoded."""
    return fstab_fields(line)[index].replace("\\040", " ")


def _set_line(ctx: Context, path: str, wanted: str | None) -> None:
    """Replace, add or remove the line of a mount point."""
    lines = ctx.system.read_text(_FSTAB).splitlines()
    old = fstab_line(lines, path)
    if old is None:
        lines += [wanted] if wanted else []
    else:
        place = lines.index(old)
        lines[place : place + 1] = [wanted] if wanted else []
    _write(ctx, lines)


def apply_swap(ctx: Context, change: Change) -> None:
    """Comment the swap lines and turn swap off; or the reverse."""
    lines = ctx.system.read_text(_FSTAB).splitlines()
    if change.resource is not None:
        swaps = set(swap_lines(lines))
        if swaps:
            _write(ctx, [SWAP_MARK + line if line in swaps else line for line in lines])
        fix = "Free memory for what is swapped out, then run again"
        ctx.system.demand("Cannot turn swap off", fix, "swapoff", "-a")
        return
    _write(ctx, [line[len(SWAP_MARK) :] if line.startswith(SWAP_MARK) else line for line in lines])
    if change.entry.get("active"):
        ctx.system.demand("Cannot turn swap on", "Look at the swap lines of /etc/fstab", "swapon", "-a")


def _write(ctx: Context, lines: list[str]) -> None:
    found = ctx.system.lstat(_FSTAB)
    root = found or ctx.system.lstat("/etc")
    uid, gid = (root.st_uid, root.st_gid) if root else (0, 0)
    mode = found.st_mode & 0o7777 if found else 0o644
    ctx.system.write(_FSTAB, ["".join(f"{line}\n" for line in lines).encode("utf-8")], mode, uid, gid)
    ctx.touched(_FSTAB)
