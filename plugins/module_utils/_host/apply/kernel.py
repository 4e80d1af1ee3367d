# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: kernel modules are loaded, sysctls set, the command line written."""

from __future__ import annotations

import os
import stat

from ..builder import Change
from ..errors import HostError
from ..model import COMMAND_LINE
from ..probes import sysctl_path
from .context import Context


def apply_module(ctx: Context, change: Change) -> None:
    """Load a module now; the file for the next boot is a resource of its own."""
    fix = f"Install the module for kernel {os.uname().release}, or leave it out of the list"
    ctx.system.demand(f"Cannot load kernel_module:{change.name}", fix, "modprobe", "--", change.name)


def apply_sysctl(ctx: Context, change: Change) -> None:
    """Set a parameter now; the file for the next boot is a resource of its own."""
    path = sysctl_path(change.name)
    if not ctx.system.exists(path):
        fix = "Correct the name, or list the kernel_module that provides it"
        raise HostError(f"Cannot set {change.identity}", "the running kernel has no such parameter", fix)
    ctx.system.write_value(path, change.after)


def apply_parameter(ctx: Context, change: Change) -> None:
    """Write the planned command line in one step; mode and owner stay, as FAT has none of its own."""
    found = ctx.system.lstat(COMMAND_LINE)
    if change.texts is None or found is None:
        raise HostError(f"Cannot apply {change.identity}", f"{COMMAND_LINE} went away meanwhile", "Run again")
    content = change.texts[1].encode("ascii")
    ctx.system.write(COMMAND_LINE, [content], stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid)
