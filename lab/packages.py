# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian packages the lab needs on this machine."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

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
        remedy = "Check this machine's apt sources and network, then run again."
        run(["apt-get", "update", "-q"], attempted="Updating apt's package lists", remedy=remedy, log=log)
        run(
            ["apt-get", "install", "-q", "-y", "--no-install-recommends", *absent],
            attempted=f"Installing {' '.join(absent)}",
            remedy=remedy,
            env=env,
            log=log,
        )
    return absent
