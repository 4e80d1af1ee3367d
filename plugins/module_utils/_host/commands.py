# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: commands are run, without a shell."""

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


class Runner(t.Protocol):
    """Runs a command; ``data`` is what it reads from standard input, nothing without it."""

    def __call__(self, argv: t.Sequence[str], data: str | None = None) -> RunResult:
        """Return what the command answered."""


def module_runner(run_command: t.Callable[..., tuple[int, str, str]]) -> Runner:
    """Return a runner over AnsibleModule.run_command; a missing program is result 127."""

    def run(argv: t.Sequence[str], data: str | None = None) -> RunResult:
        environment = {**_ENV, "PATH": f"{os.environ.get('PATH', '')}:{_PATH}"}
        options = {"environ_update": environment, "handle_exceptions": False}
        if data is not None:
            options.update(data=data, binary_data=True)
        try:
            return RunResult(*run_command(list(argv), **options))
        except FileNotFoundError:
            return RunResult(127, "", f"{argv[0]}: not found")

    return run
