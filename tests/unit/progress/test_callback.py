# SPDX-License-Identifier: GPL-3.0-or-later
"""Every event, called as Ansible does but without the net that would catch an error."""

from __future__ import annotations

import sys
import typing as t
from types import SimpleNamespace

import pytest
from ansible import context
from ansible_collections.atarnet.homelab.plugins.callback.progress import CallbackModule

from tests.unit.progress.fakes import Task, callback, result

CHANGE = {"resource": "file:/etc/a", "action": "create", "before": "absent", "after": "0644"}
HIDDEN = {"censored": "the output has been hidden", "_ansible_no_log": True, "warnings": ["canary"]}
LOOP = {"loop": ["a", "b"]}


def event(name: str, data: dict[str, t.Any], verbosity: int = 0, more: t.Any = None, **task: t.Any) -> list[str]:
    """Return what is displayed for one result."""
    made, lines = callback(verbosity)
    getattr(made, f"v2_{name}")(result(data, Task(**task)), **(more or {}))
    return lines


DONE: dict[str, tuple[str, dict[str, t.Any], dict[str, t.Any], list[str]]] = {
    "ok": ("runner_on_ok", {"changed": False, "msg": "fine"}, {}, []),
    "skipped": ("runner_on_skipped", {"skip_reason": "no"}, {}, []),
    "ours": (
        "runner_on_ok",
        {"changed": True, "changes": [CHANGE]},
        {},
        ["  changed: [cp1] Configure", "      create file:/etc/a: absent -> 0644"],
    ),
    "foreign": ("runner_on_ok", {"changed": True, "stdout": "much"}, {}, ["  changed: [cp1] Configure"]),
    "checked": ("runner_on_ok", {"changed": True}, {"check_mode": True}, ["  would change: [cp1] Configure"]),
    "delegated": ("runner_on_ok", {"changed": True}, {"delegate_to": "w1"}, ["  changed: [cp1 -> w1] Configure"]),
    "a loop's end": ("runner_on_ok", {"changed": True, "results": [{"changed": True}]}, LOOP, []),
    "a loop's item": (
        "runner_item_on_ok",
        {"changed": True, "_ansible_item_label": "a", "results": ["pkg"]},
        LOOP,
        ["  changed: [cp1] Configure (item=a)"],
    ),
    "an item as it was": ("runner_item_on_ok", {"changed": False, "item": "a"}, LOOP, []),
    "an item skipped": ("runner_item_on_skipped", {"item": "a"}, LOOP, []),
    "hidden": ("runner_on_ok", {**HIDDEN, "changed": True}, {}, ["  changed: [cp1] Configure"]),
    "a hidden item": (
        "runner_item_on_ok",
        {**HIDDEN, "changed": True, "item": "canary"},
        LOOP,
        ["  changed: [cp1] Configure (item=(censored due to no_log))"],
    ),
    "debug": (
        "runner_on_ok",
        {"changed": False, "msg": ["one", "  two"], "_ansible_verbose_always": True},
        {"action": "ansible.builtin.debug"},
        ["  ok: [cp1] Configure", "      one", "        two"],
    ),
    "debug of a variable": (
        "runner_on_ok",
        {"changed": False, "x": {"a": 1}, "_ansible_verbose_always": True},
        {"action": "debug"},
        ["  ok: [cp1] Configure", "      x:", "          a: 1"],
    ),
    "hidden debug": (
        "runner_on_ok",
        dict(HIDDEN),
        {"action": "ansible.builtin.debug"},
        ["  ok: [cp1] Configure", "      the output is hidden because of no_log"],
    ),
    "retry": ("runner_retry", {"attempts": 1, "retries": 3}, {}, []),
}


@pytest.mark.parametrize(("name", "data", "task", "lines"), DONE.values(), ids=DONE)
def test_results_that_did_not_fail(name: str, data: dict[str, t.Any], task: dict[str, t.Any], lines: list[str]) -> None:
    assert event(name, dict(data), **task) == lines


