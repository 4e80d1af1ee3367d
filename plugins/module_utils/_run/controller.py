# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which process on which controller drives this run, and whether the one that drove another still lives."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
import typing as t

from .model import Run

Read = t.Callable[[str], str]


def current(what: str, pid: int, read: Read | None = None) -> Run:
    """Return the run that process *pid*, the ansible-playbook of this controller, drives; *what* names its playbook."""
    read = read or _read
    controller, process = _controller(read), _process(pid, read)
    return Run(_hash(f"{controller} {process}")[:8], controller, process, _who(), what)


def is_dead(run: Run, read: Read | None = None) -> bool:
    """Tell whether *run* was driven from this controller by a process that is no more."""
    read = read or _read
    if run.controller != _controller(read):
        return False
    pid = int(run.process.partition(" ")[0])
    return _process(pid, read) != run.process or not _lives(pid)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _controller(read: Read) -> str:
    # Containers may share a machine-id, but neither their name nor their process table.
    parts = (read("/etc/machine-id"), socket.gethostname(), read("/proc/self/ns/pid"))
    return _hash(" ".join(parts))[:16]


def _process(pid: int, read: Read) -> str:
    """Return what identifies a process over reboots and reused numbers: number, start and boot."""
    # The name, in parentheses, may hold blanks; field 22 of the whole line is the start time (proc(5)).
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    start = fields[19] if len(fields) > 19 else ""
    return f"{pid} {start} {read('/proc/sys/kernel/random/boot_id')}".strip()


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _read(path: str) -> str:
    try:
        if os.path.islink(path):
            return os.readlink(path)
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read().strip()
    except OSError:
        return ""
