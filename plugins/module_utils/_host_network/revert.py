# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put back what a change of the network replaced, unless the change was confirmed.

This file is also a program of its own: hosts get it as /usr/local/libexec/homelab-network-revert, where nothing else
of the collection is at hand. A timer runs it when no confirmation came; with the argument "boot" every boot does,
before the network is up. With "enter" it makes a change of interfaces, which the connection that asked for it may not
outlive.
"""

# What modules use instead is not at hand there.
# pylint: disable=ansible-bad-function

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import subprocess
import sys
import time
import typing as t

STATE = "/var/lib/atarnet-homelab/network"
PENDING = f"{STATE}/pending.json"
CANDIDATE = f"{STATE}/candidate.nft"
ROLLBACK = f"{STATE}/rollback"
# A ruleset for `nft -f` that makes the table what it was, or no table at all.
OLD_TABLE = f"{ROLLBACK}/table.nft"
# Steps as steps.py makes them, where the host was reached before, and what leaves: {"address", "steps", "leaving"}.
OLD_INTERFACES = f"{ROLLBACK}/interfaces.json"
# The same from before the first change.
ORIGIN = f"{STATE}/origin.json"
# The steps to new interfaces; gone once they were taken.
ENTER = f"{STATE}/enter.json"
# Why they could not be.
FAILED = f"{STATE}/failed"
# The connection over which the new interfaces were first seen to be complete.
SETTLED = f"{STATE}/settled"
# What a change needs until it is confirmed or put back, and means nothing without the mark that it is pending.
PASSING = (OLD_TABLE, OLD_INTERFACES, CANDIDATE, ENTER, SETTLED)
LOCK = "/run/lock/atarnet-homelab-network.lock"

_ANSWER_TAKES = 0.3
_PRIORITY = -15


def put_back(root: str, run: t.Callable[[list[str]], t.Any], boots: bool = False) -> bool:
    """Put back all that lies in the rollback folder and end the pending change; returns whether there was one.

    *run* executes a command and raises when it fails: the change then stays pending, and this can be done again.
    *boots* tells that the network is not up yet: what has to be done to a running one is left out then, and waiting for
    a service of the network would be for ever, as that waits for us. The caller holds the lock. All paths are below
    *root*.
    """
    if not os.path.exists(root + PENDING):
        return False
    if os.path.exists(root + OLD_TABLE):
        run(["nft", "-f", root + OLD_TABLE])
    if os.path.exists(root + OLD_INTERFACES):
        kept = json.loads(_read(root + OLD_INTERFACES))
        carry_out(root, kept["steps"], run, boots)
    # What is put back must not look pending.
    for path in (PENDING, *PASSING):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(root + path)
    return True


def enter(root: str, run: t.Callable[[list[str]], t.Any]) -> bool:
    """Take the steps to new interfaces, or all back when one fails; returns whether they were taken.

    The caller holds the lock.
    """
    if not os.path.exists(root + PENDING) or not os.path.exists(root + ENTER):
        return False
    try:
        carry_out(root, json.loads(_read(root + ENTER))["steps"], run, boots=False)
    except (OSError, ValueError, subprocess.CalledProcessError) as exc:
        _write(root + FAILED, str(exc), 0o600)
        put_back(root, run)
        return False
    os.unlink(root + ENTER)
    return True


def carry_out(root: str, steps: list[dict[str, t.Any]], run: t.Callable[[list[str]], t.Any], boots: bool) -> None:
    """Take steps in order; *boots* leaves out those that only a running network needs."""
    for step in steps:
        if "write" in step:
            _write(root + step["write"], step["text"], int(step["mode"], 8))
        elif "remove" in step:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(root + step["remove"])
        elif not (boots and step["live"]):
            try:
                run(step["run"])
            except Exception:  # The program's run and the module's raise errors of their own kinds.
                if not step["may_fail"]:
                    raise


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as stream:
        return stream.read()


def _write(path: str, text: str, mode: int) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = f"{path}.atarnet-new"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as stream:
        os.fchmod(stream.fileno(), mode)
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    try:
        os.replace(temporary, path)
    except OSError as exc:
        os.unlink(temporary)
        if exc.errno != errno.EBUSY:
            raise
        # Something is mounted on it, as containers have it with resolv.conf.
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)


def main(arguments: list[str]) -> int:
    """Wait for the lock, do what is asked, and say so."""
    # A host that is busy is put back in time as well.
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)
    asked = arguments[0] if arguments[:1] in (["enter"], ["boot"]) else ""
    root = "".join(arguments[1:] if asked else arguments)
    os.makedirs(os.path.dirname(root + LOCK), exist_ok=True)
    with open(root + LOCK, "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if asked == "enter":
            # The answer of the module that held the lock is still on its way.
            time.sleep(_ANSWER_TAKES)
            done = enter(root, _run)
            print("The new interfaces are in force." if done else "The new interfaces are not in force.")
            return 0
        try:
            done = put_back(root, _run, boots=asked == "boot")
        except (OSError, ValueError, subprocess.CalledProcessError) as exc:
            print(f"Putting the network back: {exc}. It is tried again.", file=sys.stderr)
            return 1
    print("The change was not confirmed: the network is as it was before." if done else "No change is pending.")
    return 0


def _run(command: list[str]) -> None:
    # What stays, a DHCP client, has the usual priority.
    usual = ["nice", f"--adjustment={-os.getpriority(os.PRIO_PROCESS, 0)}"] if "ifup" in command else []
    subprocess.run([*usual, *command], check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
