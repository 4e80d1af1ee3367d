# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking a node out of its cluster removes no folder in which a volume is still mounted."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kubeadm import reset
from ansible_collections.atarnet.homelab.plugins.module_utils._kubeadm.model import KubeadmError


@pytest.fixture(name="kubelet")
def _kubelet(tmp_path: Path) -> Path:
    """A folder of the kubelet with a volume in it."""
    volume = tmp_path / "kubelet" / "pods" / "my volume"
    volume.mkdir(parents=True)
    (volume / "data").write_text("theirs")
    return tmp_path / "kubelet"


def mounts(monkeypatch: pytest.MonkeyPatch, *points: str) -> list[str]:
    left = list(points)
    monkeypatch.setattr(reset, "mounted_below", lambda folder: list(left))
    return left


def test_what_cannot_be_unmounted_is_not_removed(kubelet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts(monkeypatch, str(kubelet / "pods" / "my volume"))
    with pytest.raises(KubeadmError, match=r"still mounted at .*/my volume \(target is busy\)"):
        reset._remove_folder(str(kubelet), lambda argv: (32, "", "target is busy\n"))
    assert (kubelet / "pods" / "my volume" / "data").read_text() == "theirs"


def test_what_is_unmounted_is_removed(kubelet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = mounts(monkeypatch, str(kubelet / "pods"), str(kubelet / "pods" / "my volume"))
    asked: list[str] = []

    def run(argv: list[str]) -> tuple[int, str, str]:
        asked.append(argv[1])
        left.remove(argv[1])
        return 0, "", ""

    reset._remove_folder(str(kubelet), run)
    assert asked == [str(kubelet / "pods" / "my volume"), str(kubelet / "pods")]
    assert not kubelet.exists()


def test_places_are_read_as_they_are_called(tmp_path: Path) -> None:
    table = tmp_path / "mounts"
    table.write_text("/dev/a /k/my\\040volume ext4 rw 0 0\n/dev/a /k ext4 rw 0 0\n/dev/a /kk/b ext4 rw 0 0\n")
    assert reset.mounted_below("/k", str(table)) == ["/k/my volume"]
