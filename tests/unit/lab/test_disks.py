# SPDX-License-Identifier: GPL-3.0-or-later
"""The workers' disks: which nodes have some, and which loop devices are a lab's to detach."""

from __future__ import annotations

import json
import os
import subprocess
import typing as t
from pathlib import Path

import pytest

from lab import disks
from lab.state import Node

WORKER, OTHER = Node("w1", "10.0.0.2", "worker"), Node("cp1", "10.0.0.1", "control_plane")


def test_workers_have_two_disks_and_others_none() -> None:
    script = disks.mounting(WORKER)
    assert [line.split()[-1] for line in script.splitlines() if line.startswith("plug /")] == ["/srv/ssd", "/srv/hdd"]
    assert disks.mounting(OTHER) == ""
    assert subprocess.run(["sh", "-n", "-c", script], check=False).returncode == 0


@pytest.fixture(name="volume")
def _volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a disk in a volume of a lab."""
    monkeypatch.setattr(disks, "VOLUMES", tmp_path)
    path = tmp_path / "homelab-one-w1" / "_data" / disks.FOLDER / "ssd.img"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


@pytest.mark.parametrize(
    ("inode", "device", "volumes", "detached"),
    [
        pytest.param(0, 0, ["homelab-one-w1"], ["/dev/loop7"], id="ours"),
        pytest.param(0, 0, ["homelab-two-w1"], [], id="of another lab"),
        pytest.param(0, 1, ["homelab-one-w1"], [], id="a file of that number elsewhere"),
        pytest.param(10**9, 0, ["homelab-one-w1"], [], id="another file"),
    ],
)
def test_only_a_labs_own_devices_are_detached(
    volume: Path,
    monkeypatch: pytest.MonkeyPatch,
    inode: int,
    device: int,
    volumes: list[str],
    detached: list[str],
) -> None:
    found, gone = volume.stat(), []
    row = {
        "name": "/dev/loop7",
        "back-ino": inode or found.st_ino,
        "back-maj:min": f"{os.major(found.st_dev) + device}:{os.minor(found.st_dev)}",
    }

    def run(argv: t.Sequence[str], **options: t.Any) -> str:
        if argv[0] == "find":
            return subprocess.run(argv, check=True, capture_output=True, text=True).stdout
        if "--detach" in argv:
            gone.append(argv[-1])
        return json.dumps({"loopdevices": [row]})

    monkeypatch.setattr(disks, "run", run)
    disks.detach(volumes)
    assert gone == detached
