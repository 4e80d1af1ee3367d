# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod that is one process in a cgroup of its own, frozen by the real kernel."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import typing as t
from pathlib import Path

from ansible_collections.atarnet.homelab.plugins.module_utils._backup.model import Hook

_WRITES = "import sys, time\nwhile True:\n    open(sys.argv[1], 'w').write(str(time.time()))\n    time.sleep(0.005)\n"


class OnePod:
    """A runtime with one pod. *answers* is what a dump in it prints, *tables* what its database has.

    *commands* were run in it, *read* is what these were given.
    """

    def __init__(self, cgroup: str = "", answers: bytes = b"", tables: t.Sequence[str] = ()) -> None:
        self._cgroup, self._answers, self.tables = cgroup, answers, tables
        self.commands: list[list[str]] = []
        self.read: list[bytes] = []

    def run(
        self,
        namespace: str,
        hook: Hook,
        command: t.Sequence[str],
        output: t.BinaryIO | None = None,
        source: t.BinaryIO | None = None,
    ) -> bytes:
        self.commands.append(list(command))
        if source:
            self.read.append(source.read())
        elif output:
            output.write(self._answers)
        return b"".join(f"{name}\n".encode() for name in self.tables) if not output else b""

    def cgroup(self, namespace: str, hook: Hook) -> str:
        return self._cgroup


@contextlib.contextmanager
def writing_pod(path: Path) -> t.Iterator[str]:
    """Run a process that writes to *path* all the time; gives the folder of its cgroup."""
    old = Path("/sys/fs/cgroup/freezer")
    cgroup = (old if old.is_dir() else Path("/sys/fs/cgroup")) / f"homelab-test-{os.getpid()}-{time.monotonic_ns()}"
    cgroup.mkdir()
    process = subprocess.Popen([sys.executable, "-c", _WRITES, str(path)])
    try:
        (cgroup / "cgroup.procs").write_text(str(process.pid), encoding="ascii")
        while not path.exists():
            time.sleep(0.01)
        yield str(cgroup)
    finally:
        name, value = ("freezer.state", "THAWED") if old.is_dir() else ("cgroup.freeze", "0")
        (cgroup / name).write_text(value, encoding="ascii")
        process.kill()
        process.wait()
        for _try in range(100):
            with contextlib.suppress(OSError):
                cgroup.rmdir()
                break
            time.sleep(0.02)


def moves(path: Path) -> bool:
    """Tell whether the pod writes."""
    before = path.stat().st_mtime_ns
    time.sleep(0.1)
    return path.stat().st_mtime_ns != before
