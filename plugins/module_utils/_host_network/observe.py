# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at the network of one host."""

from __future__ import annotations

import stat
from dataclasses import replace

from .._host import probes
from .._host.system import System
from . import interfaces, ruleset
from .model import APPLIED, BOOT, UNITS, Applied, File, Observed, Pending, Wanted, load
from .revert import PENDING, STATE


def observe(system: System, wanted: Wanted) -> Observed:
    """Return what a plan may ask about the host. Raises HostError."""
    nft = ruleset.is_installed(system)
    files = {path: _file(system, path) for path in [*wanted.machinery, BOOT]}
    pending = load(Pending, system.read_text(PENDING))
    seen = Observed(
        nft=nft,
        listing=ruleset.listing(system) if nft else None,
        files={path: file for path, file in files.items() if file},
        units=probes.units(system, UNITS),
        applied=load(Applied, system.read_text(APPLIED)),
        pending=pending,
        unreadable=pending is None and system.exists(PENDING),
        state_folder=system.exists(STATE),
        live=interfaces.observe(system, wanted.links) if wanted.links else None,
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


def session(system: System) -> str:
    """Return the SSH connection that this process was started over, as sshd(8) puts it into SSH_CONNECTION.

    sudo drops the variable, so it is looked for in the parents as well. Empty when there is none.
    """
    process = "self"
    while process not in ("", "0"):
        for variable in system.read_text(f"/proc/{process}/environ").split("\0"):
            if variable.startswith("SSH_CONNECTION="):
                return variable.partition("=")[2]
        status = system.read_text(f"/proc/{process}/status").splitlines()
        process = next((line.split()[1] for line in status if line.startswith("PPid:")), "")
    return ""
