# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes: containers that run systemd and sshd and otherwise are blank Debian machines."""

from __future__ import annotations

import socket
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import archive, disks, podman, segments, ssh
from lab.errors import LabError
from lab.machine import NodeSettings
from lab.process import last_lines, run, succeeds
from lab.state import Lab, Node

BOOT_SECONDS = 60

# podman mounts its own files over these, which then could not be replaced by renaming. One that a program of
# the boot has open at this moment is detached all the same.
# Under cgroup version 1 it also mounts two more things on /sys/fs/cgroup/systemd, over which
# the runc inside a node stumbles: first the release agent goes, then the mount above.
SETTLE_SCRIPT = """
set -eu
for path in /etc/hostname /etc/hosts /etc/resolv.conf; do
  while mountpoint -q "$path"; do umount --lazy "$path"; done
done
if [ -e /sys/fs/cgroup/systemd/release_agent ] && mountpoint -q /sys/fs/cgroup/systemd/release_agent; then
  umount /sys/fs/cgroup/systemd/release_agent
fi
while [ "$(grep -c ' /sys/fs/cgroup/systemd ' /proc/self/mountinfo)" -gt 1 ]; do umount /sys/fs/cgroup/systemd; done
mount --make-rshared /
"""


def run_options(lab: Lab, node: Node, settings: NodeSettings) -> list[str]:
    """Return podman's options for a node on this machine."""
    name = podman.name_of(lab.name, node.name)
    options = ["--name", name, "--hostname", node.name]
    options += [option for network, place in segments.places(lab, node) for option in podman.place(network, place)]
    options += ["--privileged", "--systemd", "always", "--cgroupns", "private", "--no-hosts"]
    # containerd's overlays cannot lie on the container's own overlay.
    options += ["--volume", f"{name}:/var/lib"]
    if settings.loadable_modules:
        options += ["--volume", "/lib/modules:/lib/modules:ro"]
    return [*options, *podman.limits(settings), *podman.labels(lab.name, lab.folder)]


def seed(lab: Lab, node: Node) -> bytes:
    """Return a tar of what makes a blank node this lab's: its name, resolver and SSH keys."""
    key = ssh.host_key(lab, node.name)
    texts = {
        "etc/hostname": (f"{node.name}\n", 0o644),
        "etc/hosts": (f"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {node.name}\n", 0o644),
        "etc/resolv.conf": (_resolver(), 0o644),
        "etc/ssh/ssh_host_ed25519_key": (key.read_text(), 0o600),
        "etc/ssh/ssh_host_ed25519_key.pub": (key.with_suffix(".pub").read_text(), 0o644),
        "root/.ssh/authorized_keys": (Path(lab.private_key).with_suffix(".pub").read_text(), 0o600),
    }
    return archive.of_texts(texts, {"root/.ssh": 0o700})


def _resolver() -> str:
    """Return this machine's resolver configuration, the real one where a local stub stands before it."""
    text = Path("/etc/resolv.conf").read_text()
    real = Path("/run/systemd/resolve/resolv.conf")
    return real.read_text() if "127.0.0.53" in text and real.exists() else text


def start_all(lab: Lab, settings: NodeSettings, image: str, only: t.Container[str] | None = None) -> list[str]:
    """See to it that the nodes run and answer; return the names of those that had to be started."""
    known = {one.name: one for one in podman.containers(lab.name)}
    wanted = [node for node in lab.nodes.values() if only is None or node.name in only]

    def ensure(node: Node) -> str | None:
        container = known.get(podman.name_of(lab.name, node.name))
        if container and container.state == "running" and answers(node):
            _settle(lab, node)
            return None
        if container is None:
            _create(lab, node, settings, image)
        if container is None or container.state == "created":
            # A run that was killed may have made the node without giving it this.
            _plant(lab, node)
        _start(lab, node, settings)
        _settle(lab, node)
        return node.name

    with ThreadPoolExecutor(len(lab.nodes)) as pool:
        return [name for name in pool.map(ensure, wanted) if name]


def remove(lab: Lab, only: t.Container[str] | None = None) -> None:
    """Remove nodes, all of them or *only* some, with their volumes; network, mirror and registry stay."""
    ssh.hang_up(lab.name)
    names = {podman.name_of(lab.name, node) for node in lab.nodes if only is None or node in only}
    podman.remove_containers([one for one in podman.containers(lab.name) if one.name in names])
    volumes = [name for name in podman.names("volume", lab.name) if name in names]
    disks.detach(volumes)
    podman.remove_volumes(volumes)


def stop(lab: Lab, node: Node) -> None:
    """Stop a node as if its plug were pulled."""
    podman.halt(podman.name_of(lab.name, node.name))


def answers(node: Node) -> bool:
    """Tell whether a node's SSH server greets."""
    try:
        with socket.create_connection((node.address, 22), timeout=2) as connection:
            connection.settimeout(5)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _create(lab: Lab, node: Node, settings: NodeSettings, image: str) -> None:
    name = podman.name_of(lab.name, node.name)
    attempted = f"Making node {node.name}"
    if succeeds(["podman", "volume", "exists", name]):
        disks.detach([name])
        podman.remove_volumes([name])
    podman.call("volume", "create", *podman.labels(lab.name, lab.folder), name, attempted=attempted)
    runtime = ["--runtime", settings.runtime]
    podman.call(*runtime, "create", *run_options(lab, node, settings), image, attempted=attempted)


def _plant(lab: Lab, node: Node) -> None:
    name = podman.name_of(lab.name, node.name)
    podman.call("cp", "-", f"{name}:/", attempted=f"Preparing node {node.name}", stdin=seed(lab, node))


def _settle(lab: Lab, node: Node) -> None:
    name = podman.name_of(lab.name, node.name)
    disks.make(lab, node)
    script = SETTLE_SCRIPT + segments.routes(lab, node) + disks.mounting(node)
    podman.call("exec", name, "sh", "-c", script, attempted=f"Settling node {node.name}")


def _start(lab: Lab, node: Node, settings: NodeSettings) -> None:
    name = podman.name_of(lab.name, node.name)
    attempted = f"Starting node {node.name}"
    podman.halt(name)
    podman.call("--runtime", settings.runtime, "start", name, attempted=attempted)
    deadline = time.monotonic() + BOOT_SECONDS
    while not (_booted(name) and answers(node)):
        if time.monotonic() > deadline:
            raise LabError(attempted, f"it did not come up within {BOOT_SECONDS} s; {_journal(name)}", _look(node))
        time.sleep(0.3)


def _booted(name: str) -> bool:
    return succeeds(["podman", "exec", name, "systemctl", "is-active", "--quiet", "multi-user.target"])


def _journal(name: str) -> str:
    try:
        journal = ["journalctl", "-b", "-n", "8", "--no-pager"]
        text = run(["podman", "exec", name, *journal], attempted="Reading its journal", timeout=10)
        return f"its last words:\n{last_lines(text, 8)}\n"
    except LabError:
        text = run(["sh", "-c", 'podman logs --tail 8 "$0" 2>&1 || true', name], attempted="Reading", timeout=10)
        return f"it is not running; its last words:\n{last_lines(text, 8)}\n"


def _look(node: Node) -> str:
    return f"Look with `python3 -m lab exec {node.name} journalctl -b`, or make it anew: `python3 -m lab nodes reset`."
