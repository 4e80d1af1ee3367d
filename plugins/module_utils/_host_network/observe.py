# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at the network of one host."""

from __future__ import annotations

import stat
from dataclasses import replace

from .._host import probes
from .._host.system import System
from . import interfaces, ruleset
from .links import NETWORKD, Links
from .model import APPLIED, BOOT, UNITS, Applied, File, Observed, Pending, Wanted, load
from .revert import ORIGIN, PENDING, STATE


def observe(system: System, wanted: Wanted) -> Observed:
    """Return what a plan may ask about the host. Raises HostError."""
    nft = ruleset.is_installed(system)
    files = {path: _file(system, path) for path in [*wanted.machinery, BOOT]}
    pending = load(Pending, system.read_text(PENDING))
    leaves = not wanted.ruleset and system.exists(ORIGIN)
    links = Links(NETWORKD, ()) if leaves else wanted.links
    seen = Observed(
        nft=nft,
        listing=ruleset.listing(system) if nft else None,
        files={path: file for path, file in files.items() if file},
        units=probes.units(system, UNITS),
        applied=load(Applied, system.read_text(APPLIED)),
        pending=pending,
        unreadable=pending is None and system.exists(PENDING),
        state_folder=system.exists(STATE),
        live=interfaces.observe(system, links) if links else None,
    )
    if wanted.ruleset and seen.reverted is not None and not seen.ours:
        return replace(seen, twin=ruleset.equals(system, wanted, seen.reverted))
    return seen


def _file(system: System, path: str) -> File | None:
    """Return a file; what is no regular file is one without text or rights, as it has to be replaced anyhow."""
    found = system.lstat(path)
    if found is None:
        return None
    if not stat.S_ISREG(found.st_mode):
        return File("", "")
    return File(system.read_text(path), f"{stat.S_IMODE(found.st_mode):04o}")
