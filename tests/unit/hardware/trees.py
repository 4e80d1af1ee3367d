# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines in folders: a tree of /proc, /sys, /run and /dev written from a file, with the answers of its commands."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import yaml
from ansible_collections.atarnet.homelab.plugins.module_utils._hardware.model import Hardware
from ansible_collections.atarnet.homelab.plugins.module_utils._hardware.observe import observe
from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import RunResult
from ansible_collections.atarnet.homelab.plugins.module_utils._host.system import System

FOLDER = Path(__file__).resolve().parent / "trees"
NAMES = ("mini_pc", "raspberry_pi", "qemu_guest", "container")


class Machine:
    """One recorded machine below *root*; files may be changed before it is looked at."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        tree = yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))
        self.machine: str = tree["machine"]
        self.commands: dict[str, str] = tree["commands"]
        self.system = System(str(root), self._run)
        for folder in tree.get("directories", ()):
            (root / folder).mkdir(parents=True)
        for path, content in tree["files"].items():
            files = (
                {f"{path}/{name}": text for name, text in content.items()}
                if isinstance(content, dict)
                else {path: content}
            )
            for name, text in files.items():
                self.write(name, text)
        for path, target in tree["links"].items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).symlink_to(target)
        for device, size in tree.get("devices", {}).items():
            self.write(f"dev/{device}", tree.get("written", {}).get(device, ""))
            os.truncate(root / "dev" / device, size)

    def write(self, path: str, text: str) -> None:
        """Write a file, and the folders above it."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="latin-1", newline="")

    def look(self) -> Hardware:
        """Return what the module would see."""
        return observe(self.system, self.machine)

    def _run(self, argv: t.Sequence[str]) -> RunResult:
        key = " ".join([argv[0], *argv[-1:]]) if len(argv) > 1 else argv[0]
        known = self.commands.get(key)
        return RunResult(127, "", f"{argv[0]}: not found") if known is None else RunResult(0, known, "")
