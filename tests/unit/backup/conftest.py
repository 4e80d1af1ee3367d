# SPDX-License-Identifier: GPL-3.0-or-later
"""A node with a repository, and a btrfs disk for it."""

from __future__ import annotations

import shutil
import subprocess
import typing as t
from pathlib import Path

import pytest

from tests.unit.backup.cheap_key import make_cheap
from tests.unit.backup.node import PASSWORD, Node, restic_folder


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty repository: making one takes seconds, copying one does not, nor does opening this one."""
    root = tmp_path_factory.mktemp("blank")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", restic_folder(), prepend=":")
        Node(root).init()
    make_cheap(root / "repository", PASSWORD)
    return root / "repository"


@pytest.fixture
def node(tmp_path: Path, blank: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """A node with a repository that is empty."""
    monkeypatch.setenv("PATH", restic_folder(), prepend=":")
    shutil.copytree(blank, tmp_path / "repository")
    return Node(tmp_path)


@pytest.fixture
def disk(tmp_path: Path) -> t.Iterator[Path]:
    """A mounted btrfs of 256 MiB."""
    image, point = tmp_path / "disk.img", tmp_path / "disk"
    with image.open("wb") as stream:
        stream.truncate(256 << 20)
    point.mkdir()
    subprocess.run(["mkfs.btrfs", "--quiet", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(point)], check=True)
    try:
        yield point
    finally:
        subprocess.run(["umount", "--lazy", str(point)], check=True)


@pytest.fixture
def share(tmp_path: Path) -> t.Iterator[Path]:
    """A mounted file system of 96 MiB with a folder."""
    point = tmp_path / "share"
    point.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(point)], check=True)
    (point / "lab").mkdir()
    try:
        yield point / "lab"
    finally:
        subprocess.run(["umount", "--lazy", str(point)], check=True)


@pytest.fixture
def small(tmp_path: Path) -> t.Iterator[Path]:
    """A mounted file system of 4 MiB."""
    point = tmp_path / "small"
    point.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(point)], check=True)
    try:
        yield point
    finally:
        subprocess.run(["umount", "--lazy", str(point)], check=True)
