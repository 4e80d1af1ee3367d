# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Output of a run: what changed, what failed, and a summary."""

from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: stdout
short_description: What changed, what failed, and a summary
version_added: 0.1.0
description:
  - Shows only what changed or failed. With C(--diff) also the contents, and with C(-v) every result in full, as the
    default callback does. What C(no_log) hides is never shown.
  - On a terminal a line that is redrawn in place says which play and task run, on how many hosts, and for how long.
    Elsewhere, with C(-v), and where the environment variable E(TERM) is V(dumb), each task that has ended is told of on
    a line of its own, without any control character.
  - The end is a summary of the phases (the plays), the hosts, the requests to the Kubernetes API and the slowest tasks.
    Its line for each host has the words of Ansible's recap, such as C(changed=0).
extends_documentation_fragment:
  - result_format_callback
options:
  report_file:
    description:
      - A file to write a report for machines to, as JSON with mode 0600. It holds changes and messages of failures,
        but no arguments, diffs or output.
      - It is removed when the run begins and written when it ends, so that it is never that of an earlier run.
      - A report that cannot be written is a warning only.
    type: path
    env:
      - name: HOMELAB_REPORT
    ini:
      - section: callback_progress
        key: report_file
  display_failed_stderr:
    description: Show failed and unreachable hosts on the standard error output.
    type: bool
    default: false
    env:
      - name: ANSIBLE_DISPLAY_FAILED_STDERR
    ini:
      - section: defaults
        key: display_failed_stderr
  display_ok_hosts:
    description: With C(-v), show the results that changed nothing.
    type: bool
    default: true
    env:
      - name: ANSIBLE_DISPLAY_OK_HOSTS
    ini:
      - section: defaults
        key: display_ok_hosts
  display_skipped_hosts:
    description: With C(-v), show the results that were skipped.
    type: bool
    default: true
    env:
      - name: ANSIBLE_DISPLAY_SKIPPED_HOSTS
    ini:
      - section: defaults
        key: display_skipped_hosts
  show_custom_stats:
    description: Show what M(ansible.builtin.set_stats) has set, at the end.
    type: bool
    default: false
    env:
      - name: ANSIBLE_SHOW_CUSTOM_STATS
    ini:
      - section: defaults
        key: show_custom_stats
author:
  - atarnet (@atarnet)
