# SPDX-License-Identifier: GPL-3.0-or-later
"""The record on a host in a folder: begun, held, taken over, ended."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import RunResult
from ansible_collections.atarnet.homelab.plugins.module_utils._host.ledger import RUN
from ansible_collections.atarnet.homelab.plugins.module_utils._host.lock import host_lock
from ansible_collections.atarnet.homelab.plugins.module_utils._host.system import System
from ansible_collections.atarnet.homelab.plugins.module_utils._run import ending
from ansible_collections.atarnet.homelab.plugins.module_utils._run.apply import LOCK, PLACES, begin
from ansible_collections.atarnet.homelab.plugins.module_utils._run.model import Run, load
from ansible_collections.atarnet.homelab.plugins.module_utils._run.plan import ABANDONED_S

OURS = Run("aaaa1111", "here", "10 5 boot", "tino@laptop", "site.yml")
THEIRS = replace(OURS, id="bbbb2222", who="eve@desk")
CHANGES = [{"where": "w1", "object": "file:/a", "action": "create"}]


@pytest.fixture
def host(tmp_path: Path) -> System:
    """A blank host."""
    (tmp_path / "var" / "lib").mkdir(parents=True)
    return System(str(tmp_path), lambda _argv: RunResult(0, "", ""))


def end(host: System, run: Run) -> t.Any:
    """Return what the program prints that records the end, run as it is on a host."""
    places = {name: host.real(path) for name, path in PLACES.items()}
    Path(places["lock"]).parent.mkdir(parents=True, exist_ok=True)
    given = {**places, "id": run.id, "news": {"outcome": "complete", "changes": CHANGES}}
    program = Path(str(ending.__file__)).read_text(encoding="utf-8")
    command = [sys.executable, "-I", "-c", program]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def record(host: System) -> Run:
    found = load(host.read_text(RUN))
    assert found
    return found


def test_begin_and_end(host: System) -> None:
    assert begin(host, OURS, "", False) == {"held": None, "age_s": 0, "note": ""}
    assert record(host).began and not record(host).ended
    assert stat.S_IMODE(os.stat(host.real(RUN)).st_mode) == 0o600
    assert end(host, OURS) is None
    assert stat.S_IMODE(os.stat(host.real(RUN)).st_mode) == 0o600
    assert (record(host).outcome, record(host).changes) == ("complete", CHANGES)
    assert begin(host, THEIRS, "", False)["held"] is None
    assert record(host).id == THEIRS.id


def test_beginning_twice_keeps_the_first_moment(host: System) -> None:
    begin(host, OURS, "", False)
    before = host.read_text(RUN)
    begin(host, OURS, "", False)
    assert host.read_text(RUN) == before


def test_check_writes_nothing(host: System) -> None:
    begin(host, OURS, "", True)
    assert not host.exists(RUN)


def test_held_until_taken_over(host: System) -> None:
    begin(host, THEIRS, "", False)
    held = begin(host, OURS, "", False)["held"]
    assert held["id"] == THEIRS.id and record(host).id == THEIRS.id
    assert "did not end" in begin(host, OURS, THEIRS.id, False)["note"]
    assert record(host).id == OURS.id
    assert end(host, THEIRS)["id"] == OURS.id
    assert not record(host).ended


def test_an_old_one_is_taken_for_dead(host: System) -> None:
    begin(host, THEIRS, "", False)
    old = os.stat(host.real(RUN)).st_mtime - ABANDONED_S - 1
    os.utime(host.real(RUN), (old, old))
    assert "taken for dead" in begin(host, OURS, "", False)["note"]
    assert record(host).id == OURS.id


def test_a_damaged_record_keeps_nobody_away(host: System) -> None:
    begin(host, THEIRS, "", False)
    Path(host.real(RUN)).write_text("{", encoding="utf-8")
    assert end(host, THEIRS) is None
    assert begin(host, OURS, "", False)["held"] is None
    assert record(host).id == OURS.id


def test_the_end_is_not_written_beside_somebody_who_holds_the_lock(
    host: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(host, OURS, "", False)
    monkeypatch.setattr(ending, "_PATIENCE_S", 0.1)
    places = {name: host.real(path) for name, path in PLACES.items()}
    with host_lock(1, host.real(LOCK)), pytest.raises(BlockingIOError):
        ending.end(**places, id=OURS.id, news={})
    assert not record(host).ended
