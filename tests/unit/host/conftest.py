# SPDX-License-Identifier: GPL-3.0-or-later
"""A fresh host in a folder for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.host.fake import Host


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A small Debian host."""
    return Host(tmp_path / "root")
