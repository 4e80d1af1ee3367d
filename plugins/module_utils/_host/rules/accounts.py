# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: planning of groups and users."""

from __future__ import annotations

from ..builder import KNOWN_LATER, Builder
from ..model import Group, User
from ..state import Account


def want_group(b: Builder, group: Group) -> None:
    """A group, with its number if one is given."""
    found = b.observed.groups.get(group.name)
    b.record(group.identity, b.entry(group.identity) or {"how": "adopted" if found else "created"})
    if found is None:
        b.change(group, "create", "absent", f"gid {KNOWN_LATER if group.gid is None else group.gid}")
    elif group.gid not in (None, found.number):
        b.refuse(group.identity, f"it exists with gid {found.number}, not {group.gid}", _renumber("gid", found.number))


def want_user(b: Builder, user: User) -> None:
    """A user; of an existing one only what is given is compared."""
    found = b.observed.users.get(user.name)
    b.record(user.identity, b.entry(user.identity) or {"how": "adopted" if found else "created"})
    if found is None:
        b.change(user, "create", "absent", f"uid {KNOWN_LATER if user.uid is None else user.uid}")
        return
    if user.uid not in (None, found.number):
        b.refuse(user.identity, f"it exists with uid {found.number}, not {user.uid}", _renumber("uid", found.number))
    differing = user_differences(user, found)
    if differing:
        before = ", ".join(f"{key} {old or 'none'}" for key, (old, _new) in differing.items())
        after = ", ".join(f"{key} {new}" for key, (_old, new) in differing.items())
        entry = b.entry(user.identity)
        if entry.get("how") == "adopted":
            b.record(user.identity, {"how": "replaced", "original": {key: old for key, (old, _n) in differing.items()}})
        b.change(user, "update", before, after)


def user_differences(user: User, found: Account) -> dict[str, tuple[str, str]]:
    """What is given and not so, as key -> (is, should be)."""
    result = {}
    for key in ("group", "home", "shell"):
        wanted, now = getattr(user, key), getattr(found, key)
        if wanted is not None and wanted != now:
            result[key] = (now, wanted)
    if set(user.groups) - set(found.groups):
        result["groups"] = (",".join(found.groups), ",".join(sorted({*found.groups, *user.groups})))
    return result


def _renumber(key: str, number: int) -> str:
    return f"Use {key}: {number} or leave {key} out; files of the old number would be left without an owner"


def leave_user(b: Builder, identity: str, name: str) -> None:
    """A user we made goes, its files stay; one we changed gets back what it had."""
    found, entry = b.observed.users.get(name), b.entry(identity)
    if found and entry["how"] == "created":
        b.leave(identity, "remove", f"uid {found.number}", "absent")
    elif found and entry["how"] == "replaced":
        original = ", ".join(f"{key} {value or 'none'}" for key, value in entry["original"].items())
        b.leave(identity, "restore", "as this owner wanted", original)
    b.forget(identity)


def leave_group(b: Builder, identity: str, name: str) -> None:
    """A group we made goes."""
    found = b.observed.groups.get(name)
    if found and b.entry(identity)["how"] == "created":
        b.leave(identity, "remove", f"gid {found.number}", "absent")
    b.forget(identity)
