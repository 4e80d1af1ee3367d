# SPDX-License-Identifier: GPL-3.0-or-later
"""Collections of others to compare with, unpacked into the user's cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# The package that carries the collection, and the version of the collection in it.
ANSIBLE = "14.5.0"
KUBERNETES_CORE = "6.6.0"


def kubernetes_core() -> Path:
    """Return a collections path that has kubernetes.core; fetched from the package index once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    root = cache / "atarnet-homelab" / "peers" / f"kubernetes.core-{KUBERNETES_CORE}"
    if not root.is_dir():
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root.parent) as folder:
            _unpack(Path(folder))
            (Path(folder) / "unpacked").rename(root)
    manifest = json.loads((root / "ansible_collections/kubernetes/core/MANIFEST.json").read_text(encoding="utf-8"))
    found = manifest["collection_info"]
    if found["version"] != KUBERNETES_CORE or found["dependencies"]:
        sys.exit(f"ansible {ANSIBLE} carries kubernetes.core {found['version']} needing {found['dependencies']}")
    return root


def _unpack(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    subprocess.run([*command, f"ansible=={ANSIBLE}"], check=True)
    with zipfile.ZipFile(next(folder.glob("ansible-*.whl"))) as wheel:
        names = [name for name in wheel.namelist() if name.startswith("ansible_collections/kubernetes/core/")]
        wheel.extractall(folder / "unpacked", names)
