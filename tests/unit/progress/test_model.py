# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of a run: phases, tasks, changes and requests, at given moments."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._progress import model

OBJECT = {"object": "v1 ConfigMap shop/a", "action": "create"}
FILE = {"resource": "file:/etc/a", "action": "update", "before": "0644 root", "after": "0600 root"}

CHANGES: dict[str, tuple[dict[str, t.Any], list[dict[str, t.Any]], int]] = {
    "ours": ({"changed": True, "changes": [OBJECT, FILE]}, [OBJECT, FILE], 2),
    "nothing changed": ({"changed": False, "changes": []}, [], 0),
    "foreign": ({"changed": True}, [], 1),
    "foreign changes": ({"changed": True, "changes": {"before": "password"}}, [], 1),
    "foreign list": ({"changed": True, "changes": ["password", {"key": "password"}]}, [], 1),
    "nested": ({"changed": True, "changes": [{**OBJECT, "data": {"password": "p"}}]}, [OBJECT], 1),
    "failed after two": ({"changed": True, "failed": True, "changes": [OBJECT, FILE]}, [OBJECT, FILE], 2),
}


@pytest.mark.parametrize(("result", "changes", "count"), CHANGES.values(), ids=CHANGES)
def test_changes(result: dict[str, t.Any], changes: list[dict[str, t.Any]], count: int) -> None:
    assert (model.changes_of(result), model.count_of(result)) == (changes, count)


MESSAGES: dict[str, tuple[dict[str, t.Any], str]] = {
    "text": ({"msg": "Reading x: it is gone.\n"}, "Reading x: it is gone."),
    "list": ({"msg": ["one", 2]}, "one\n2"),
    "none": ({"rc": 1}, ""),
    "control characters": ({"msg": "10%\r20%\r\n\x1b[31mred\x07\tend"}, "10%\n20%\n[31mred\tend"),
    "hidden": ({"msg": "canary", "censored": "hidden"}, "the output is hidden because of no_log"),
    "marked": ({"msg": "canary", "_ansible_no_log": True}, "the output is hidden because of no_log"),
}


@pytest.mark.parametrize(("result", "message"), MESSAGES.values(), ids=MESSAGES)
def test_message(result: dict[str, t.Any], message: str) -> None:
    assert model.message_of(result) == message


def test_phases_and_tasks_are_timed() -> None:
    run = model.Run(started=1000.0)
    assert run.begin_phase("Build", 1.0)
    task = run.begin_task("t1", "Configure", "atarnet.homelab.host_state", 1.5)
    run.begin_host(task, "a", 1.5)
    run.begin_host(task, "b", 2.0)
    first = run.end_host(task, "a", "changed", {"changed": True, "changes": [FILE, FILE]}, 4.0)
    assert (first.seconds, first.changed, first.message) == (2.5, 2, "")
    assert run.close_tasks() == [], "b still works on it"
    run.end_host(task, "b", "failed", {"msg": "no", "changed": False}, 5.0)
    assert run.close_tasks() == [task] and run.close_tasks() == []
    assert (task.seconds, task.done) == (3.5, {"changed": 1, "failed": 1})
    run.end({"a": {"changed": 1}, "b": {"failed": 1}}, 6.0)
    assert [(phase.name, phase.seconds, phase.changes) for phase in run.phases] == [("Build", 4.0, 2)]
    assert (run.changes, run.seconds, run.outcome, run.latest) == (2, 6.0, "failed", None)


def test_a_serial_play_is_one_phase_and_its_batches_are_tasks_of_their_own() -> None:
    run = model.Run(started=0.0)
    for now, host in ((0.0, "a"), (10.0, "b")):
        assert run.begin_phase("Upgrade", now) is (host == "a")
        task = run.begin_task("t1", "Drain", "x", now)
        assert run.begin_task("t1", "Drain", "x", now) is task
        run.begin_host(task, host, now)
        run.end_host(task, host, "ok", {}, now + 2)
        run.close_tasks()
    assert len(run.phases) == 1
    assert [task.seconds for task in run.tasks] == [2.0, 2.0]


def test_a_loop_counts_what_its_items_returned() -> None:
    run = model.Run(started=0.0)
    task = run.begin_task("t1", "Apply", "x", 0.0)
    requests = {"read": 2, "dry_run": 1, "write": 1}
    items = [
        {"changed": True, "changes": [OBJECT], "requests": requests, "helm_runs": 1},
        {"changed": False, "changes": [], "requests": requests, "msg": "fine"},
        {"changed": True, "failed": True, "msg": "no room"},
    ]
    result = {"changed": True, "msg": "One or more items failed", "results": items}
    seen = run.end_host(task, "a", "failed", result, 1.0, loop=True)
    assert (seen.changed, seen.changes, seen.message) == (2, [OBJECT], "One or more items failed\nno room")
    assert (run.requests, run.helm_runs) == ({"read": 4, "dry_run": 2, "write": 2}, 1)


@pytest.mark.parametrize("requests", [None, 3, {"read": "many"}, []], ids=str)
def test_foreign_requests_are_left_alone(requests: t.Any) -> None:
    run = model.Run(started=0.0)
    run.end_host(
        run.begin_task("t", "n", "x", 0.0), "a", "ok", {"requests": requests, "results": ["pkg"]}, 0.0, loop=True
    )
    assert run.requests == {"read": 0, "dry_run": 0, "write": 0}


OUTCOMES = {
    "nothing": ({"a": {"ok": 1}}, 0, "ok"),
    "changed": ({"a": {"changed": 1}}, 1, "changed"),
    "unreachable": ({"a": {"changed": 1}, "b": {"unreachable": 1}}, 1, "unreachable"),
    "failed": ({"a": {"failed": 1}, "b": {"unreachable": 1}}, 0, "failed"),
}


@pytest.mark.parametrize(("hosts", "changes", "outcome"), OUTCOMES.values(), ids=OUTCOMES)
def test_outcome(hosts: dict[str, dict[str, int]], changes: int, outcome: str) -> None:
    run = model.Run(started=0.0)
    run.begin_phase("Build", 0.0)
    run.phases[0].changes = changes
    run.end(hosts, 1.0)
    assert run.outcome == outcome