PATH = "      task path: /play.yml:3"
FAILED: dict[str, tuple[str, dict[str, t.Any], dict[str, t.Any], dict[str, t.Any], list[str]]] = {
    "message": (
        "runner_on_failed",
        {"msg": "one\ntwo"},
        {},
        {},
        ["  failed: [cp1] Configure", "      one", "      two", PATH],
    ),
    "command": (
        "runner_on_failed",
        {"msg": "non-zero return code", "rc": 2, "stderr": "oh"},
        {},
        {},
        ["  failed: [cp1] Configure", "      non-zero return code", "      rc: 2", "      stderr: oh", PATH],
    ),
    "what was done until then": (
        "runner_on_failed",
        {"msg": "no room", "changed": True, "changes": [CHANGE]},
        {},
        {},
        ["  failed: [cp1] Configure", "      no room", "      create file:/etc/a: absent -> 0644", PATH],
    ),
    "without a word": (
        "runner_on_failed",
        {"failed_when_result": True},
        {},
        {},
        ["  failed: [cp1] Configure", "      failed_when_result: true", PATH],
    ),
    "ignored": (
        "runner_on_failed",
        {"msg": "one"},
        {},
        {"ignore_errors": True},
        ["  ignored: [cp1] Configure", "      one", PATH],
    ),
    "hidden": (
        "runner_on_failed",
        {**HIDDEN, "exception": "canary"},
        {},
        {},
        ["  failed: [cp1] Configure", "      the output is hidden because of no_log", PATH],
    ),
    "item": (
        "runner_item_on_failed",
        {"msg": "one", "item": "a"},
        LOOP,
        {},
        ["  failed: [cp1] Configure (item=a)", "      one"],
    ),
    "loop": (
        "runner_on_failed",
        {"msg": "One or more items failed", "results": [{"failed": True, "msg": "one"}]},
        LOOP,
        {},
        ["  failed: [cp1] Configure", "      One or more items failed", PATH],
    ),
    "unreachable": (
        "runner_on_unreachable",
        {"msg": "no route", "unreachable": True},
        {},
        {},
        ["  unreachable: [cp1] Configure", "      no route", PATH],
    ),
    "unreachable, ignored": (
        "runner_on_unreachable",
        {"msg": "no route"},
        {"ignore_unreachable": True},
        {},
        ["  ignored: [cp1] Configure", "      no route", PATH],
    ),
}


@pytest.mark.parametrize(("name", "data", "task", "more", "lines"), FAILED.values(), ids=FAILED)
def test_failures(
    name: str, data: dict[str, t.Any], task: dict[str, t.Any], more: dict[str, t.Any], lines: list[str]
) -> None:
    assert event(name, dict(data), more=more, **task) == lines
    made, _lines = callback(display_failed_stderr=True)
    getattr(made, f"v2_{name}")(result(dict(data), Task(**task)), **more)
    assert made._display.lines == [f"stderr: {line}" for line in lines]


VERBOSE: dict[str, tuple[str, dict[str, t.Any], list[str]]] = {
    "ok": ("runner_on_ok", {"rc": 0}, ["  ok: [cp1] Configure", "      rc: 0"]),
    "skipped": ("runner_on_skipped", {"skip_reason": "no"}, ["  skipped: [cp1] Configure", "      skip_reason: 'no'"]),
    "facts": ("runner_on_ok", {"ansible_facts": {}, "_ansible_verbose_override": True}, []),
    "failed": ("runner_on_failed", {"rc": 2}, ["  failed: [cp1] Configure", "      rc: 2", PATH]),
    "hidden": (
        "runner_on_ok",
        dict(HIDDEN),
        ["  ok: [cp1] Configure", "      censored: the output has been hidden"],
    ),
    "retry": ("runner_retry", {"attempts": 1, "retries": 3}, ["  retrying: [cp1] Configure, 2 left"]),
}


@pytest.mark.parametrize(("name", "data", "lines"), VERBOSE.values(), ids=VERBOSE)
def test_verbose(name: str, data: dict[str, t.Any], lines: list[str]) -> None:
    assert event(name, dict(data), verbosity=1) == lines


@pytest.mark.parametrize(("name", "option"), [("ok", "display_ok_hosts"), ("skipped", "display_skipped_hosts")])
def test_verbose_without_what_is_switched_off(name: str, option: str) -> None:
    made, lines = callback(verbosity=1, **{option: False})
    getattr(made, f"v2_runner_on_{name}")(result({"rc": 0}))
    assert lines == []


def nested(section: str) -> Task:
    """Return a task of a file that is included in a section of a block with a rescue."""
    include, task = Task(), Task()
    block = SimpleNamespace(_uuid="b", _parent=None, block=[], rescue=[Task()], always=[])
    getattr(block, section).append(include)
    include._parent = block
    task._parent = SimpleNamespace(_uuid="inner", _parent=include, block=[task], rescue=[], always=[])
    return task


@pytest.mark.parametrize(("section", "outcome"), [("block", "rescued"), ("rescue", "failed"), ("always", "failed")])
def test_a_rescued_failure_is_named_so(section: str, outcome: str) -> None:
    made, lines = callback()
    made.v2_runner_on_failed(result({"msg": "one"}, nested(section)))
    assert lines[0] == f"  {outcome}: [cp1] Configure"


