# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the checkout importable as ansible_collections.atarnet.homelab, wherever it lies."""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def _collections_root() -> Path:
    """Return a folder that holds ansible_collections/atarnet/homelab, a link to this checkout."""
    root = Path(tempfile.mkdtemp(prefix="atarnet-homelab-"))
    link = root / "ansible_collections" / "atarnet" / "homelab"
    link.parent.mkdir(parents=True)
    link.symlink_to(CHECKOUT)
    atexit.register(shutil.rmtree, root)
    return root


if CHECKOUT.parts[-3:] != ("ansible_collections", "atarnet", "homelab"):
    sys.path.insert(0, str(_collections_root()))
