# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab's SSH keys: the one that opens the nodes, and the nodes' own, known before they boot."""

from __future__ import annotations

import shutil
from pathlib import Path

from lab import files
from lab.process import run, succeeds
from lab.state import Lab


def control_folder(lab: str) -> Path:
    """Return where Ansible's persistent connections to a lab have their sockets (a short path: sockets need one)."""
    return Path("/run") / f"homelab-{lab}"


def hang_up(lab: str) -> None:
    """End the persistent connections to a lab's nodes: they would outlive the nodes."""
    folder = control_folder(lab)
    for connection in folder.glob("*"):
        succeeds(["ssh", "-O", "exit", "-o", f"ControlPath={connection}", "node"])
    shutil.rmtree(folder, ignore_errors=True)


def host_key(lab: Lab, node: str) -> Path:
    """Return the file of a node's private host key."""
    return Path(lab.folder) / "ssh" / "hosts" / node


def make_keys(lab: Lab) -> None:
    """Make the keys that are not there and write the known_hosts file. Nodes keep their keys when reset."""
    private = Path(lab.private_key)
    _make(private, f"homelab {lab.name}")
    lines = []
    for node in lab.nodes.values():
        _make(host_key(lab, node.name), node.name)
        public = host_key(lab, node.name).with_suffix(".pub").read_text().split()
        lines.append(f"{node.address},{node.name} {public[0]} {public[1]}\n")
    files.write(Path(lab.known_hosts), "".join(lines))


def _make(private: Path, comment: str) -> None:
    if private.exists() and private.with_suffix(".pub").exists():
        return
    private.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    private.unlink(missing_ok=True)
    run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", private],
        attempted=f"Making the SSH key {private}",
    )
