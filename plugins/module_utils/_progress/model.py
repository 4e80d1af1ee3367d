# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen of a run, as data: phases, tasks and the hosts' results. Pure; every moment is given.

Moments and durations are seconds since the run began.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

Json = dict[str, t.Any]

# How a host's result of a task ended; "ok" changed nothing.
OUTCOMES = ("ok", "changed", "failed", "ignored", "rescued", "unreachable", "skipped")
COUNTS = ("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored")
SORTS = ("read", "dry_run", "write")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass
class Phase:
    """A play, or consecutive plays of one name; ended is the moment of its last result.

    check says that all its results so far were of check mode.
    """

    name: str
    started: float
    ended: float
    changes: int = 0
    check: bool | None = None

    @property
    def seconds(self) -> float:
        return self.ended - self.started


@dataclass(eq=False)
class Task:
    """A task and, for each host that took it up, since when; done counts how hosts ended, check is of the last one."""

    phase: Phase
    name: str
    action: str
    started: float
    ended: float
    hosts: dict[str, float] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    done: dict[str, int] = field(default_factory=dict)
    check: bool = False

    @property
    def seconds(self) -> float:
        return self.ended - self.started


@dataclass(frozen=True)
class Seen:
    """One host's result of a task. changed counts its changes, which check mode only foresaw.

    message says why it failed, and is empty when it did not.
    """

    task: Task
    host: str
    outcome: str
    seconds: float
    changed: int
    changes: list[Json]
    message: str
    check: bool


class Run:
    """All that was seen of a run; playbooks are their file names in order."""

    def __init__(self, started: float, check: bool = False) -> None:
        """started is Unix time; check says that the run was asked to change nothing."""
        self.started = started
        self.asked_to_check = check
        self.foreseen = 0
        self.playbooks: list[str] = []
        self.phases: list[Phase] = []
        self.tasks: list[Task] = []
        self.seen: list[Seen] = []
        self.requests: Json = dict.fromkeys(SORTS, 0)
        self.helm_runs = 0
        self.hosts: dict[str, dict[str, int]] = {}
        self.seconds = 0.0
        self.latest: Task | None = None
        self._open: dict[str, Task] = {}

    def begin_phase(self, name: str, now: float) -> bool:
        """Enter a play; False when it only continues the phase, as the batches of a serial play do."""
        if self.phases and self.phases[-1].name == name:
            return False
        self.phases.append(Phase(name, now, now))
        return True

    def begin_task(self, key: str, name: str, action: str, now: float) -> Task:
        """Enter the task of that key, or return it while it is open: some strategies start a task for each host."""
        if not self.phases:
            self.begin_phase("", now)
        if key not in self._open:
            self._open[key] = Task(self.phases[-1], name, action, now, now)
            self.tasks.append(self._open[key])
        self.latest = self._open[key]
        return self.latest

    def begin_host(self, task: Task, host: str, now: float) -> None:
        """Say that a host works on the task from now on."""
        task.hosts[host] = now
        task.running.add(host)

    def end_host(
        self, task: Task, host: str, outcome: str, result: Json, now: float, loop: bool = False, check: bool = False
    ) -> Seen:
        """Take a host's result; of a loop, what its items returned counts. check tells of check mode."""
        parts = items_of(result) if loop else []
        failed = outcome not in ("ok", "changed", "skipped")
        message = "\n".join(_reasons(result, parts)) if failed else ""
        parts = parts or [result]
        seconds = now - task.hosts.setdefault(host, now)
        changes = [change for part in parts for change in changes_of(part)]
        entry = Seen(task, host, outcome, seconds, sum(map(count_of, parts)), changes, message, check)
        self.seen.append(entry)
        self._add(entry, now)
        for part in parts:
            self._count_requests(part)
        return entry

    def _add(self, entry: Seen, now: float) -> None:
        task, phase = entry.task, entry.task.phase
        task.running.discard(entry.host)
        task.done[entry.outcome] = task.done.get(entry.outcome, 0) + 1
        task.ended = phase.ended = now
        task.check = entry.check
        phase.check = entry.check and phase.check is not False
        phase.changes += entry.changed
        self.foreseen += entry.changed if entry.check else 0

    def close_tasks(self) -> list[Task]:
        """Return, each only once, the tasks that were begun and on which no host works any more."""
        ended = {key: task for key, task in self._open.items() if not task.running}
        self._open = {key: task for key, task in self._open.items() if task.running}
        return list(ended.values())

    def end(self, hosts: dict[str, dict[str, int]], now: float) -> None:
        """Take Ansible's own counts for each host; the run has ended."""
        self.hosts = hosts
        self.seconds = now
        self.latest = None

    def _count_requests(self, result: Json) -> None:
        requests = result.get("requests")
        if isinstance(requests, dict):
            for sort in SORTS:
                self.requests[sort] += _whole(requests.get(sort))
        self.helm_runs += _whole(result.get("helm_runs"))

    @property
    def changes(self) -> int:
        return sum(phase.changes for phase in self.phases)

    @property
    def check(self) -> bool:
        """Tell whether the run only looked: it was asked to, or a play was and nothing was changed beside it."""
        return self.asked_to_check or (any(phase.check for phase in self.phases) and self.changes == self.foreseen)

    @property
    def outcome(self) -> str:
        """Return "failed" or "unreachable" when some host was, else "changed" or "ok"."""
        for outcome in ("failed", "unreachable"):
            if any(counts.get(outcome) for counts in self.hosts.values()):
                return outcome
        return "changed" if self.changes else "ok"


def items_of(result: Json) -> list[Json]:
    """Return what the items of a loop returned."""
    listed = result.get("results")
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def _reasons(result: Json, items: list[Json]) -> list[str]:
    failed = [item for item in items if item.get("failed") or item.get("unreachable")]
    return [message for message in map(message_of, [result, *failed]) if message]


def _whole(value: t.Any) -> int:
    return value if isinstance(value, int) else 0


def changes_of(result: Json) -> list[Json]:
    """Return the changes a result of this collection's modules lists: action, what it is done to, before, after, why.

    Other modules' `changes` may be and hold anything: what has another shape is left out.
    """
    listed = result.get("changes")
    if not isinstance(listed, list):
        return []
    return [
        {key: value for key, value in change.items() if isinstance(value, (str, int))}
        for change in listed
        if isinstance(change, dict) and isinstance(change.get("action"), str)
    ]


def count_of(result: Json) -> int:
    """Return how many changes a result stands for; one that only says "changed" is one."""
    return (len(changes_of(result)) or 1) if result.get("changed") else 0


def hidden(result: Json) -> bool:
    """Tell whether the result was kept back because of no_log."""
    return "censored" in result or bool(result.get("_ansible_no_log"))


def message_of(result: Json) -> str:
    """Return why a result failed, empty when it does not say; nothing of what no_log hides."""
    if hidden(result):
        return "the output is hidden because of no_log"
    message = result.get("msg", "")
    return clean("\n".join(map(str, message)) if isinstance(message, list) else str(message)).strip()


def clean(text: str) -> str:
    """Return text without characters that would move the cursor or colour the terminal."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
