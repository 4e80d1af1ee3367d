# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the node's programs, for modules and for timers alike: without Ansible there is no run_command."""

# pylint: disable=ansible-bad-function

from __future__ import annotations

import os
import shutil
import subprocess
import typing as t

from .._host.errors import HostError

# A timer, or sudo, may not look in all of them.
_PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"


def there(name: str) -> bool:
    """Tell whether a program is on this node."""
    return bool(shutil.which(name, path=_path()))


class Slow(Exception):
    """A program did not end in its time, and was ended; *said* is what it had complained of until then."""

    def __init__(self, said: bytes) -> None:
        super().__init__()
        self.said = said


def run(
    attempted: str,
    remedy: str,
    *command: str,
    cwd: str = "/",
    environment: t.Mapping[str, str] | None = None,
    data: bytes = b"",
    source: t.BinaryIO | None = None,
    output: t.BinaryIO | None = None,
    timeout: float | None = None,
    prepare: t.Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end, whatever that is, and return its code and streams.

    *remedy* is what to do when it is not on this node. *environment* is added to the process's own; its standard input
    is *data*, or what comes from *source*; *output* gets what it prints, which is returned otherwise; *timeout* is in
    seconds; *prepare* is called in its process before it. Raises HostError when it is not there, Slow when it did not
    end in time.
    """
    how: t.Any = {"source": source, "output": output, "prepare": prepare}
    with start(attempted, remedy, *command, cwd=cwd, environment=environment, **how) as begun:
        try:
            out, complaints = begun.communicate(data, timeout)
        except BaseException as exc:
            begun.kill()
            if not isinstance(exc, subprocess.TimeoutExpired):
                raise
            raise Slow(exc.stderr or b"") from exc
    return subprocess.CompletedProcess(command, begun.returncode, out, complaints)


def start(
    attempted: str,
    remedy: str,
    *command: str,
    cwd: str = "/",
    environment: t.Mapping[str, str] | None = None,
    source: t.BinaryIO | None = None,
    output: t.BinaryIO | None = None,
    prepare: t.Callable[[], None] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program as ``run`` does; whoever calls awaits its end. Raises HostError when it is not there."""
    try:
        return subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, "PATH": _path(), **(environment or {})},
            stdin=source or subprocess.PIPE,
            stdout=output or subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=prepare,
        )
    except FileNotFoundError as exc:
        raise HostError(attempted, f"the program {command[0]} is not on this node", remedy) from exc


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:{_PATH}"


def complaint(done: subprocess.CompletedProcess[bytes], lines: int = 1) -> str:
    """Return the last *lines* of what a program complained of, or else how it ended."""
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return "; ".join(said[-lines:]) or f"{done.args[0]} ended with {done.returncode}"
