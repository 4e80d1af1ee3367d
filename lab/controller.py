# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's Python environment, named by what is in it."""

from __future__ import annotations

import shutil
from pathlib import Path

from lab import files
from lab.machine import Interpreter, shown
from lab.paths import Paths
from lab.process import run

COMPLETE = ".complete"


def key(requirements: str, python: Interpreter) -> str:
    """Return the content key of the environment with these requirements on this Python."""
    return files.key_of("venv", requirements, python.path, list(python.version))


def folder(paths: Paths, python: Interpreter) -> Path:
    """Return where the environment for this checkout's requirements is, made or not."""
    requirements = (paths.checkout / "lab" / "requirements.txt").read_text()
    return paths.cache / "venv" / key(requirements, python)


def ready(paths: Paths, python: Interpreter) -> bool:
    """Tell whether the environment is made."""
    return (folder(paths, python) / COMPLETE).exists()


def make(paths: Paths, python: Interpreter) -> Path:
    """Make the environment unless it is there; return its folder.

    A virtual environment cannot be moved, so it is made in place and marked when complete.
    """
    target = folder(paths, python)
    if (target / COMPLETE).exists():
        return target
    log = paths.log("venv")
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    attempted = f"Making the controller's environment with Python {shown(python.version)}"
    remedy = "Check that Python packages can be fetched from here, then run again."
    run([python.path, "-m", "venv", target], attempted=attempted, remedy=remedy, log=log)
    requirements = paths.checkout / "lab" / "requirements.txt"
    pip: list[str | Path] = [
        target / "bin" / "python",
        "-m",
        "pip",
        "install",
        "-q",
        "--no-input",
        "--disable-pip-version-check",
    ]
    run([*pip, "-r", requirements], attempted=attempted, remedy=remedy, log=log)
    files.write(target / COMPLETE, "")
    return target
