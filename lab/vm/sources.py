# SPDX-License-Identifier: GPL-3.0-or-later
"""Where machines get files and images from: two servers in their network, which read what was built for labs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

from lab import files, images, services, web
from lab.artifacts import Checksums
from lab.errors import LabError

_FILES_PORT = 8080
_SAID = "supplies.json"
_SECONDS = 20


def serve(folder: Path, address: str, tree: Path, program: Path, storage: Path, checksums: Checksums) -> None:
    """Serve the files of *tree*, and images by the registry *program*, at an address of this process's network.

    Both go on when this process ends; what they write and their numbers are in *folder*. Raises LabError.
    """
    end(folder)
    files.point(folder / "www", tree)
    bind = f"{address}:{services.REGISTRY_PORT}"
    settings = images.configuration(str(storage), bind, read_only=True)
    files.write(folder / "registry.json", json.dumps(settings))
    mirror, registry = f"http://{address}:{_FILES_PORT}", f"http://{bind}/v2"
    listening = ["--bind", address, "--directory", str(folder / "www"), str(_FILES_PORT)]
    _start(folder, "mirror", [sys.executable, "-m", "http.server", *listening], f"{mirror}/checksums.json")
    _start(folder, "registry", [str(program), "serve", str(folder / "registry.json")], f"{registry}/")
    said = {
        "homelab_artifact_mirrors": [mirror],
        "homelab_registry_mirrors": {name: [f"{registry}/{name}"] for name in services.MIRRORED_REGISTRIES},
        "homelab_artifact_checksums": checksums,
    }
    files.write(folder / _SAID, json.dumps(said))


def said(folder: Path) -> dict[str, t.Any]:
    """Return what the inventory says of these servers."""
    return t.cast(dict[str, t.Any], json.loads((folder / _SAID).read_text()))


def end(folder: Path) -> None:
    """End the servers of this folder, if they run."""
    for path in folder.glob("*.pid"):
        pid = int(path.read_text())
        with contextlib.suppress(OSError):
            # Another process may have the number by now.
            if str(folder) in Path(f"/proc/{pid}/cmdline").read_text():
                os.kill(pid, signal.SIGTERM)
        path.unlink()


def _start(folder: Path, name: str, command: t.Sequence[str], probe: str) -> None:
    log = folder / f"{name}.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
        )
    files.write(folder / f"{name}.pid", str(process.pid))
    deadline = time.monotonic() + _SECONDS
    while not web.answers(probe):
        if process.poll() is not None or time.monotonic() > deadline:
            cause = log.read_text(errors="replace") or f"{probe} did not answer within {_SECONDS} s"
            raise LabError(f"Starting the {name} of the virtual machines", cause, f"See {log}.")
        time.sleep(0.2)
