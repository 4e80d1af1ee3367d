# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines a person reads."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._progress import model, render

CHANGES = {
    "host_state": (
        {"resource": "file:/etc/a", "action": "create", "before": "absent", "after": "0644 root:root"},
        "create file:/etc/a: absent -> 0644 root:root",
    ),
    "kube_apply": ({"object": "v1 Secret shop/a", "action": "delete"}, "delete v1 Secret shop/a"),
    "helm_release": (
        {"release": "web/web", "action": "upgrade", "reason": "values changed"},
        "upgrade web/web (values changed)",
    ),
    "only an action": ({"action": "init"}, "init"),
    "control characters": ({"object": "a\x1b[2Jb", "action": "create"}, "create a[2Jb"),
}


@pytest.mark.parametrize(("change", "text"), CHANGES.values(), ids=CHANGES)
def test_change(change: dict[str, t.Any], text: str) -> None:
    assert render.change(change) == text


HEADS = {
    "changed": (("changed", "cp1", "Configure"), {}, "  changed: [cp1] Configure"),
    "checked": (("changed", "cp1", "Configure"), {"check": True}, "  would change: [cp1] Configure"),
    "checked, failed": (("failed", "cp1", "Configure"), {"check": True}, "  failed: [cp1] Configure"),
    "item": (("failed", "cp1", "Remove"), {"item": "a\rb"}, "  failed: [cp1] Remove (item=a\nb)"),
}


@pytest.mark.parametrize(("arguments", "more", "text"), HEADS.values(), ids=HEADS)
def test_head(arguments: tuple[str, str, str], more: dict[str, t.Any], text: str) -> None:
    assert render.head(*arguments, **more) == (arguments[0], text)


SAID = {
    "text": ("one\ntwo", ["      one", "      two"]),
    "list": (["one", "  two"], ["      one", "        two"]),
    "number": (5, None),
    "mixed": (["one", 2], None),
}


@pytest.mark.parametrize(("message", "lines"), SAID.values(), ids=SAID)
def test_said(message: t.Any, lines: list[str] | None) -> None:
    assert render.said(message) == (None if lines is None else [("plain", line) for line in lines])


def test_details_of_a_failed_command() -> None:
    result = {"rc": 4, "stderr": "one\ntwo\n", "stdout": "", "cmd": ["x"], "stdout_lines": []}
    assert [text for _style, text in render.details(result)] == ["      rc: 4", "      stderr: one", "        two"]
    assert render.details({**result, "censored": "hidden"}) == []


def a_run() -> model.Run:
    """Return a run of two phases on two hosts, of which one is gone."""
    run = model.Run(started=0.0)
    run.begin_phase("Validate the input", 0.0)
    run.end_host(run.begin_task("1", "Compile", "x", 0.0), "cp1", "ok", {"requests": {"read": 3}}, 1.0)
    run.begin_phase("Build", 1.0)
    task = run.begin_task("2", "Configure", "x", 2.0)
    run.begin_host(task, "cp1", 2.0)
    run.begin_host(task, "w1", 2.0)
    run.end_host(task, "cp1", "changed", {"changed": True, "helm_runs": 2}, 70.0)
    return run


ENDED = {
    "changed": ({"changed": 2, "ok": 1}, False, ["  done: Configure: 1 ok, 2 changed, 68.0 s"]),
    "checked": ({"changed": 2}, True, ["  done: Configure: 2 would change, 68.0 s"]),
    "skipped": ({"skipped": 3}, False, []),
    "skipped by some": ({"skipped": 2, "failed": 1}, False, ["  done: Configure: 1 failed, 2 skipped, 68.0 s"]),
    "no host": ({}, False, []),
}


@pytest.mark.parametrize(("done", "check", "lines"), ENDED.values(), ids=ENDED)
def test_ended(done: dict[str, int], check: bool, lines: list[str]) -> None:
    task = a_run().tasks[1]
    task.done, task.check = done, check
    assert [text for _style, text in render.ended(task)] == lines


WIDTHS = {
    80: "1:15 | Build | Configure | 1 of 2 hosts, 73 s",
    20: "1:15 | Build | Conf",
    1: "",
}


@pytest.mark.parametrize(("width", "text"), WIDTHS.items())
def test_live(width: int, text: str) -> None:
    assert render.live(a_run(), 75.0, width) == text


def test_live_counts_columns_and_ends_with_the_run() -> None:
    run = a_run()
    run.phases[-1].name = "\u30ce\u30fc\u30c9\u3092\u4f5c\u308b"
    assert render.live(run, 75.0, 14) == "1:15 | \u30ce\u30fc\u30c9"
    run.end({}, 76.0)
    assert render.live(run, 76.0, 80) == ""


SUMMARY = """
Summary
  phase               seconds  changes
  Validate the input      1.0        0
  Build                  69.0        1
  cp1 : ok=2   changed=1   unreachable=0   failed=0   skipped=0   rescued=0   ignored=0
  w1  : ok=1   changed=0   unreachable=1   failed=0   skipped=0   rescued=0   ignored=0
  Kubernetes API: 3 read, 0 dry run, 0 written; Helm runs: 2
  slowest tasks
     68.0 s  Configure
      1.0 s  Compile
  1 change, 71.0 s in all"""


def test_summary() -> None:
    run = a_run()
    run.end({"w1": {"ok": 1, "unreachable": 1}, "cp1": {"ok": 2, "changed": 1}}, 71.0)
    lines = render.summary(run)
    assert "\n".join(text for _style, text in lines) == SUMMARY
    assert [style for style, text in lines if "changed=" in text] == ["changed", "unreachable"]


TOTALS = {
    "asked to check": (True, [("Build", True, 2)], "check: nothing was changed, this would be: 2 changes"),
    "asked, nothing": (True, [], "check: nothing was changed, this would be: 0 changes"),
    "plays in check mode": (
        False, [("Build", True, 2), ("Report", False, 0)], "check: nothing was changed, this would be: 2 changes",
    ),
    "a task in check mode": (False, [("Build", True, 0), ("Build", False, 0)], "0 changes"),
    "both": (False, [("Build", True, 2), ("Build", False, 1)], "1 change, and in check mode 2 changes that would be"),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "seen", "text"), TOTALS.values(), ids=TOTALS)
def test_what_was_changed_and_what_would_be(asked: bool, seen: list[tuple[str, bool, int]], text: str) -> None:
    run = model.Run(started=0.0, check=asked)
    for number, (phase, check, count) in enumerate(seen):
        run.begin_phase(phase, 0.0)
        task = run.begin_task(str(number), "Task", "x", 0.0)
        result = {"changed": count > 0, "changes": [{"action": "create"}] * count}
        run.end_host(task, "a", "changed" if count else "ok", result, 0.0, check=check)
    run.end({}, 71.0)
    assert render.summary(run)[-1][1] == f"  {text}, 71.0 s in all"


def test_summary_of_a_run_that_did_nothing() -> None:
    run = model.Run(started=0.0)
    run.end({}, 0.5)
    assert [text for _style, text in render.summary(run)] == ["", "Summary", "  0 changes, 0.5 s in all"]
