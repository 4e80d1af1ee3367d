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

# The package that carries the collections, and the versions of them in it.
ANSIBLE = "14.5.0"
KUBERNETES_CORE = "6.6.0"
COMMUNITY_GENERAL = "13.5.0"


def kubernetes_core() -> Path:
    """Return a collections path that has kubernetes.core; fetched from the package index once."""
    return _collection("kubernetes.core", KUBERNETES_CORE)


def community_general() -> Path:
    """Return a collections path that has community.general without what its inventory plugins need; fetched once."""
    return _collection("community.general", COMMUNITY_GENERAL)


def _collection(name: str, version: str) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    root = cache / "atarnet-homelab" / "peers" / f"{name}-{version}"
    inside = f"ansible_collections/{name.replace('.', '/')}/"
    if not root.is_dir():
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root.parent) as folder:
            _unpack(Path(folder), inside)
            (Path(folder) / "unpacked").rename(root)
    manifest = json.loads((root / inside / "MANIFEST.json").read_text(encoding="utf-8"))
    found = manifest["collection_info"]["version"]
    if found != version:
        sys.exit(f"ansible {ANSIBLE} carries {name} {found} instead of {version}")
    return root


def _unpack(folder: Path, inside: str) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    subprocess.run([*command, f"ansible=={ANSIBLE}"], check=True)
    with zipfile.ZipFile(next(folder.glob("ansible-*.whl"))) as wheel:
        wheel.extractall(folder / "unpacked", [name for name in wheel.namelist() if name.startswith(inside)])