"""

import atexit
import os
import shutil
import sys
import textwrap
import time
import typing as t

from ansible import constants as C
from ansible import context
from ansible.playbook.task_include import TaskInclude
from ansible.plugins.callback import CallbackBase
from ansible_collections.atarnet.homelab.plugins.module_utils._progress import model, render, report
from ansible_collections.atarnet.homelab.plugins.module_utils._progress.line import LiveLine

COLOURS = {
    "ok": C.COLOR_OK,
    "changed": C.COLOR_CHANGED,
    "failed": C.COLOR_ERROR,
    "unreachable": C.COLOR_UNREACHABLE,
    "ignored": C.COLOR_WARN,
    "rescued": C.COLOR_WARN,
    "skipped": C.COLOR_SKIP,
    "plain": None,
}
PAUSE = ("pause", "ansible.builtin.pause", "ansible.legacy.pause")


class CallbackModule(CallbackBase):
    """Follow a run through Ansible's events, show it, and report it."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "atarnet.homelab.progress"

    def __init__(self) -> None:
        super().__init__()
        self._begin = time.monotonic()
        self._run = model.Run(time.time(), check=bool(context.CLIARGS.get("check")))
        self._diffs: dict[tuple[str, str], str] = {}
        self._line: LiveLine | None = None

    # The run

    def v2_playbook_on_start(self, playbook: t.Any) -> None:
        self._run.playbooks.append(os.path.basename(str(playbook._file_name)))
        if len(self._run.playbooks) == 1:
            self._report(report.remove)
            if self._run.asked_to_check:
                self._say([("plain", "check: nothing is changed, this would be:")])

    def v2_playbook_on_vars_prompt(self, *args: t.Any, **kwargs: t.Any) -> None:
        self._close_tasks()
        if self._line:
            self._line.hide(True)

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        self._close_tasks()
        name = str(play.get_name()).strip()
        if self._run.begin_phase(name, self._now()):
            self._say([("plain", ""), ("plain", name)])
        if self._line is None and self._for_a_terminal():
            self._start_line()

    def v2_playbook_on_no_hosts_matched(self) -> None:
        self._say([("skipped", "  no hosts matched")])

    def v2_playbook_on_no_hosts_remaining(self) -> None:
        self._say([("failed", "  no hosts left")])

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        self._close_tasks()
        self._stop_line()
        self._run.end({host: counts_of(stats, host) for host in sorted(stats.processed)}, self._now())
        if stats.custom and self.get_option("show_custom_stats"):
            self._say([("plain", ""), ("plain", "Custom statistics"), *self._dump(stats.custom)])
        self._say(render.summary(self._run))
        self._report(lambda path: report.write(path, report.document(self._run)))

    # Tasks

    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:
        self._close_tasks()
        self._task(task)
        if self._display.verbosity > 1:
            self._say([("plain", f"  task: {name_of(task)} ({task.get_path()})")])
        if self._line:
            # Whatever may ask the person something gets the terminal for itself.
            self._line.hide(task.action in PAUSE or task.debugger is not None)

    def v2_playbook_on_handler_task_start(self, task: t.Any) -> None:
        self.v2_playbook_on_task_start(task, False)

    def v2_runner_on_start(self, host: t.Any, task: t.Any) -> None:
        self._run.begin_host(self._task(task), host.get_name(), self._now())

    def v2_playbook_on_include(self, included_file: t.Any) -> None:
        if self._display.verbosity:
            hosts = ", ".join(host.name for host in included_file._hosts)
            self._say([("skipped", f"  included: {included_file._filename} for {hosts}")])

    # Results

    def v2_runner_on_ok(self, result: t.Any) -> None:
        if isinstance(result.task, TaskInclude):
            return
        outcome = "changed" if result.result.get("changed") else "ok"
        entry = self._seen(result, outcome)
        self._warn(result)
        if not self._loops(result):
            self._show_done(result, outcome, entry.changes)

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        self._seen(result, "skipped")
        self._warn(result)
        if not self._loops(result):
            self._show_done(result, "skipped", [])

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        outcome = "ignored" if ignore_errors else "rescued" if is_rescued(result.task) else "failed"
        self._seen(result, outcome)
        self._show_failed(result, outcome)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        outcome = "ignored" if result.task.ignore_unreachable is True else "unreachable"
        self._seen(result, outcome)
        self._show_failed(result, outcome)

    def v2_runner_item_on_ok(self, result: t.Any) -> None:
        if isinstance(result.task, TaskInclude):
            return
        self._warn(result)
        changed = bool(result.result.get("changed"))
        self._show_done(result, "changed" if changed else "ok", model.changes_of(result.result), self._item(result))

    def v2_runner_item_on_failed(self, result: t.Any) -> None:
        self._show_failed(result, "failed", self._item(result))

    def v2_runner_item_on_skipped(self, result: t.Any) -> None:
        self._warn(result)
        self._show_done(result, "skipped", [], self._item(result))

    def v2_runner_retry(self, result: t.Any) -> None:
        if self._display.verbosity:
            left = result.result.get("retries", 0) - result.result.get("attempts", 0)
            self._say([("skipped", f"  retrying: [{self.host_label(result)}] {name_of(result.task)}, {left} left")])

    def v2_on_file_diff(self, result: t.Any) -> None:
        data = result.result
        parts = [data, *(model.items_of(data) if self._loops(result) else [])]
        shown = [part["diff"] for part in parts if part.get("diff") and part.get("changed") and not model.hidden(part)]
        # It comes ahead of the result that it belongs to.
        self._diffs[key_of(result)] = "".join(map(self._get_diff, shown))

    # What is shown

    def _show_done(self, result: t.Any, outcome: str, changes: list[model.Json], item: str | None = None) -> None:
        lines = render.changes(changes)
        diff = self._diffs.pop(key_of(result), "").rstrip("\n")
        if result.task.action in C._ACTION_DEBUG and outcome == "ok":
            lines = self._said(result)
        elif self._in_full(result, outcome):
            lines += self._dump(result.result)
        if lines or diff or outcome == "changed":
            self._say([self._head(result, outcome, item), *lines])
        if diff:
            self._display.display(diff)

    def _show_failed(self, result: t.Any, outcome: str, item: str | None = None) -> None:
        self._warn(result)
        data = result.result
        lines = [*render.block(outcome, model.message_of(data)), *render.changes(model.changes_of(data))]
        if item is not None or not self._loops(result):
            lines += self._dump(data) if self._display.verbosity else render.details(data)
        lines = lines or self._dump(data)
        path = result.task.get_path()
        if path and item is None:
            lines += render.block(outcome, f"task path: {path}")
        self._say([self._head(result, outcome, item), *lines], stderr=self.get_option("display_failed_stderr"))

    def _said(self, result: t.Any) -> list[render.Line]:
        if model.hidden(result.result):
            return render.block("plain", model.message_of(result.result))
        self._clean_results(result.result, result.task.action)
        lines = render.said(result.result.get("msg"))
        return self._dump(result.result) if lines is None else lines

    def _in_full(self, result: t.Any, outcome: str) -> bool:
        if outcome in ("ok", "skipped") and not self.get_option(f"display_{outcome}_hosts"):
            return False
        return bool(self._display.verbosity and self._run_is_verbose(result))

    def _warn(self, result: t.Any) -> None:
        # A warning may quote what no_log hides.
        if not model.hidden(result.result):
            self._handle_warnings(result.result)
            if self._display.verbosity:
                self._handle_exception(result.result, use_stderr=self.get_option("display_failed_stderr"))

    def _head(self, result: t.Any, outcome: str, item: str | None) -> render.Line:
        check = result.task.check_mode is True
        return render.head(outcome, self.host_label(result), name_of(result.task), check=check, item=item)

    def _item(self, result: t.Any) -> str:
        return str(self._get_item_label(result.result))

    def _dump(self, data: model.Json) -> list[render.Line]:
        return render.block("plain", textwrap.dedent(self._dump_results(data).strip("\n")))

    def _say(self, lines: t.Iterable[render.Line], stderr: bool = False) -> None:
        for style, text in lines:
            self._display.display(text, color=COLOURS[style], stderr=stderr)

    # What was seen

    def _now(self) -> float:
        return time.monotonic() - self._begin

    def _task(self, task: t.Any) -> model.Task:
        return self._run.begin_task(task._uuid, name_of(task), str(task.action), self._now())

    def _seen(self, result: t.Any, outcome: str) -> model.Seen:
        host, loop = result.host.get_name(), self._loops(result)
        task, check = self._task(result.task), result.task.check_mode is True
        return self._run.end_host(task, host, outcome, result.result, self._now(), loop=loop, check=check)

    def _close_tasks(self) -> None:
        for task in self._run.close_tasks():
            if self._line is None:
                self._say(render.ended(task))

    @staticmethod
    def _loops(result: t.Any) -> bool:
        return bool(result.task.loop) and "results" in result.result

    def _report(self, act: t.Callable[[str], None]) -> None:
        path = self.get_option("report_file")
        if path:
            try:
                act(path)
            except report.ReportError as exc:
                self._display.warning(str(exc))

    # The line that is redrawn

    def _for_a_terminal(self) -> bool:
        """Tell whether a person watches: a subclass, such as AWX's, records what is displayed instead."""
        asks = context.CLIARGS.get("step") or C.ENABLE_TASK_DEBUGGER
        plain = self._display.verbosity or asks or os.environ.get("TERM", "dumb") == "dumb"
        return self.__class__ is CallbackModule and sys.stdout.isatty() and not plain

    def _start_line(self) -> None:
        display = self._display.display

        def write(text: str) -> None:
            display(text, screen_only=True, newline=False)
            sys.stdout.flush()

        self._line = LiveLine(lambda: render.live(self._run, self._now(), shutil.get_terminal_size().columns), write)
        self._display.display = self._line.above(display)
        self._line.start()
        atexit.register(self._stop_line)

    def _stop_line(self) -> None:
        if self._line:
            self._line.stop()
            self._line = None
            del self._display.display
            atexit.unregister(self._stop_line)


def name_of(task: t.Any) -> str:
    """Return a task's name, with its role's but without the collection's."""
    return str(task.get_name(include_role_fqcn=False)).strip()


def key_of(result: t.Any) -> tuple[str, str]:
    """Return what tells a host's result of a task from all others under way."""
    return result.host.get_name(), result.task._uuid


def counts_of(stats: t.Any, host: str) -> dict[str, int]:
    """Return Ansible's own counts for a host, by the words of its recap."""
    counts: dict[str, int] = stats.summarize(host)
    return {name: counts["failures" if name == "failed" else name] for name in model.COUNTS}


def is_rescued(task: t.Any) -> bool:
    """Tell whether a block around the task takes up its failure, which Ansible does not say in the result."""
    child, block = task, task._parent
    while block is not None:
        inside = getattr(block, "block", [])
        if getattr(block, "rescue", []) and any(entry._uuid == child._uuid for entry in inside):
            return True
        child, block = block, block._parent
    return False
