# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: planning of kernel modules, sysctls and the kernel's command line."""

from __future__ import annotations

import re

from ..builder import KNOWN_LATER, Builder
from ..model import COMMAND_LINE, KernelModule, KernelParameter, Sysctl

_SET, _NOT_SET = "set from the next boot on", "not set"


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


def want_parameter(b: Builder, parameter: KernelParameter) -> None:
    """A word at the end of the command line; whatever else is there stays, byte by byte."""
    line, newline, rest = b.command_line.partition("\n")
    if not line.strip():
        fix = "Set it where this host's boot loader reads it, and leave this resource out"
        b.refuse(parameter.identity, f"{COMMAND_LINE} has no command line, so no Raspberry Pi boots from it", fix)
    if not b.command_line.isascii():
        b.refuse(parameter.identity, f"{COMMAND_LINE} holds other characters than ASCII", "Correct it by hand first")
    there = parameter.name in line.split()
    b.record(parameter.identity, b.entry(parameter.identity) or {"how": "adopted" if there else "created"})
    if not there:
        texts = (b.command_line, f"{line} {parameter.name}{newline}{rest}")
        b.change(parameter, "add", _NOT_SET, _SET, texts)
        b.command_line = texts[1]


def leave_parameter(b: Builder, identity: str, name: str) -> None:
    """A word we added goes, and only that."""
    line, newline, rest = b.command_line.partition("\n")
    if b.entry(identity)["how"] == "created" and name in line.split():
        kept = re.sub(rf"(^|\s){re.escape(name)}(?=\s|$)", "", line, count=1)
        texts = (b.command_line, kept + newline + rest)
        b.leave(identity, "remove", _SET, _NOT_SET, texts)
        b.command_line = texts[1]
    b.forget(identity)
