# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian packages the lab needs on this machine, and those of which it needs only programs."""

from __future__ import annotations

import subprocess
import tempfile
import typing as t
from pathlib import Path

from lab import debian, files
from lab.errors import LabError
from lab.machine import architecture
from lab.process import run

NEEDED = (
    "aardvark-dns",
    "acl",
    "bind9-dnsutils",
    "btrfs-progs",
    "ca-certificates",
    "conmon",
    "curl",
    "debootstrap",
    "gcc",
    "iproute2",
    "iptables",
    "libc6-dev",
    "libseccomp-dev",
    "netavark",
    "nftables",
    "nmap",
    "openssh-client",
    "openssl",
    "pkg-config",
    "podman",
    "rsync",
    "runc",
    "shellcheck",
)
_REMEDY = "Check this machine's apt sources and network, then run again."


def missing(needed: t.Sequence[str], status: str) -> list[str]:
    """Return the packages of ``needed`` that ``status`` (lines ``name<tab>status``) does not show as installed."""
    installed = {name for name, _, state in (line.partition("\t") for line in status.splitlines()) if state == "ii "}
    return [name for name in needed if name not in installed]


def wanted(cgroup: int) -> list[str]:
    """List the packages for a machine with this cgroup version."""
    return [*NEEDED, *(["crun"] if cgroup == 2 else [])]


def install(cgroup: int, log: Path) -> list[str]:
    """Install what is missing and return its names. A machine that has everything sees no apt call."""
    needed = wanted(cgroup)
    query = ["dpkg-query", "--show", "--showformat", "${Package}\t${db:Status-Abbrev}\n", *needed]
    status = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    absent = missing(needed, status)
    if absent:
        env = {"DEBIAN_FRONTEND": "noninteractive"}
        _update(log)
        run(
            ["apt-get", "install", "-q", "-y", "--no-install-recommends", *absent],
            attempted=f"Installing {' '.join(absent)}",
            remedy=_REMEDY,
            env=env,
            log=log,
        )
    return absent


def unpacked(names: t.Sequence[str], folder: Path, log: Path) -> Path:
    """Return a tree below ``folder`` with the files of packages; nothing is installed, and no service started.

    It is made once for each source of packages. What its programs need besides has to be there. Raises LabError.
    """
    tree = folder / files.key_of("unpacked", architecture(), sorted(names), debian.source().as_data())
    if not tree.exists():
        files.sweep(folder)
        with files.published(tree) as root, tempfile.TemporaryDirectory(prefix=files.PARTIAL, dir=folder) as work:
            try:
                _download(names, Path(work), log)
            except LabError:
                # What is known of the mirror is too old, or nothing is.
                _update(log)
                _download(names, Path(work), log)
            for package in Path(work).glob("*.deb"):
                run(["dpkg-deb", "--extract", package, root], attempted=f"Unpacking {package.name}")
    return tree


def _update(log: Path) -> None:
    run(["apt-get", "update", "-q"], attempted="Updating apt's package lists", remedy=_REMEDY, log=log)


def _download(names: t.Sequence[str], folder: Path, log: Path) -> None:
    """Download packages; apt looks at their checksums and at who signed these."""
    attempted = f"Downloading {' '.join(names)}"
    run(["apt-get", "download", "-q", *names], attempted=attempted, remedy=_REMEDY, cwd=folder, log=log)
