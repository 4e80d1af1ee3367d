# SPDX-License-Identifier: GPL-3.0-or-later
"""A run is killed at every moment that matters: nothing stays frozen, no snapshot stays, and the next run converges."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.unit.backup.freezing import OnePod, moves, writing_pod
from tests.unit.backup.node import Node, listing, locks_of_the_dead

BACKUP = [
    "before:make_folders",
    "before:snapshot",
    "after:snapshot",
    "before:freeze",
    "after:freeze",
    "before:waiting",
    "after:start",
    "during:start:repository/locks/*",
    "after:describe",
    "before:go_on",
    "during:go_on:repository/data/*/*-tmp-*",
    "during:go_on:repository/data/*/*",
    "during:go_on:repository/index/*",
    "after:go_on",
    "before:thaw",
    "before:delete",
    "after:delete",
    "before:save",
]
RESTORE = [
    "before:remove",
    "before:restic",
    "during:restic:volumes/.homelab-restore/*/work/a/one",
    "during:restic:volumes/.homelab-restore/*/work/a/one/files/file",
    "after:restic",
    "after:verify",
    "before:into_place",
    "before:rename",
    "after:rename",
    "after:into_place",
    "before:save",
]
# By then nothing was put in place.
UNTOUCHED = ("before:remove", "before:restic", "after:restic", "after:verify", "before:into_place")


def snapshots_of(disk: Path) -> str:
    """Return the subvolumes of a btrfs."""
    return subprocess.run(["btrfs", "subvolume", "list", str(disk)], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("point", BACKUP)
def test_a_killed_backup_leaves_nothing(node: Node, disk: Path, point: str) -> None:
    first = node.volume("a/one", disk / "one")
    second = node.volume("a/two", hook={"type": "freeze", "labels": {"app": "x"}})
    (first / "file").write_bytes(os.urandom(24 << 20))
    (second / "other").write_text("other", encoding="ascii")
    with writing_pod(second / "busy") as cgroup:
        node.killed("backup", point, cgroup=cgroup)
        result = node.backup(OnePod(cgroup))
        assert moves(second / "busy")
    assert not result.failed and sorted(result.volumes) == ["a/one", "a/two"]
    assert snapshots_of(disk) == "" and not Path(node.places.work, "a~one.manifest").exists()
    assert locks_of_the_dead(node) == []
    assert node.restic("check", "--read-data").returncode == 0
    assert node.restore("a/one", overwrite=True).verified


@pytest.mark.parametrize("point", RESTORE)
def test_a_killed_restore_leaves_the_old_or_the_new(node: Node, point: str) -> None:
    folder = node.volume("a/one")
    (folder / "file").write_bytes(os.urandom(24 << 20))
    for number in range(20):
        (folder / str(number)).write_text(f"old {number}", encoding="ascii")
    node.backup()
    new = listing(folder)
    (folder / "3").unlink()
    (folder / "came").write_text("came", encoding="ascii")
    old = listing(folder)
    node.killed("restore", point, volume="a/one")
    assert listing(folder) == old if point in UNTOUCHED else listing(folder) in (old, new)
    result = node.restore("a/one", overwrite=True)
    assert result.verified and listing(folder) == new
    assert [path.name for path in folder.parent.iterdir()] == ["a_one"]
    assert locks_of_the_dead(node) == []


def test_a_killed_backup_is_undone_without_another(node: Node, disk: Path) -> None:
    from ansible_collections.atarnet.homelab.plugins.module_utils._backup import backup

    (node.volume("a/one", disk / "one") / "file").write_text("x", encoding="ascii")
    node.killed("backup", "after:snapshot")
    assert "homelab-backup" in snapshots_of(disk)
    undone = backup.undo(node.wanted(), node.places)
    assert len(undone) == 1 and undone[0].startswith("deleted the snapshot ") and snapshots_of(disk) == ""
    assert backup.undo(node.wanted(), node.places) == []
