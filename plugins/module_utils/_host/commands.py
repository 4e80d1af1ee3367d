# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: commands are run, without a shell and without input."""

from __future__ import annotations

import os
import subprocess
import typing as t

_ENV = {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"}


class RunResult(t.NamedTuple):
    """What a command answered."""

    rc: int
    stdout: str
    stderr: str


def run_command(argv: t.Sequence[str]) -> RunResult:
    """Run a command without a shell and without input; a missing program is result 127."""
    environment = {**os.environ, **_ENV}
    environment["PATH"] = f"{environment.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
    try:
        done = subprocess.run(list(argv), stdin=subprocess.DEVNULL, capture_output=True, env=environment, check=False)
    except FileNotFoundError:
        return RunResult(127, "", f"{argv[0]}: not found")
    return RunResult(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


Runner = t.Callable[[t.Sequence[str]], RunResult]
