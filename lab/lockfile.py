# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the artifact lock (meta/artifacts.yml) without a YAML library of our own."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass
from pathlib import Path

from lab import files
from lab.errors import LabError
from lab.paths import Paths
from lab.process import run

_CONVERT = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout, sort_keys=True)"


@dataclass(frozen=True)
class Lock:
    """The pins: ``artifacts``, ``images``, ``charts`` and ``manifests`` as the lock has them, by name."""

    artifacts: dict[str, t.Any]
    images: dict[str, t.Any]
    charts: dict[str, t.Any]
    manifests: dict[str, t.Any]

    def url(self, name: str, arch: str) -> str:
        """Return the upstream address of a pinned file."""
        return str(self._artifact(name)[arch]["url"])

    def sha256(self, name: str, arch: str) -> str:
        """Return the checksum upstream published."""
        return str(self._artifact(name)[arch]["sha256"])

    def version(self, name: str) -> str:
        """Return a file's version, without a leading v."""
        return str(self._artifact(name)["version"])

    def reference(self, name: str) -> str:
        """Return an image's full reference, registry/repository:tag."""
        if name not in self.images:
            raise LabError(f"Looking up image {name}", "meta/artifacts.yml has no such image", "Add it under images.")
        return f"{self.images[name]['image']}:{self.images[name]['tag']}"

    def _artifact(self, name: str) -> dict[str, t.Any]:
        if name not in self.artifacts:
            cause = "meta/artifacts.yml has no such artifact"
            raise LabError(f"Looking up artifact {name}", cause, "Add it under artifacts.")
        return t.cast(dict[str, t.Any], self.artifacts[name])


def read(paths: Paths, venv: Path) -> Lock:
    """Read the checkout's lock with the controller environment's YAML; the result is kept by content."""
    source = paths.checkout / "meta" / "artifacts.yml"
    text = source.read_bytes()
    kept = paths.cache / "lock" / f"{files.key_of(text.decode())}.json"
    if not kept.exists():
        data = run([venv / "bin" / "python", "-c", _CONVERT], attempted=f"Reading {source}", stdin=text)
        files.write(kept, data)
    data = json.loads(kept.read_text())
    return Lock(data["artifacts"], data["images"], data["charts"], data["manifests"])
