# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen of a run, as lines for a person. Pure: a line is (style, text), a style an outcome or "plain"."""

from __future__ import annotations

import typing as t
import unicodedata

from ansible_collections.atarnet.homelab.plugins.module_utils._progress.model import COUNTS, OUTCOMES, clean, hidden

if t.TYPE_CHECKING:
    from ansible_collections.atarnet.homelab.plugins.module_utils._progress.model import Json, Run, Task

Line = tuple[str, str]
CHECKED = "check: nothing was changed, this would be"
SLOWEST = 5
# What a failed command or module says beside its message.
_DETAILS = ("assertion", "rc", "stderr", "stdout", "module_stderr", "module_stdout")


def minutes(seconds: float) -> str:
    """Return a duration as m:ss."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def word(outcome: str, check: bool) -> str:
    """Return what an outcome is called; in check mode nothing was changed."""
    return "would change" if check and outcome == "changed" else outcome


def head(outcome: str, host: str, task: str, check: bool = False, item: str | None = None) -> Line:
    """Return the line that says how a host's task (or an item of its loop) ended."""
    label = "" if item is None else f" (item={clean(item)})"
    return outcome, f"  {word(outcome, check)}: [{host}] {task}{label}"


def block(style: str, text: str) -> list[Line]:
    """Return text set in below the line it belongs to."""
    return [(style, f"      {line}") for line in text.splitlines()]


def change(entry: Json) -> str:
    """Return a change as one line: action, what it is done to, before and after, why."""
    what = next((str(value) for key, value in entry.items() if key not in ("action", "before", "after", "reason")), "")
    text = f"{entry['action']} {what}".rstrip()
    if "before" in entry or "after" in entry:
        text += f": {entry.get('before', '')} -> {entry.get('after', '')}"
    return clean(text + (f" ({entry['reason']})" if entry.get("reason") else ""))


def changes(entries: list[Json]) -> list[Line]:
    """Return a line for each change."""
    return [line for entry in entries for line in block("changed", change(entry))]


def details(result: Json) -> list[Line]:
    """Return what a failed result says beside its message, such as a command's output."""
    shown = {} if hidden(result) else {key: clean(str(result.get(key, ""))).strip() for key in _DETAILS}
    return [
        line for key, text in shown.items() if text for line in block("failed", f"{key}: {text}".replace("\n", "\n  "))
    ]


def said(message: t.Any) -> list[Line] | None:
    """Return the lines of a debug task's message; None when it is neither text nor a list of texts."""
    lines = message if isinstance(message, list) else [message]
    if not all(isinstance(line, str) for line in lines):
        return None
    return block("plain", clean("\n".join(lines)))


def ended(task: Task) -> list[Line]:
    """Return the line for a task that has ended; none when every host skipped it."""
    if not set(task.done) - {"skipped"}:
        return []
    counts = ", ".join(f"{task.done[name]} {word(name, task.check)}" for name in OUTCOMES if name in task.done)
    return [("plain", f"  done: {task.name}: {counts}, {task.seconds:.1f} s")]


def live(run: Run, now: float, width: int) -> str:
    """Return the line that shows what runs now, in less than width columns; empty when nothing does."""
    task = run.latest
    if task is None:
        return ""
    hosts = f"{len(task.hosts) - len(task.running)} of {len(task.hosts)} hosts"
    text = f"{minutes(now)} | {task.phase.name} | {task.name} | {hosts}, {now - task.started:.0f} s"
    return _cut(clean(text).replace("\n", " "), width - 1)


def _cut(text: str, columns: int) -> str:
    taken = 0
    for index, letter in enumerate(text):
        taken += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if taken > columns:
            return text[:index]
    return text


def summary(run: Run) -> list[Line]:
    """Return the end of the output: phases, hosts, requests, the slowest tasks and the total."""
    return [
        ("plain", ""),
        ("plain", "Summary"),
        *_phases(run),
        *_hosts(run.hosts),
        *_requests(run),
        *_slowest(run.tasks),
        ("changed" if run.changes else "ok", f"  {_total(run)}, {run.seconds:.1f} s in all"),
    ]


def _total(run: Run) -> str:
    made = run.changes - run.foreseen
    if run.check:
        return f"{CHECKED}: {_changes(run.changes)}"
    return _changes(made) + (f", and in check mode {_changes(run.foreseen)} that would be" if run.foreseen else "")


def _changes(count: int) -> str:
    return f"{count} change{'' if count == 1 else 's'}"


def _phases(run: Run) -> list[Line]:
    width = max([len(phase.name) for phase in run.phases], default=0)
    rows = [f"  {'phase':<{width}}  seconds  changes"] if run.phases else []
    rows += [f"  {phase.name:<{width}}  {phase.seconds:7.1f}  {phase.changes:7}" for phase in run.phases]
    return [("plain", row) for row in rows]


def _hosts(hosts: dict[str, dict[str, int]]) -> list[Line]:
    """Return one line for each host, with the words of Ansible's own recap, for which scripts look."""
    width = max(map(len, hosts), default=0)
    rows = []
    for host in sorted(hosts):
        counts = hosts[host]
        style = next((name for name in ("unreachable", "failed", "changed") if counts.get(name)), "ok")
        text = " ".join(f"{f'{name}={counts.get(name, 0)}':<{len(name) + 4}}" for name in COUNTS)
        rows.append((style, f"  {host:<{width}} : {text.rstrip()}"))
    return rows


def _requests(run: Run) -> list[Line]:
    if not any(run.requests.values()) and not run.helm_runs:
        return []
    read, dry_run, write = (run.requests[sort] for sort in ("read", "dry_run", "write"))
    text = f"Kubernetes API: {read} read, {dry_run} dry run, {write} written; Helm runs: {run.helm_runs}"
    return [("plain", f"  {text}")]


def _slowest(tasks: list[Task]) -> list[Line]:
    slowest = sorted((task for task in tasks if task.hosts), key=lambda task: -task.seconds)[:SLOWEST]
    rows = [f"{task.seconds:9.1f} s  {task.name}" for task in slowest]
    return [("plain", row) for row in (["  slowest tasks", *rows] if rows else [])]
