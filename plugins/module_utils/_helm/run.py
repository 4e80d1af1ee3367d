# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task from arguments to result: read the records once, plan what differs, and unless it is a check, run Helm."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
import typing as t
from dataclasses import dataclass

from .._kube.api import Api
from .._kube.errors import KubeError, Unreachable
from .._kube.model import Ref
from .._kube.parallel import Pool, raise_first
from . import charts
from .apply import Applier
from .changes import Change, Planner
from .charts import Chart
from .command import Helm
from .locks import Locks
from .model import PRESENT, Json, Release, hide
from .plan import Step, decide, hindrance
from .storage import Record, history, selector

MANAGER = "atarnet-homelab/helm-release"
Steps = list[tuple[Step, t.Optional[Chart]]]
Records = t.Mapping[tuple[str, str], list[Record]]


@dataclass(frozen=True)
class Task:
    """What one task asks for."""

    releases: list[Release]
    api_optional: bool = False
    check: bool = False


def run(
    task: Task,
    connect: t.Callable[[], Api],
    helm: Helm,
    hold: t.Callable[[str], Locks],
    clock: t.Callable[[], float] = time.time,
) -> Json:
    """Return the result of the task: changed, changes, diff, notes, recovered, requests and helm_runs.

    connect opens the API; where it raises Unreachable, a check with api_optional plans for a blank lab.
    hold gives the locks for the API's address.
    """
    result: Json = {"changed": False, "changes": [], "diff": [], "notes": [], "recovered": []}
    api: Api | None = None
    try:
        try:
            api = connect()
            records = _records(api, task.releases)
        except Unreachable:
            if not (task.check and task.api_optional):
                raise
            api, records = None, {}
            result["api"] = "unreachable"
        locks = hold(api.address if api else "")
        with contextlib.closing(locks), tempfile.TemporaryDirectory(prefix="homelab-charts-") as folder:
            _Run(task, api, locks, clock, result).go(helm, folder, records)
    except KubeError as exc:
        text = str(exc)
        for release in task.releases:
            text = hide(text, release.values)
        result.update(failed=True, msg=text)
    result["requests"] = dict(api.requests) if api else {"read": 0, "dry_run": 0, "write": 0}
    result["helm_runs"] = helm.runs
    return result


def _records(api: Api, releases: list[Release]) -> Records:
    if not releases:
        return {}
    namespaces = {release.namespace for release in releases}
    place = namespaces.pop() if len(namespaces) == 1 else ""
    return history(api.list_all(Ref("v1", "Secret", place, ""), selector(releases)))


class _Run:
    """A run under way; api is None where no server was reached, result is filled step by step."""

    def __init__(self, task: Task, api: Api | None, locks: Locks, clock: t.Callable[[], float], result: Json) -> None:
        self._task = task
        self._api = api
        self._locks = locks
        self._clock = clock
        self._result = result
        self._parent = os.getppid()

    def go(self, helm: Helm, folder: str, records: Records) -> None:
        """Plan, and unless it is a check, make the changes. Raises KubeError."""
        steps = self._steps(records)
        notes: list[str] = []
        if self._api is not None and self._task.check:
            notes = [told for step, _chart in steps for told in self._beside(step)]
        elif self._api is not None:
            steps = self._alone(self._api, steps)
        changes = _plan(Planner(self._api, helm, folder), steps)
        self._report(changes, notes)
        if self._api is not None and not self._task.check:
            self._apply(Applier(self._api, helm, self._result["recovered"]), changes)

    def _steps(self, records: Records) -> Steps:
        steps = []
        for release in self._task.releases:
            local = charts.read(release.chart) if release.state == PRESENT and not release.remote else None
            if local and release.version and release.version != local.version:
                raise KubeError(
                    f"Reading chart {local.path}: it has version {local.version}, not {release.version}. "
                    "Correct version."
                )
            step = decide(release, records.get(release.key, []), local)
            if step is not None:
                steps.append((step, local))
        return steps

    def _beside(self, step: Step) -> list[str]:
        """Return what a check has to say of a Helm that is at work."""
        held, note = self._locks.look(step.release)
        if held:
            return [f"{step.release}: {note} is still at it, a run waits for its end"]
        told = hindrance(step, note, self._clock())
        return [f"{step.release}: {told}"] if told else []

    def _alone(self, api: Api, steps: Steps) -> Steps:
        """Return the steps once nobody else is at their releases, from fresh records where somebody was."""
        while True:
            waited = self._locks.take(step.release for step, _chart in steps)
            if not waited:
                break
            self._result["recovered"] += waited
            steps = self._steps(_records(api, self._task.releases))
        # Whoever was waited for has made some of them as wanted.
        self._locks.keep(step.release for step, _chart in steps)
        for step, _chart in steps:
            told = hindrance(step, self._locks[step.release].left, self._clock())
            if told:
                raise KubeError(f"Changing {step.release}: {told}")
        return steps

    def _apply(self, applier: Applier, changes: list[Change]) -> None:
        made: list[Change] = []
        try:
            for change in changes:
                release = change.step.release
                if os.getppid() != self._parent:
                    raise KubeError(f"Changing {release}: the run that asked for it was killed. Run again.")
                applier.apply(change.step, change.chart, change.objects, self._locks[release])
                self._locks.done(release)
                made.append(change)
        except KubeError:
            self._report(made, [])
            raise

    def _report(self, changes: list[Change], notes: list[str]) -> None:
        self._result.update(
            changed=bool(changes),
            changes=[change.summary() for change in changes],
            diff=[entry for change in changes for entry in change.diff],
            notes=[*notes, *(note for change in changes for note in change.notes)],
        )


def _plan(planner: Planner, steps: Steps) -> list[Change]:
    new: set[str] = set()
    placed = []
    for step, local in steps:
        creates = step.release.namespace not in new and planner.creates_namespace(step)
        if creates:
            new.add(step.release.namespace)
        placed.append((step, local, creates))
    pool = Pool()
    try:
        done, errors = pool.each(lambda item: planner.change(*item), placed)
    finally:
        pool.close()
    raise_first(errors)
    return [change for _item, change in done]
