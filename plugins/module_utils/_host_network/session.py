# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the controller reached this host."""

from __future__ import annotations

from .._host.system import System


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
