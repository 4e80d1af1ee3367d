# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is: read from its files and its kernel, never by running or writing anything."""

from __future__ import annotations

import os
import platform
import socket
import typing as t
from dataclasses import asdict, dataclass

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

Read = t.Callable[[str], t.Optional[str]]


@dataclass(frozen=True)
class Probe:
    """One host as it is. Memory and swap are in MiB; *arch* is Go's name where we know it, else the kernel's.

    *cgroup* is 2 (unified), 1 (legacy or hybrid) or 0 (none mounted); *init* is the name of process 1.
    """

    hostname: str
    machine_id: str
    os: t.Mapping[str, str]
    arch: str
    kernel: str
    python: str
    memory_mib: int
    swap_mib: int
    cgroup: int
    init: str
    user_id: int

    def as_dict(self) -> dict[str, t.Any]:
        """Return the probe as plain data, the shape that `from_dict` takes."""
        return asdict(self)


def from_dict(data: t.Mapping[str, t.Any]) -> Probe:
    """Return the probe that a host sent."""
    return Probe(**data)


def observe(read: Read | None = None, exists: t.Callable[[str], bool] = os.path.exists) -> Probe:
    """Return what this host is; *read* returns a file's text, or None where there is no such file."""
    read = read or _read
    memory = read("/proc/meminfo") or ""
    return Probe(
        hostname=socket.gethostname(),
        machine_id=(read("/etc/machine-id") or "").strip(),
        os=parse_os_release(read("/etc/os-release") or read("/usr/lib/os-release") or ""),
        arch=_ARCHITECTURES.get(platform.machine(), platform.machine()),
        kernel=platform.release(),
        python=platform.python_version(),
        memory_mib=parse_meminfo(memory, "MemTotal"),
        swap_mib=parse_meminfo(memory, "SwapTotal"),
        cgroup=_cgroup(exists),
        init=(read("/proc/1/comm") or "").strip(),
        user_id=os.geteuid(),
    )


def parse_os_release(text: str) -> dict[str, str]:
    """Return id, version and codename of an os-release file; empty text where it names none."""
    fields = {}
    for line in text.splitlines():
        key, separator, value = line.strip().partition("=")
        if separator and not key.startswith("#"):
            fields[key] = value.strip("\"'")
    return {
        "id": fields.get("ID", ""),
        "version": fields.get("VERSION_ID", ""),
        "codename": fields.get("VERSION_CODENAME", ""),
    }


def parse_meminfo(text: str, field: str) -> int:
    """Return a field of /proc/meminfo (which counts in KiB) in whole MiB; 0 where it is missing."""
    for line in text.splitlines():
        name, _colon, rest = line.partition(":")
        if name == field:
            return int(rest.split()[0]) // 1024
    return 0


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return None


def _cgroup(exists: t.Callable[[str], bool]) -> int:
    if exists("/sys/fs/cgroup/cgroup.controllers"):
        return 2
    return 1 if exists("/sys/fs/cgroup/memory") or exists("/sys/fs/cgroup/systemd") else 0
