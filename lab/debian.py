# SPDX-License-Identifier: GPL-3.0-or-later
"""How this machine gets Debian packages, so that nodes get theirs the same way."""

from __future__ import annotations

import re
import subprocess
import typing as t
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.errors import LabError

SUITE = "trixie"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_SETTINGS = re.compile(r"^Acquire::(?:(?:https?|ftp)::|Check-|Force|Retries)")


@dataclass(frozen=True)
class Source:
    """Where packages come from: mirrors, apt's transport settings, certificate authorities by file name."""

    mirror: str
    security: str | None
    settings: tuple[str, ...]
    authorities: dict[str, str]

    def as_data(self) -> dict[str, t.Any]:
        """Return it as plain data, for content keys."""
        return asdict(self)

    def files(self) -> dict[str, str]:
        """Return the files (path below the root → text) that make apt in a node use this source."""
        entries = [(self.mirror, f"{SUITE} {SUITE}-updates")]
        if self.security:
            entries.append((self.security, f"{SUITE}-security"))
        sources = "\n".join(
            f"Types: deb\nURIs: {uri}\nSuites: {suites}\nComponents: main\nSigned-By: {KEYRING}\n"
            for uri, suites in entries
        )
        texts = {"etc/apt/sources.list.d/debian.sources": sources, "etc/apt/sources.list": ""}
        if self.settings:
            texts["etc/apt/apt.conf.d/90machine"] = "".join(f"{line}\n" for line in self.settings)
        for name, content in self.authorities.items():
            texts[f"usr/local/share/ca-certificates/{name}"] = content
        return texts


def entries(text: str, *, one_line: bool) -> list[tuple[str, list[str]]]:
    """Parse apt sources: (URI, suites) pairs of binary packages, one-line or deb822 style."""
    if one_line:
        lines = re.findall(r"^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)", text, re.MULTILINE)
        return [(uri, [suite]) for uri, suite in lines]
    found = []
    for stanza in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^([A-Za-z-]+):\s*(.*)$", stanza, re.MULTILINE))
        if "deb" in fields.get("Types", "").split() and fields.get("Enabled", "yes") != "no":
            found += [(uri, fields.get("Suites", "").split()) for uri in fields.get("URIs", "").split()]
    return found


def choose(found: list[tuple[str, list[str]]], codename: str) -> tuple[str | None, str | None]:
    """Pick the mirror of the release and the one of its security updates."""
    mirror = next((uri for uri, suites in found if codename in suites), None)
    security = next((uri for uri, suites in found if f"{codename}-security" in suites), None)
    return mirror, security


def source() -> Source:
    """Read this machine's apt configuration."""
    release = Path("/etc/os-release").read_text()
    match = re.search(r"^VERSION_CODENAME=(\w+)", release, re.MULTILINE)
    found = []
    for path in (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))):
        if path.is_file() and path.suffix in (".list", ".sources"):
            found += entries(path.read_text(), one_line=path.suffix == ".list")
    mirror, security = choose(found, match[1] if match else "stable")
    if mirror is None:
        raise LabError(
            "Reading this machine's apt sources",
            f"none of them is for this release ({match[1] if match else 'unknown'})",
            "Add a Debian mirror to /etc/apt and run again.",
        )
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    local = sorted(Path("/usr/local/share/ca-certificates").glob("*.crt"))
    return Source(
        mirror=mirror,
        security=security,
        settings=tuple(line for line in dump.splitlines() if _SETTINGS.match(line) and not line.endswith('"";')),
        authorities={path.name: path.read_text() for path in local},
    )
