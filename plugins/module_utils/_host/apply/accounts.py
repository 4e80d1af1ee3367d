# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: groups and users are made, changed and removed."""

from __future__ import annotations

import typing as t

from ..builder import Change
from ..model import Group, User
from ..probes import accounts
from ..rules.accounts import user_differences
from ..state import Account
from .context import Context

_FLAGS = {"group": "--gid", "home": "--home-dir", "shell": "--shell", "groups": "--groups"}
_FIX = "Look at /etc/passwd and /etc/group of the host"


def apply_group(ctx: Context, change: Change) -> None:
    """Make or remove a group."""
    group = t.cast(t.Optional[Group], change.resource)
    if group is None:
        if change.name not in accounts(ctx.system)[1]:
            return  # userdel took it along as the user's own.
        ctx.system.demand(f"Cannot remove {change.identity}", "End what still uses it", "groupdel", change.name)
        return
    options = ["--system"] if group.system else []
    options += [] if group.gid is None else ["--gid", str(group.gid)]
    ctx.system.demand(f"Cannot create {change.identity}", _FIX, "groupadd", *options, group.name)


def apply_user(ctx: Context, change: Change) -> None:
    """Make, change or remove a user; a home folder is neither made nor removed."""
    user = t.cast(t.Optional[User], change.resource)
    if user is None:
        _leave_user(ctx, change)
    elif change.action == "create":
        options = ["--no-create-home", *(["--system"] if user.system else [])]
        options += [] if user.uid is None else ["--uid", str(user.uid)]
        wanted = {key: new for key, (_old, new) in user_differences(user, Account(-1)).items()}
        if user.group is None:
            options.append("--user-group")
        ctx.system.demand(f"Cannot create {change.identity}", _FIX, "useradd", *options, *_flags(wanted), user.name)
    else:
        found = accounts(ctx.system)[0][user.name]
        wanted = {key: new for key, (_old, new) in user_differences(user, found).items()}
        ctx.system.demand(f"Cannot change {change.identity}", _FIX, "usermod", *_usermod(wanted), user.name)


def _leave_user(ctx: Context, change: Change) -> None:
    if change.action == "restore":
        flags = _usermod(change.entry["original"])
        ctx.system.demand(f"Cannot restore {change.identity}", _FIX, "usermod", *flags, change.name)
    else:
        ctx.system.demand(f"Cannot remove {change.identity}", "End its processes", "userdel", change.name)


def _flags(wanted: dict[str, str]) -> list[str]:
    return [part for key, value in wanted.items() for part in (_FLAGS[key], value)]


def _usermod(wanted: dict[str, str]) -> list[str]:
    """The options of usermod, which calls the home folder something else than useradd does."""
    return ["--home" if flag == "--home-dir" else flag for flag in _flags(wanted)]
