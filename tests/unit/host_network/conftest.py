# SPDX-License-Identifier: GPL-3.0-or-later
"""A fresh host in a folder for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.host_network.fake import NetworkHost


@pytest.fixture
def host(tmp_path: Path) -> NetworkHost:
    """A small Debian host with nft, reached over SSH."""
    host = NetworkHost(tmp_path / "root")
    host.connect("192.0.2.1 40000 192.0.2.2 22")
    return host
