# SPDX-License-Identifier: GPL-3.0-or-later
"""A play with one helm_release task, run as a person runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path


class Play:
    """A play in a folder of its own; releases are what its task is given."""

    def __init__(self, site: t.Any, folder: Path) -> None:
        self.folder = folder
        self.variables: dict[str, t.Any] = {}
        self.releases: list[dict[str, t.Any]] = []
        self.state = site.state
        self._site = site
        # Ansible listens on a socket in it, and the path of a socket has to be short (unix(7): 108 bytes).
        self._temporary = tempfile.TemporaryDirectory(prefix="play")
        self.temporary = Path(self._temporary.name)

    def start(self, *options: str, output: t.Any = subprocess.PIPE) -> subprocess.Popen[str]:
        """Start ansible-playbook as the head of a process group."""
        site = self._site
        arguments = {"kubeconfig": str(site.server.kubeconfig), "helm": site.helm, "releases": self.releases}
        play = {"hosts": "localhost", "gather_facts": False, "vars": self.variables}
        play["tasks"] = [{"atarnet.homelab.helm_release": arguments}]
        (self.folder / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": next(p for p in sys.path if (Path(p) / "ansible_collections/atarnet").exists()),
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
            "ANSIBLE_LOCAL_TEMP": str(self.temporary),
            "ANSIBLE_NOCOLOR": "1",
            "TMPDIR": str(self.temporary),
            "XDG_STATE_HOME": str(self.state),
        }
        command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local", "play.yml", *options]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *options: str) -> tuple[dict[str, t.Any], str]:
        """Return the task's result and everything that was printed."""
        with self.start(*(options or ("-v",))) as process:
            text = process.communicate(timeout=240)[0]
        failed = text.partition("fatal: [localhost]: FAILED! => ")[2]
        done = text.partition("localhost] => ")[2]
        assert failed or done, text
        return json.JSONDecoder().raw_decode((failed or done).lstrip())[0], text
