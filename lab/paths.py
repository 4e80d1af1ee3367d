# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lab keeps things: one cache for all labs, one state folder per lab."""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError

PROJECT = "atarnet-homelab"
DEFAULT_LAB = "lab"


@dataclass(frozen=True)
class Paths:
    """Folders of one lab: its name, the checkout, the shared cache and the root of all states."""

    lab: str
    checkout: Path
    cache: Path
    states: Path

    @property
    def state(self) -> Path:
        """The folder of this lab's state: keys, known hosts, kubeconfig, logs."""
        return self.states / self.lab

    @property
    def record(self) -> Path:
        """The file that says what this lab consists of; it exists while the lab does."""
        return self.state / "lab.json"

    @property
    def tools(self) -> Path:
        """The folder with the developer's programs (kubectl, helm, crane, crictl)."""
        return self.state / "bin"

    @property
    def components(self) -> Path:
        """The folder with one Go module per component."""
        return self.checkout / "lab" / "components"

    def log(self, name: str) -> Path:
        """The log file of a step."""
        return self.cache / "logs" / f"{name}.log"


def of_environment(environ: t.Mapping[str, str] = os.environ) -> Paths:
    """Return the paths of the lab that the environment names (LAB, default ``lab``).

    Raises LabError when the name cannot be part of a host name.
    """
    lab = environ.get("LAB") or DEFAULT_LAB
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,19}", lab):
        raise LabError(
            f"Using LAB={lab!r}",
            "a lab's name is 1 to 20 lower-case letters, digits or dashes and begins with a letter",
            "Choose such a name.",
        )
    home = Path(environ.get("HOME") or "~").expanduser()
    cache = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    states = Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state")
    checkout = Path(__file__).resolve().parent.parent
    return Paths(lab, checkout, cache / PROJECT, states / PROJECT)
