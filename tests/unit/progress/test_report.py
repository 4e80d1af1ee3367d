# SPDX-License-Identifier: GPL-3.0-or-later
"""The report is whole or not there, for its owner only, and never in a device's place."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._progress import model, report


def test_document() -> None:
    run = model.Run(started=1767225600.0)
    run.playbooks = ["site.yml"]
    run.begin_phase("Build", 0.0)
    task = run.begin_task("t", "Configure", "atarnet.homelab.host_state", 0.0)
    change = {"resource": "file:/etc/a", "action": "create", "before": "absent", "after": "0644"}
    result = {"changed": True, "changes": [change], "diff": [{"after": "canary"}], "invocation": {"x": "canary"}}
    run.end_host(task, "cp1", "changed", result, 1.25, check=True)
    run.end_host(task, "w1", "failed", {"msg": "no room", "stderr": "canary"}, 2.0, check=True)
    run.end({"cp1": {"ok": 1, "changed": 1, "rescued": 0}, "w1": {"failed": 1}}, 2.5)
    shared = {
        "phase": "Build", "task": "Configure", "action": "atarnet.homelab.host_state", "seconds": 0.0,
        "check_mode": True,
    }  # fmt: skip
    assert report.document(run) == {
        "version": 1,
        "started": "2026-01-01T00:00:00.000Z",
        "ended": "2026-01-01T00:00:02.500Z",
        "playbook": "site.yml",
        "check_mode": True,
        "seconds": 2.5,
        "outcome": "failed",
        "phases": [{"name": "Build", "seconds": 2.0, "changed": 1}],
        "hosts": {
            "cp1": {"ok": 1, "changed": 1, "failed": 0, "unreachable": 0, "skipped": 0},
            "w1": {"ok": 0, "changed": 0, "failed": 1, "unreachable": 0, "skipped": 0},
        },
        "tasks": [
            {**shared, "host": "cp1", "outcome": "changed", "changes": [change], "message": ""},
            {**shared, "host": "w1", "outcome": "failed", "changes": [], "message": "no room"},
        ],
        "requests": {"read": 0, "dry_run": 0, "write": 0},
        "helm_runs": 0,
    }


def test_written_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("an earlier one, longer than what follows")
    path.chmod(0o644)
    report.write(str(path), {"version": 1})
    assert json.loads(path.read_text()) == {"version": 1}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["report.json"]


def test_the_earlier_one_stays_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("{}")
    with pytest.raises(TypeError):
        report.write(str(path), {"version": {1}})
    assert path.read_text() == "{}"
    assert os.listdir(tmp_path) == ["report.json"]


def test_removed_before_the_run(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    report.remove(str(path))
    path.write_text("{}")
    report.remove(str(path))
    assert not path.exists()


@pytest.mark.parametrize("act", [report.remove, lambda path: report.write(path, {})], ids=["remove", "write"])
def test_only_a_regular_file_is_replaced(tmp_path: Path, act: object) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(report.ReportError, match="it is not a regular file"):
        act(str(path))  # type: ignore[operator]
    assert path.exists()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "none" / "report.json")
    with pytest.raises(report.ReportError) as caught:
        report.write(path, {})
    assert str(caught.value) == (
        f"Writing the report {path}: No such file or directory. Name a file in a folder that can be written to."
    )
