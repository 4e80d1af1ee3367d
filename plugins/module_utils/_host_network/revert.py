# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put back what a change of the network replaced, unless the change was confirmed.

This file is also a program of its own: hosts get it as /usr/local/libexec/homelab-network-revert, where nothing else
of the collection is at hand. A timer runs it when no confirmation came, and every boot does before the network is up.
"""

# What modules use instead is not at hand there.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import typing as t

STATE = "/var/lib/atarnet-homelab/network"
PENDING = f"{STATE}/pending.json"
CANDIDATE = f"{STATE}/candidate.nft"
ROLLBACK = f"{STATE}/rollback"
# A ruleset for `nft -f` that makes the table what it was, or no table at all.
OLD_TABLE = f"{ROLLBACK}/table.nft"
LOCK = "/run/lock/atarnet-homelab-network.lock"


def put_back(root: str, run: t.Callable[[list[str]], t.Any]) -> bool:
    """Put back all that lies in the rollback folder and end the pending change; returns whether there was one.

    *run* executes a command and raises when it fails: the change then stays pending, and this can be done again.
    The caller holds the lock. All paths are below *root*.
    """
    if not os.path.exists(root + PENDING):
        return False
    if os.path.exists(root + OLD_TABLE):
        run(["nft", "-f", root + OLD_TABLE])
    # What is put back must not look pending; files without that mark mean nothing.
    for path in (PENDING, OLD_TABLE, CANDIDATE):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(root + path)
    return True


def main(root: str) -> int:
    """Wait for the lock, put back, and say so."""
    os.makedirs(os.path.dirname(root + LOCK), exist_ok=True)
    with open(root + LOCK, "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            done = put_back(root, lambda command: subprocess.run(command, check=True))
        except (OSError, subprocess.CalledProcessError) as exc:
            print(f"Putting the network back: {exc}. It is tried again.", file=sys.stderr)
            return 1
    print("The change was not confirmed: the network is as it was before." if done else "No change is pending.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
