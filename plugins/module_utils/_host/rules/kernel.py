# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: planning of kernel modules and kernel parameters."""

from __future__ import annotations

from ..builder import KNOWN_LATER, Builder
from ..model import KernelModule, Sysctl


def want_module(b: Builder, module: KernelModule) -> None:
    """A module that is loaded, or built into the kernel."""
    loaded = module.name in b.observed.modules
    b.record(module.identity, b.entry(module.identity) or {"how": "adopted" if loaded else "created"})
    if not loaded:
        b.change(module, "load", "not loaded", "loaded")


def leave_module(b: Builder, identity: str, name: str) -> None:
    """A module stays loaded until the next boot: who uses it by now cannot be known."""
    b.forget(identity)


def want_sysctl(b: Builder, sysctl: Sysctl) -> None:
    """A parameter with a value; one that a planned module brings is known after apply."""
    value, entry = b.observed.sysctls.get(sysctl.name), b.entry(sysctl.identity)
    how = "adopted" if value == sysctl.value else "created"
    b.record(sysctl.identity, entry or {"how": how, "value": value})
    if value is None and not b.modules_coming:
        fix = "Correct the name, or list the kernel_module that provides it"
        b.unmet(sysctl.identity, "the running kernel has no such parameter", fix)
    if value != sysctl.value:
        b.change(sysctl, "update", KNOWN_LATER if value is None else value, sysctl.value)


def leave_sysctl(b: Builder, identity: str, name: str) -> None:
    """A parameter we changed gets the value it had before us."""
    entry, value = b.entry(identity), b.observed.sysctls.get(name)
    original = entry.get("value")
    if entry["how"] == "created" and original is not None and value not in (None, original):
        b.leave(identity, "restore", str(value), original)
    b.forget(identity)
