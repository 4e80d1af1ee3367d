# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment in which a lab's programs run."""

from __future__ import annotations

import os
import shlex
import subprocess
import typing as t
from pathlib import Path

from lab import controller, machine
from lab.errors import LabError
from lab.paths import Paths
from lab.process import WITH_US


def variables(paths: Paths, venv: Path, search_path: str) -> dict[str, str]:
    """Return what points a shell at this lab: its tools, cluster, inventory and collection."""
    return {
        "PATH": f"{venv / 'bin'}:{paths.tools}:{search_path}",
        "LAB": paths.lab,
        "KUBECONFIG": str(paths.state / "kubeconfig"),
        "ANSIBLE_CONFIG": str(paths.checkout / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(paths.checkout / "collections"),
        "ANSIBLE_INVENTORY": str(paths.checkout / "inventories" / "lab"),
    }


def exports(values: t.Mapping[str, str]) -> str:
    """Write variables as lines for a shell to evaluate."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())


def environment(paths: Paths) -> dict[str, str]:
    """Return this lab's variables. Raises LabError when the controller's environment is not made yet."""
    python = machine.find_python()
    if python is None or not controller.ready(paths, python):
        raise LabError("Using the lab's tools", "the controller's environment is not made", "Run `make lab` first.")
    return variables(paths, controller.folder(paths, python), os.environ.get("PATH", ""))


def call(paths: Paths, argv: t.Sequence[str], values: t.Mapping[str, str]) -> int:
    """Run a program with the lab's variables, in the checkout, on this terminal; return its exit code."""
    return subprocess.run([*WITH_US, *argv], cwd=paths.checkout, env={**os.environ, **values}, check=False).returncode


def site(paths: Paths, arguments: t.Sequence[str], values: t.Mapping[str, str]) -> int:
    """Run site.yml on the lab; return ansible-playbook's exit code."""
    return call(paths, ["ansible-playbook", "-i", "inventories/lab", "site.yml", *arguments], values)
