# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have the processes of a cgroup stand still (freezer of version 1, cgroup.freeze of version 2)."""

from __future__ import annotations

import os
import time

from .._host.errors import HostError, explained

ROOTS = ("/sys/fs/cgroup/freezer", "/sys/fs/cgroup")
_WAIT_S = 10.0


def cgroup_of(text: str, pod_only: bool = True) -> str:
    """Return the folder of the pod's cgroup, from the content of /proc/PID/cgroup of one of its containers."""
    for line in text.splitlines():
        _number, controllers, path = line.split(":", 2)
        if "freezer" in controllers.split(",") or (
            not controllers and os.path.exists(f"{ROOTS[1]}/cgroup.controllers")
        ):
            root = ROOTS[0] if controllers else ROOTS[1]
            return root + (os.path.dirname(path) if pod_only else path)
    raise HostError(
        "Cannot freeze a pod", "its processes are in no cgroup that can be frozen", "Use no hook of type freeze"
    )


def freeze(cgroup: str) -> None:
    """Freeze, and wait until all stand still. Raises HostError."""
    attempt = f"Cannot freeze {cgroup}"
    if os.path.basename(cgroup) in ("", "freezer", "cgroup", "kubepods", "kubepods.slice"):
        raise HostError(attempt, "it holds more than one pod", "Use no hook of type freeze")
    with explained(attempt):
        state, frozen = _files(cgroup)
        _put(state, "FROZEN" if state.endswith("freezer.state") else "1")
        end = time.monotonic() + _WAIT_S
        while not _is_frozen(frozen):
            if time.monotonic() > end:
                thaw(cgroup)
                cause = f"some of its processes still run after {_WAIT_S:.0f} s"
                raise HostError(attempt, cause, "Do they wait for a disk or a share that is gone? Look with `ps`")
            time.sleep(0.01)


def thaw(cgroup: str) -> None:
    """Let it run again, if it is still there. Raises OSError."""
    if os.path.isdir(cgroup):
        state, _frozen = _files(cgroup)
        _put(state, "THAWED" if state.endswith("freezer.state") else "0")


def _files(cgroup: str) -> tuple[str, str]:
    """Return the file to write to, and the one that tells how it is."""
    if os.path.exists(f"{cgroup}/freezer.state"):
        return f"{cgroup}/freezer.state", f"{cgroup}/freezer.state"
    return f"{cgroup}/cgroup.freeze", f"{cgroup}/cgroup.events"


def _is_frozen(path: str) -> bool:
    with open(path, encoding="ascii") as stream:
        text = stream.read().split("\n")
    return "FROZEN" in text or "frozen 1" in text


def _put(path: str, value: str) -> None:
    with open(path, "w", encoding="ascii") as stream:
        stream.write(value)
