# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: planning of mounts and swap, which share /etc/fstab."""

from __future__ import annotations

from ..builder import Builder
from ..model import Mount, MountPoint, Swap

SWAP_MARK = "# atarnet-homelab swap off: "


def fstab_fields(line: str) -> list[str]:
    """The fields of a line of /etc/fstab, none for a comment."""
    return [] if line.lstrip().startswith("#") else line.split()


def fstab_line(lines: list[str], path: str) -> str | None:
    """The line that mounts something at a path."""
    return next((line for line in lines if fstab_fields(line)[1:2] == [path]), None)


def swap_lines(lines: list[str]) -> list[str]:
    """The lines that turn swap on at boot."""
    return [line for line in lines if fstab_fields(line)[2:3] == ["swap"]]


def want_mount(b: Builder, mount: Mount) -> None:
    """A line in /etc/fstab and the file system mounted."""
    line, mounted = fstab_line(b.observed.fstab, mount.name), b.observed.mounts.get(mount.name)
    right = line is not None and fstab_fields(line)[:4] == mount.fstab_line.split()[:4]
    entry = b.entry(mount.identity)
    how = "created" if line is None and mounted is None else "adopted" if right and mounted else "replaced"
    if not entry or (entry["how"] == "adopted" and how == "replaced"):
        entry = {"how": how, "line": line, "mounted": mounted is not None}
    b.record(mount.identity, entry)
    if mounted and mounted != mount.fstype and mount.fstype not in ("none", "auto"):
        b.refuse(mount.identity, f"a {mounted} file system is mounted there", "Unmount it or choose another path")
    if right and mounted:
        return
    b.need_folder(mount.identity, mount.name)
    before = f"{line or 'not in /etc/fstab'}, {'mounted' if mounted else 'not mounted'}"
    action = "create" if line is None and not mounted else "update"
    b.change(mount, action, before, f"{mount.fstab_line}, mounted")


def leave_mount(b: Builder, identity: str, name: str) -> None:
    """A mount we made goes; a line we replaced comes back."""
    entry, line = b.entry(identity), fstab_line(b.observed.fstab, name)
    mounted = name in b.observed.mounts
    if entry["how"] != "adopted" and (line != entry["line"] or mounted != entry["mounted"]):
        after = f"{entry['line'] or 'not in /etc/fstab'}, {'mounted' if entry['mounted'] else 'not mounted'}"
        b.leave(identity, "remove" if entry["how"] == "created" else "restore", line or "mounted", after)
    b.forget(identity)


def want_mountpoint(b: Builder, place: MountPoint) -> None:
    """Something is mounted there; what would be put below it otherwise would fill the root file system."""
    if place.name not in b.observed.mounts:
        fix = (
            "Mount its disk there first, by /etc/fstab so that it is there after a reboot, "
            "or say mounted: false where the root file system is meant"
        )
        b.refuse(place.identity, f"{place.name} is no mount point", fix)
    b.record(place.identity, {"how": "adopted"})


def leave_mountpoint(b: Builder, identity: str, name: str) -> None:
    """What was only looked at stays."""
    b.forget(identity)


def want_swap(b: Builder, swap: Swap) -> None:
    """No active swap and none at boot."""
    active, lines = b.observed.swaps, swap_lines(b.observed.fstab)
    entry = b.entry(swap.identity) or {"how": "created" if active or lines else "adopted"}
    b.record(swap.identity, {**entry, "active": entry.get("active") or bool(active)})
    if active or lines:
        before = f"{len(active)} active ({', '.join(active)})" if active else "none active"
        b.change(swap, "disable", f"{before}, {len(lines)} in /etc/fstab", "off")


def leave_swap(b: Builder, identity: str, name: str) -> None:
    """Swap that we turned off comes back."""
    marked = [line for line in b.observed.fstab if line.startswith(SWAP_MARK)]
    if marked:
        b.leave(identity, "restore", "off", f"{len(marked)} in /etc/fstab")
    b.forget(identity)
