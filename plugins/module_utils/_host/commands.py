# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: commands are run, without a shell and without input."""

from __future__ import annotations

import os
import typing as t

_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
_ENV = {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"}


class RunResult(t.NamedTuple):
    """What a command answered."""

    rc: int
    stdout: str
    stderr: str


Runner = t.Callable[[t.Sequence[str]], RunResult]


def module_runner(run_command: t.Callable[..., tuple[int, str, str]]) -> Runner:
    """Return a runner over AnsibleModule.run_command; a missing program is result 127."""

    def run(argv: t.Sequence[str]) -> RunResult:
        environment = {**_ENV, "PATH": f"{os.environ.get('PATH', '')}:{_PATH}"}
        try:
            return RunResult(*run_command(list(argv), environ_update=environment, handle_exceptions=False))
        except FileNotFoundError:
            return RunResult(127, "", f"{argv[0]}: not found")

    return run
