# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: kernel modules are loaded, kernel parameters set."""

from __future__ import annotations

import os

from ..builder import Change
from ..errors import HostError
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
