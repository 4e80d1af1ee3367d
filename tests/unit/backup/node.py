# SPDX-License-Identifier: GPL-3.0-or-later
"""A node in a folder: volumes, a repository and the real restic."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup import backup, model, restore
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.pods import Pods
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.restic import Restic

PASSWORD = "correct horse"
KILLER = Path(__file__).with_name("killer.py")


def restic_folder() -> str:
    """Return the folder with restic, of HOMELAB_BIN or PATH; fails the test without one."""
    told = os.environ.get("HOMELAB_BIN", "")
    found = f"{told}/restic" if told and Path(told, "restic").exists() else shutil.which("restic")
    if not found:
        pytest.fail("restic is neither in HOMELAB_BIN nor on PATH; `python3 -m lab supply` builds it")
    if os.geteuid():
        pytest.fail("these tests mount volumes: run them as root")
    return os.path.dirname(found)


@dataclass
class Node:
    """One node of one lab. *volumes* are a module's; ``hook`` of them as well."""

    root: Path
    name: str = "node-1"
    volumes: list[dict[str, t.Any]] = field(default_factory=list)
    metrics: str = ""
    elsewhere: str = ""
    """URL of the copy, where there is to be one."""

    def __post_init__(self) -> None:
        self.password = self.root / "password"
        self.places = model.Places(str(self.root / self.name / "state"), str(self.root / "lock"))
        self.url = str(self.root / "repository")
        if not self.password.exists():
            self.password.write_text(PASSWORD, encoding="ascii")
            self.password.chmod(0o600)

    def volume(self, name: str, folder: Path | None = None, **more: t.Any) -> Path:
        """Add a volume; returns its folder."""
        place = folder or self.root / "volumes" / name.replace("/", "_")
        place.mkdir(parents=True, exist_ok=True)
        self.volumes.append({"name": name, "path": str(place), **more})
        return place

    def wanted(self, **changes: t.Any) -> model.Wanted:
        """Return what is asked for."""
        data = {
            "lab": "lab",
            "node": self.name,
            "repository": {"url": self.url, "password_file": str(self.password)},
            "volumes": self.volumes,
            "metrics_file": self.metrics,
        }
        if self.elsewhere:
            metrics = self.metrics.replace(".prom", "_copy.prom")
            own = {"url": self.elsewhere, "password_file": str(self.password)}
            data |= {"copy": {"repository": own, "metrics_file": metrics}, "makes_repository": True}
        return model.parse({**data, **changes})

    def init(self) -> Node:
        """Make the repository."""
        assert Restic(self.wanted().repository, self.places).run("init").code == 0
        return self

    def backup(self, pods: Pods | None = None) -> backup.Result:
        """Back up once."""
        return backup.run(self.wanted(), self.places, pods)

    def wish(self, volume: str, **changes: t.Any) -> restore.Wish:
        """Return the wish to restore a volume where it is."""
        target = next((one["path"] for one in self.volumes if one["name"] == volume), "")
        values = {"lab": "lab", "volume": volume, "target": target, "repository": self.wanted().repository}
        return restore.Wish(**{**values, "metrics_file": self.metrics, **changes})

    def restore(self, volume: str, **changes: t.Any) -> restore.Restored:
        """Restore once."""
        return restore.restore(self.wish(volume, **changes), self.places)

    def restic(self, *words: str, url: str = "") -> subprocess.CompletedProcess[str]:
        """Run restic as a person would, on the repository or another *url*."""
        environment = {**os.environ, "RESTIC_REPOSITORY": url or self.url, "RESTIC_PASSWORD_FILE": str(self.password)}
        environment["RESTIC_CACHE_DIR"] = self.places.cache
        return subprocess.run(["restic", *words], env=environment, capture_output=True, text=True, check=False)

    def snapshots(self) -> list[dict[str, t.Any]]:
        """Return the repository's snapshots."""
        found: list[dict[str, t.Any]] = json.loads(self.restic("snapshots", "--json").stdout)
        return found

    def taken(self) -> float:
        """Return when the last snapshot was taken, in seconds since the epoch."""
        return restore.moment_ns(self.snapshots()[-1]["time"]) / 1e9

    def stored(self) -> int:
        """Return the bytes of the repository's packs."""
        return sum(path.stat().st_size for path in Path(self.url, "data").rglob("*") if path.is_file())

    def killed(self, verb: str, point: str, **told: t.Any) -> None:
        """Run a verb in a process that is killed at a point (see killer.py)."""
        job = {"verb": verb, "point": point, "root": str(self.root), "name": self.name, "volumes": self.volumes, **told}
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, str(KILLER), json.dumps(job)],
            env=environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == -9, f"{point}: not killed, {done.returncode}\n{done.stdout}\n{done.stderr}"


def listing(folder: Path) -> dict[str, tuple[t.Any, ...]]:
    """Return what is in a folder by path, as `find` sees it: type and mode, owner, size, time, target or content."""
    found: dict[str, tuple[t.Any, ...]] = {}
    for place in sorted(folder.rglob("*")):
        status = place.lstat()
        content: t.Any = None
        if place.is_symlink():
            content = os.readlink(place)
        elif place.is_file():
            content = place.read_bytes()
        names = sorted(os.listxattr(place, follow_symlinks=False))
        attached = tuple((name, os.getxattr(place, name, follow_symlinks=False)) for name in names)
        times = status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns
        found[str(place.relative_to(folder))] = (*times, content, attached)
    return found


def locks_of_the_dead(node: Node) -> list[str]:
    """Return the repository's locks."""
    return node.restic("list", "locks", "--no-lock").stdout.split()
