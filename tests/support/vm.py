# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual machines as a user of the collection sees them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from lab.vm.runner import Machines

CHECKOUT = Path(__file__).resolve().parent.parent.parent


class Network:
    """The machines as a user of the collection sees them."""

    def __init__(self, machines: Machines, folder: Path) -> None:
        self.machines, self._folder = machines, folder

    def play(self, *arguments: str, playbook: str = "playbooks/network.yml", seconds: float = 900) -> str:
        """Run a playbook to its end; returns what it printed, with its exit code as the last line."""
        process = self.start(*arguments, playbook=playbook)
        output, _nothing = process.communicate(timeout=seconds)
        return f"{output}\nexit code {process.returncode}\n"

    def start(self, *arguments: str, playbook: str = "playbooks/network.yml") -> subprocess.Popen[str]:
        """Start a playbook as the head of a process group."""
        inventory = self._folder / "inventory.py"
        inventory.write_text(f"#!/usr/bin/env python3\nprint({json.dumps(self.machines.inventory())!r})\n")
        inventory.chmod(0o755)
        environment = {
            **os.environ,
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
            "ANSIBLE_TIMEOUT": "20",
            # molecule asks for colours; the tests read words.
            "ANSIBLE_FORCE_COLOR": "0",
        }
        command = ["ansible-playbook", "-i", str(inventory), playbook, *arguments]
        return subprocess.Popen(
            command, cwd=CHECKOUT, env=environment, stdin=subprocess.DEVNULL, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def on(self, name: str, script: str) -> str:
        """Run a shell script on a machine and return its output."""
        machine = next(machine for machine in self.machines.machines if machine.name == name)
        options = ["-i", str(self.machines.key), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        command = ["ssh", *options, "-o", "LogLevel=ERROR", f"root@{self.machines.address_of(machine)}", script]
        return subprocess.run(command, check=True, text=True, capture_output=True, timeout=300).stdout
