# SPDX-License-Identifier: GPL-3.0-or-later
"""What this machine is, and what that means for the lab: the one place that asks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

MINIMUM_PYTHON = (3, 12)
MINIMUM_GO = (1, 26)
MINIMUM_PODMAN = (4, 3)
MINIMUM_MEMORY = 6144  # MiB; two builds at once were seen to take 4400
MINIMUM_DISK = 28672  # MiB; a cold build was seen to take 26000
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
NEEDED_CAPABILITIES = ("CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_MKNOD", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE")
CAPABILITY_BITS = {
    "CAP_NET_ADMIN": 12,
    "CAP_NET_RAW": 13,
    "CAP_SYS_CHROOT": 18,
    "CAP_SYS_PTRACE": 19,
    "CAP_SYS_ADMIN": 21,
    "CAP_SYS_RESOURCE": 24,
    "CAP_MKNOD": 27,
}

Version = tuple[int, ...]


@dataclass(frozen=True)
class Interpreter:
    """A Python on this machine: its path (links followed) and its version of three numbers."""

    path: str
    version: Version


@dataclass(frozen=True)
class MachineFacts:
    """What was seen. Memory and disk are free MiB; versions are tuples, None when not installed."""

    root: bool
    system: str
    architecture: str
    cgroup: int
    capabilities: frozenset[str]
    memory: int
    disk: int
    go: Version | None
    python: Interpreter | None
    podman: Version | None
    loadable_modules: bool


@dataclass(frozen=True)
class NodeSettings:
    """How nodes are run on this machine, and what the cluster in them has to know."""

    runtime: str
    cgroup: int
    unlimited: bool
    loadable_modules: bool

    @property
    def cgroup_driver(self) -> str:
        """The driver that kubelet and containerd use."""
        return "cgroupfs" if self.cgroup == 1 else "systemd"


@dataclass(frozen=True)
class Verdict:
    """Whether this machine can hold a lab: why not, or how."""

    settings: NodeSettings
    refusals: list[str] = field(default_factory=list)


def judge(facts: MachineFacts, *, building: bool, running: bool, supplied: bool) -> Verdict:
    """Decide from facts alone.

    ``building``: components will be built here, so Go is needed. ``running``: the lab's
    nodes run already, so their memory is not asked for again. ``supplied``: the cache is
    filled, so its disk space is not asked for again.
    """
    refusals = []
    if not facts.root:
        refusals.append("you are not root: nodes need mounts, networks and devices. Run as root (sudo -i).")
    if facts.system != "debian":
        refusals.append(f"the system is {facts.system!r}: the lab installs Debian packages. Use Debian 12 or newer.")
    if facts.architecture not in ARCHITECTURES.values():
        refusals.append(f"the processor is {facts.architecture}: nodes are amd64 or arm64. Use such a machine.")
    if facts.cgroup not in (1, 2):
        refusals.append("/sys/fs/cgroup holds neither version 1 nor 2. Mount one of them.")
    lacking = [name for name in NEEDED_CAPABILITIES if name not in facts.capabilities]
    if facts.root and lacking:
        refusals.append(f"capabilities are missing: {', '.join(lacking)}. Run outside of an unprivileged container.")
    if not running and facts.memory < MINIMUM_MEMORY:
        refusals.append(f"{facts.memory} MiB of memory are free, {MINIMUM_MEMORY} are needed. Free some.")
    if not supplied and facts.disk < MINIMUM_DISK:
        refusals.append(
            f"{facts.disk} MiB are free where the cache is, {MINIMUM_DISK} are needed. "
            "Free some or set XDG_CACHE_HOME to a larger filesystem."
        )
    if facts.python is None:
        refusals.append(
            f"no Python {shown(MINIMUM_PYTHON)} or newer with venv was found in PATH, /usr/bin and ~/.pyenv/versions: "
            "ansible-core needs it. Install one (for example `pyenv install 3.13`)."
        )
    if building and (facts.go is None or facts.go < MINIMUM_GO):
        found = "Go is not installed" if facts.go is None else f"Go is {shown(facts.go)}"
        refusals.append(
            f"{found}, {shown(MINIMUM_GO)} or newer is needed to build the components. "
            "Install it, or use SUPPLY=upstream where the release servers can be reached."
        )
    if facts.podman is not None and facts.podman < MINIMUM_PODMAN:
        refusals.append(f"podman is {shown(facts.podman)}, {shown(MINIMUM_PODMAN)} or newer is needed. Upgrade it.")
    settings = NodeSettings(
        runtime="runc" if facts.cgroup == 1 else "crun",
        cgroup=facts.cgroup,
        unlimited="CAP_SYS_RESOURCE" in facts.capabilities,
        loadable_modules=facts.loadable_modules,
    )
    return Verdict(settings, refusals)


def observe(cache: Path) -> MachineFacts:
    """Look at this machine; ``cache`` is the folder whose filesystem will hold the supplies."""
    return MachineFacts(
        root=os.geteuid() == 0,
        system=_system(),
        architecture=architecture(),
        cgroup=_cgroup(),
        capabilities=_capabilities(Path("/proc/self/status").read_text()),
        memory=_free_memory(Path("/proc/meminfo").read_text()),
        disk=_free_disk(cache),
        go=_version_of("go", "version", r"go(\d+)\.(\d+)"),
        python=find_python(),
        podman=_version_of("podman", "--version", r"(\d+)\.(\d+)"),
        loadable_modules=Path("/lib/modules", os.uname().release).is_dir(),
    )


def architecture() -> str:
    """Return the processor's name as Go and Debian spell it (amd64, arm64), or uname's."""
    return ARCHITECTURES.get(os.uname().machine, os.uname().machine)


def find_python(candidates: list[Path] | None = None) -> Interpreter | None:
    """Return the newest usable interpreter (it must bring venv and pip), or None.

    Looks at ``candidates``, by default those in PATH, /usr/bin, /usr/local/bin and ~/.pyenv/versions.
    """
    found: dict[str, Interpreter] = {}
    program = "import os, sys, venv, ensurepip; print(os.path.realpath(sys.executable), *sys.version_info[:3])"
    for candidate in _python_candidates() if candidates is None else candidates:
        try:
            done = subprocess.run([candidate, "-c", program], capture_output=True, text=True, timeout=20, check=False)
        except OSError:
            continue
        if done.returncode == 0:
            path, *numbers = done.stdout.rsplit(maxsplit=3)
            found[path] = Interpreter(path, tuple(int(number) for number in numbers))
    usable = [one for one in found.values() if one.version >= MINIMUM_PYTHON]
    return max(usable, key=lambda one: one.version, default=None)


def _python_candidates() -> list[Path]:
    """List interpreters that may be new enough, by their names alone (shims are left out: they hide a version)."""
    folders = [Path(part) for part in os.environ.get("PATH", "").split(":") if part and "shims" not in part]
    home = Path(os.environ.get("HOME") or "/root")
    folders += [Path("/usr/bin"), Path("/usr/local/bin"), *home.glob(".pyenv/versions/*/bin")]
    unique: dict[Path, Path] = {}
    for folder in folders:
        for path in folder.glob("python3*"):
            match = re.fullmatch(r"python3(?:\.(\d+))?", path.name)
            if match and (match[1] is None or int(match[1]) >= MINIMUM_PYTHON[1]):
                unique.setdefault(path.resolve(), path)
    return [path for path in unique.values() if _may_be_new(path.resolve().name)]


def _may_be_new(name: str) -> bool:
    match = re.fullmatch(r"python3\.(\d+)", name)
    return match is None or int(match[1]) >= MINIMUM_PYTHON[1]


def shown(version: Version) -> str:
    """Write a version as people do: (1, 26) is 1.26."""
    return ".".join(str(part) for part in version)


def _system() -> str:
    try:
        text = Path("/etc/os-release").read_text()
    except OSError:
        return "unknown"
    match = re.search(r'^ID="?([^"\n]+)', text, re.MULTILINE)
    return match[1] if match else "unknown"


def _cgroup() -> int:
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return 2
    return 1 if Path("/sys/fs/cgroup/memory").exists() else 0


def _capabilities(status: str) -> frozenset[str]:
    match = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    mask = int(match[1], 16) if match else 0
    return frozenset(name for name, bit in CAPABILITY_BITS.items() if mask >> bit & 1)


def _free_memory(meminfo: str) -> int:
    match = re.search(r"^MemAvailable:\s*(\d+) kB", meminfo, re.MULTILINE)
    return int(match[1]) // 1024 if match else 0


def _free_disk(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free // 2**20


def _version_of(program: str, argument: str, pattern: str) -> Version | None:
    try:
        done = subprocess.run([program, argument], capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return None
    match = re.search(pattern, done.stdout)
    return tuple(int(part) for part in match.groups()) if match else None
