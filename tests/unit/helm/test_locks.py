# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks of releases: one holder at a time, for as long as it or its Helm lives, and what a killed one leaves."""

from __future__ import annotations

import os
import subprocess
import typing as t
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._helm.locks import Locks, Note
from ansible_collections.atarnet.homelab.plugins.module_utils._helm.model import Release
from ansible_collections.atarnet.homelab.plugins.module_utils._helm.storage import RUN_LABEL, Record
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import KubeError

WEB, DB = Release("web", "apps", timeout=1), Release("db", "apps", timeout=1)


class Desk:
    """Opens the locks of one user, and keeps what was said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []

    def locks(self, address: str = "https://127.0.0.1:6443") -> Locks:
        """Return the locks as one run sees them."""
        return Locks(str(self.folder), address, self.said.append)


@pytest.fixture(name="desk")
def _desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "helm")


@pytest.mark.parametrize(
    ("note", "status", "wrote"),
    [
        (Note(1, "mine", 3), "pending-upgrade", True),
        (Note(1, "mine", 4), "pending-upgrade", False),
        (Note(1, "other", 3), "pending-upgrade", False),
        (Note(1, "", 3), "pending-upgrade", False),
        (Note(1, "other", 3, "pending-rollback"), "pending-rollback", True),
        (Note(1, "other", 2, "pending-rollback"), "pending-rollback", False),
        (Note(1, "mine", 3, "uninstalling"), "pending-upgrade", False),
        (Note(), "pending-upgrade", False),
    ],
)
def test_whose_record_it_is(note: Note, status: str, wrote: bool) -> None:
    assert note.wrote(Record({"metadata": {"labels": {RUN_LABEL: "mine"}}}, 3, status, {})) is wrote


def test_by_hand_there_is_no_run() -> None:
    assert not Note().wrote(Record({"metadata": {}}, 0, "pending-upgrade", {}))


def test_a_holder_that_does_not_end_is_named(desk: Desk) -> None:
    one, other = desk.locks(), desk.locks()
    assert one.take([WEB, DB]) == []
    with pytest.raises(KubeError, match=rf"Changing release apps/web: .*process {os.getpid()}\) has been at it for"):
        other.take([WEB])
    assert desk.said == [
        f"release apps/web: Helm or its run (process {os.getpid()}) is still at it, waiting for its end"
    ]
    one.close()
    assert other.take([WEB]) == []


def test_what_somebody_else_made_meanwhile_leaves_no_note(desk: Desk) -> None:
    one = desk.locks()
    one.take([WEB, DB])
    one.keep([DB])
    assert one.look(WEB) == (False, Note())
    assert one[DB].left == Note() and desk.locks().look(DB) == (True, Note(os.getpid()))


def test_other_clusters_and_releases_do_not_wait(desk: Desk) -> None:
    assert desk.locks().take([WEB]) == desk.locks().take([DB]) == desk.locks("https://10.0.0.1:6443").take([WEB]) == []


@pytest.mark.parametrize("end", ["killed", "done"])
def test_helm_keeps_the_lock_when_its_run_is_gone(desk: Desk, end: str) -> None:
    locks = desk.locks()
    locks.take([WEB])
    lock = locks[WEB]
    lock.expect(7)
    with subprocess.Popen(["sleep", "60"], pass_fds=[lock.fileno()]) as helm:
        lock.started(helm.pid)
        locks.close()
        assert desk.locks().look(WEB) == (True, Note(helm.pid, lock.run, 7))
        helm.kill()
    assert desk.locks().look(WEB) == (False, Note(helm.pid, lock.run, 7))
    after = desk.locks()
    assert after.take([WEB]) == []
    assert (after[WEB].left.run, after[WEB].left.revision) == (lock.run, 7)
    after.done(WEB) if end == "done" else after.close()
    left = desk.locks().look(WEB)[1]
    assert left == (Note() if end == "done" else Note(os.getpid(), lock.run, 7))


def test_the_end_of_a_holder_is_waited_for(desk: Desk) -> None:
    locks = desk.locks()
    locks.take([WEB])
    with subprocess.Popen(["sleep", "0.3"], pass_fds=[locks[WEB].fileno()]) as helm:
        locks[WEB].started(helm.pid)
        locks.close()
        told = desk.locks().take([WEB])
    assert told == [f"release apps/web: the end of Helm or its run (process {helm.pid}) was waited for"]


def test_looking_writes_nothing(desk: Desk) -> None:
    assert desk.locks().look(WEB) == (False, Note())
    assert not desk.folder.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"pid": 1, "more": 2}'])
def test_a_damaged_note_is_none(desk: Desk, content: bytes) -> None:
    desk.locks().take([WEB])
    next(desk.folder.iterdir()).write_bytes(content)
    assert desk.locks().look(WEB)[1] == Note()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said: list[t.Any] = []
    with pytest.raises(KubeError, match=r"Locking release apps/web: .*Make its folder writable"):
        Locks(str(tmp_path / "file"), "x", said.append).take([WEB])