def test_a_diff_follows_its_result() -> None:
    made, lines = callback()
    data = {"changed": True, "changes": [CHANGE], "diff": {"before": "", "after": "a\n"}}
    task = Task()
    for host in ("cp1", "w1"):
        made.v2_on_file_diff(result(data, task, host))
    made.v2_runner_on_ok(result(data, task, "w1"))
    assert lines[0] == "  changed: [w1] Configure"
    assert lines[2:] == ["--- before", "+++ after", "@@ -0,0 +1 @@", "+a"]


@pytest.mark.parametrize(
    "data",
    [
        {"changed": True, "_ansible_no_log": True, "diff": {"before": "canary", "after": ""}},
        {"changed": False, "diff": {"before": "a", "after": ""}},
        {"changed": True, "diff": []},
    ],
    ids=["hidden", "not changed", "empty"],
)
def test_no_diff(data: dict[str, t.Any]) -> None:
    made, lines = callback()
    seen = result(data)
    made.v2_on_file_diff(seen)
    made.v2_runner_on_ok(seen)
    assert [line for line in lines if "changed:" not in line] == []


class Recorder(CallbackModule):
    """What AWX makes of the callback that a job names."""


class Stats:
    """Ansible's counts for two hosts."""

    processed: t.ClassVar = {"w1": 1, "cp1": 1}
    custom: t.ClassVar = {"_run": {"made": 3}}

    def summarize(self, host: str) -> dict[str, int]:
        names = ("ok", "failures", "unreachable", "changed", "skipped", "rescued", "ignored")
        return {**dict.fromkeys(names, 0), "failures": 2 if host == "w1" else 0}


def test_the_course_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    made, lines = callback(show_custom_stats=True)
    host = SimpleNamespace(get_name=lambda: "cp1")
    first, handler, include = Task("Configure"), Task("Restart"), Task("Include")
    made.v2_playbook_on_start(SimpleNamespace(_file_name="/some/site.yml"))
    made.v2_playbook_on_vars_prompt("consent", private=True)
    made.v2_playbook_on_play_start(SimpleNamespace(get_name=lambda: "Build"))
    made.v2_playbook_on_task_start(first, False)
    made.v2_runner_on_start(host, first)
    made.v2_runner_on_ok(result({"changed": False}, first))
    made.v2_playbook_on_handler_task_start(handler)
    made.v2_runner_on_ok(result({"changed": False}, handler))
    made.v2_playbook_on_include(SimpleNamespace(_filename="more.yml", _hosts=[host]))
    made.v2_runner_on_skipped(result({}, include))
    made.v2_playbook_on_play_start(SimpleNamespace(get_name=lambda: "Build"))
    made.v2_playbook_on_no_hosts_remaining()
    made.v2_playbook_on_play_start(SimpleNamespace(get_name=lambda: "Nobody"))
    made.v2_playbook_on_no_hosts_matched()
    made.v2_playbook_on_stats(Stats())
    assert lines[:7] == [
        "", "Build", "  done: Configure: 1 ok, 0.0 s", "  done: Restart: 1 ok, 0.0 s", "  no hosts left", "", "Nobody",
    ]  # fmt: skip
    assert lines[7:12] == ["  no hosts matched", "", "Custom statistics", "      _run:", "          made: 3"]
    assert "  w1  : ok=0   changed=0   unreachable=0   failed=2   skipped=0   rescued=0   ignored=0" in lines
    assert capsys.readouterr().out == ""


PLACES: dict[str, tuple[dict[str, t.Any], bool]] = {
    "terminal": ({}, True),
    "pipe": ({"terminal": False}, False),
    "verbose": ({"verbosity": 1}, False),
    "dumb terminal": ({"term": "dumb"}, False),
    "step by step": ({"step": True}, False),
    "recorded by a subclass": ({"kind": Recorder}, False),
}


@pytest.mark.parametrize(("place", "live"), PLACES.values(), ids=PLACES)
def test_the_line_is_for_a_person_at_a_terminal(
    place: dict[str, t.Any], live: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _lines = callback(place.get("verbosity", 0), kind=place.get("kind", CallbackModule))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: place.get("terminal", True)))
    monkeypatch.setattr(context, "CLIARGS", {"step": place.get("step", False)})
    monkeypatch.setenv("TERM", place.get("term", "xterm"))
    assert made._for_a_terminal() is live


def test_a_report_that_cannot_be_written_is_a_warning() -> None:
    made, lines = callback(report_file="/proc/none/report.json")
    made.v2_playbook_on_start(SimpleNamespace(_file_name="site.yml"))
    made.v2_playbook_on_stats(Stats())
    warnings = [line for line in lines if line.startswith("warning")]
    assert len(warnings) == 1 and warnings[0].startswith("warning: Writing the report /proc/none/report.json: ")
