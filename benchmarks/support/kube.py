# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks against an API server share: the server, commands with their time and memory, plays."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import typing as t
from dataclasses import dataclass
from pathlib import Path

from tests.integration.kube.server import Server, running

CHECKOUT = Path(__file__).resolve().parent.parent.parent
WRITING_VERBS = {"create", "update", "patch", "delete", "deletecollection"}


@dataclass(frozen=True)
class Run:
    """One command that worked: wall and CPU time in seconds, MiB of its largest process at its peak, and its output."""

    seconds: float
    cpu: float
    memory: float
    output: str


@contextlib.contextmanager
def api_server() -> t.Iterator[Server]:
    """Give an API server of its own, from the kube-apiserver and etcd that PATH or HOMELAB_BIN names."""
    program = shutil.which("kube-apiserver")
    if program:
        os.environ.setdefault("HOMELAB_BIN", str(Path(program).parent))
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        yield server


def timed(command: list[str], folder: Path) -> Run:
    """Return what a command takes in *folder*; ends the benchmark when it fails."""
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCAL_TEMP": str(folder / "tmp")}
    report = folder / "report.json"
    launch = [sys.executable, str(Path(__file__).with_name("launch.py")), str(report)]
    done = subprocess.run(
        [*launch, *command], cwd=folder, env=environment, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if done.returncode != 0:
        sys.exit(f"{' '.join(command[:3])} failed:\n{done.stdout[-4000:]}")
    return Run(**json.loads(report.read_text(encoding="utf-8")), output=done.stdout)


def play(folder: Path, name: str, *tasks: dict[str, t.Any]) -> list[str]:
    """Write a play of *tasks* and return the command that runs it."""
    content = [{"hosts": "localhost", "gather_facts": False, "tasks": list(tasks)}]
    (folder / f"{name}.yml").write_text(json.dumps(content), encoding="utf-8")
    interpreter = f"ansible_python_interpreter={sys.executable}"
    return ["ansible-playbook", "-i", "localhost,", "-c", "local", "-e", interpreter, f"{name}.yml"]


class Audit:
    """Reads a server's audit log on, also where the server began a new file."""

    def __init__(self, server: Server) -> None:
        self._path = server.folder / "audit.log"
        self._stream = open(self._path, encoding="utf-8")  # noqa: SIM115
        self.news()

    def news(self) -> list[dict[str, t.Any]]:
        """Return the requests that were answered since the last call."""
        lines = self._stream.readlines()
        if os.fstat(self._stream.fileno()).st_ino != self._path.stat().st_ino:
            self._stream.close()
            self._stream = open(self._path, encoding="utf-8")  # noqa: SIM115
            lines += self._stream.readlines()
        return [json.loads(line) for line in lines]


def writing(requests: t.Iterable[dict[str, t.Any]]) -> list[str]:
    """Return those of *requests*, taken from an audit log, that may change what is stored, as "verb URI"."""
    return [
        f"{item['verb']} {item['requestURI']}"
        for item in requests
        if item["verb"] in WRITING_VERBS and "dryRun=All" not in item["requestURI"]
    ]
