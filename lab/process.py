# SPDX-License-Identifier: GPL-3.0-or-later
"""Running other programs, with errors that name the cause."""

from __future__ import annotations

import os
import subprocess
import typing as t
from pathlib import Path

from lab.errors import LabError

SHOWN_LINES = 12
WITH_US = ("setpriv", "--pdeathsig", "KILL")
"""Put before a command that must not go on working when this process is killed."""


def last_lines(text: str, count: int = SHOWN_LINES) -> str:
    """Return the last ``count`` lines of ``text`` that are not blank, joined by newlines."""
    return "\n".join([line for line in text.splitlines() if line.strip()][-count:])


def run(
    argv: t.Sequence[str | Path],
    *,
    attempted: str,
    remedy: str = "Read the lines above, fix the cause and run it again.",
    cwd: Path | None = None,
    env: t.Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    timeout: float | None = None,
    log: Path | None = None,
) -> str:
    """Run a program to its end and return its standard output.

    ``env`` is added to this process's environment. With ``log``, both output streams
    go to that file (and the returned text is empty), and the program dies with this
    process. Raises LabError when it is missing, fails or outlives ``timeout`` seconds.
    """
    command = [str(part) for part in argv]
    started = [*WITH_US, *command] if log else command
    environment = {**os.environ, **(env or {})}
    try:
        if log is None:
            done = subprocess.run(
                command, cwd=cwd, env=environment, input=stdin, capture_output=True, timeout=timeout, check=False
            )
            output, errors = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        else:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("wb") as stream:
                done = subprocess.run(
                    started,
                    cwd=cwd,
                    env=environment,
                    input=stdin,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    timeout=timeout,
                    check=False,
                )
            output, errors = "", log.read_text(errors="replace") if done.returncode else ""
    except FileNotFoundError as error:
        raise LabError(attempted, f"the program {command[0]!r} is not there", "Install it and run again.") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(attempted, f"{command[0]} did not end within {timeout:.0f} s", remedy) from error
    if done.returncode != 0:
        cause = f"{command[0]} ended with {done.returncode}:\n{last_lines(errors or output)}\n"
        raise LabError(attempted, cause, f"{remedy} (log: {log})" if log else remedy)
    return output


def succeeds(argv: t.Sequence[str | Path], timeout: float = 30) -> bool:
    """Tell whether a program can be run and ends with 0 within ``timeout`` seconds; its output is dropped."""
    try:
        done = subprocess.run([str(part) for part in argv], capture_output=True, timeout=timeout, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
