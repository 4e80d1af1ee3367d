# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the pinned artifacts come from: built here, or upstream's servers."""

from __future__ import annotations

import os
import tarfile
import typing as t
from dataclasses import dataclass
from pathlib import Path

from lab import files, web
from lab.artifacts import mirrored
from lab.errors import LabError
from lab.lockfile import Lock
from lab.table import ARTIFACTS

BUILD, UPSTREAM = "build", "upstream"
PROBES = ("https://dl.k8s.io/", "https://registry.k8s.io/v2/")
PROBE_SECONDS = 2.0
TOOLS = ("kubectl", "crictl", "helm")


@dataclass(frozen=True)
class Supply:
    """A choice: ``kind`` (build or upstream), ``base`` (another server of upstream's layout, or empty) and why."""

    kind: str
    base: str
    reason: str


def choose(environ: t.Mapping[str, str], recorded: str | None, reachable: t.Callable[[str, float], bool]) -> Supply:
    """Choose the supply: forced by SUPPLY, as the running lab has it, else by whether upstream answers.

    SUPPLY_URL names a server that has upstream's files as HOST/PATH. Raises LabError for an unknown SUPPLY.
    """
    forced, base = environ.get("SUPPLY", ""), environ.get("SUPPLY_URL", "").rstrip("/")
    if forced not in ("", BUILD, UPSTREAM):
        raise LabError(f"Choosing SUPPLY={forced!r}", "it is neither build nor upstream", "Use one of them, or none.")
    if forced == BUILD and base:
        raise LabError("Choosing the supply", "SUPPLY_URL is of no use to SUPPLY=build", "Unset one of them.")
    if forced:
        return Supply(forced, base, f"SUPPLY={forced}")
    if base:
        return Supply(UPSTREAM, base, f"SUPPLY_URL={base}")
    if recorded:
        return Supply(recorded, "", "as the lab was made")
    silent = next((url for url in PROBES if not reachable(url, PROBE_SECONDS)), None)
    if silent:
        return Supply(BUILD, "", f"{silent} did not answer within {PROBE_SECONDS:.0f} s")
    return Supply(UPSTREAM, "", "upstream's servers answer")


def address(url: str, base: str) -> str:
    """Return where to fetch an upstream file: ``base``/HOST/PATH, or upstream itself when there is no base."""
    return f"{base}/{mirrored(url)}" if base else url


def fetch_tools(lock: Lock, arch: str, base: str, folder: Path) -> dict[str, Path]:
    """Fetch the developer's programs that upstream publishes as pinned files; return their paths by name."""
    found = {}
    for artifact in (one for one in ARTIFACTS if one.name in TOOLS):
        checksum = lock.sha256(artifact.name, arch)
        program = folder / checksum / artifact.name
        if not program.exists():
            url = lock.url(artifact.name, arch)
            with files.published(program.parent) as partial:
                web.download(address(url, base), partial / "download", checksum)
                _unpack(
                    partial / "download", artifact.paths(arch, lock.version(artifact.name)), partial / artifact.name
                )
        found[artifact.name] = program
    return found


def _unpack(download: Path, members: dict[str, str], program: Path) -> None:
    if "" in members:
        os.replace(download, program)
    else:
        with tarfile.open(download) as archive:
            content = archive.extractfile(next(iter(members)))
            if content is None:
                raise LabError(f"Unpacking {program.name}", "the archive does not hold it", "Check the lock.")
            files.write(program, content.read())
        download.unlink()
    program.chmod(0o755)
