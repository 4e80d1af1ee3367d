# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task from arguments to result: read the records once, plan what differs, and unless it is a check, run Helm."""

from __future__ import annotations

import os
import tempfile
import time
import typing as t
from dataclasses import dataclass, field

from .._kube import diff
from .._kube.api import Api
from .._kube.errors import KubeError, Unreachable
from .._kube.model import Ref
from .._kube.parallel import Pool, raise_first
from . import charts
from .apply import Applier
from .charts import Chart
from .command import Helm, HelmError, describe, unknown_kinds
from .model import PRESENT, Json, Release, hide
from .plan import INSTALL, UNINSTALL, Objects, Step, decide, differences, headline, objects, refuse_running
from .storage import Record, history, selector

MANAGER = "atarnet-homelab/helm-release"


@dataclass(frozen=True)
class Change:
    """A planned step with its chart, the objects it leads to and its diff."""

    step: Step
    chart: Chart | None
    objects: Objects = field(repr=False)
    diff: list[dict[str, str]]
    notes: list[str]
    creates_namespace: bool = False

    def summary(self) -> Json:
        """Return the change as it is reported; the same for a check and for the run that follows it."""
        return describe(self.step.release, self.step.action, self.step.reasons)


@dataclass(frozen=True)
class Task:
    """What one task asks for."""

    releases: list[Release]
    api_optional: bool = False
    check: bool = False


def run(task: Task, connect: t.Callable[[], Api], helm: Helm, clock: t.Callable[[], float] = time.time) -> Json:
    """Return the result of the task: changed, changes, diff, notes, recovered, requests and helm_runs.

    connect opens the API; where it raises Unreachable, a check with api_optional plans for a blank lab.
    """
    pool = Pool()
    api: Api | None = None
    result: Json = {"changed": False, "changes": [], "diff": [], "notes": [], "recovered": []}
    with tempfile.TemporaryDirectory(prefix="homelab-charts-") as folder:
        try:
            try:
                api = connect()
                records = _records(api, task.releases)
            except Unreachable:
                if not (task.check and task.api_optional):
                    raise
                api, records = None, {}
                result["api"] = "unreachable"
            changes = _plan(task, api, pool, helm, records, folder, clock)
            result.update(_report(changes))
            if not task.check and api is not None:
                _apply(api, helm, changes, result)
        except KubeError as exc:
            text = str(exc)
            for release in task.releases:
                text = hide(text, release.values)
            result.update(failed=True, msg=text)
        finally:
            pool.close()
    result["requests"] = dict(api.requests) if api else {"read": 0, "dry_run": 0, "write": 0}
    result["helm_runs"] = helm.runs
    return result


def _records(api: Api, releases: list[Release]) -> dict[tuple[str, str], list[Record]]:
    if not releases:
        return {}
    namespaces = {release.namespace for release in releases}
    place = namespaces.pop() if len(namespaces) == 1 else ""
    return history(api.list_all(Ref("v1", "Secret", place, ""), selector(releases)))


def _report(changes: list[Change]) -> Json:
    return {
        "changed": bool(changes),
        "changes": [change.summary() for change in changes],
        "diff": [entry for change in changes for entry in change.diff],
        "notes": [note for change in changes for note in change.notes],
    }


def _plan(
    task: Task,
    api: Api | None,
    pool: Pool,
    helm: Helm,
    records: t.Mapping[tuple[str, str], list[Record]],
    folder: str,
    clock: t.Callable[[], float],
) -> list[Change]:
    steps = []
    for release in task.releases:
        local = charts.read(release.chart) if release.state == PRESENT and not release.remote else None
        if local and release.version and release.version != local.version:
            raise KubeError(
                f"Reading chart {local.path}: it has version {local.version}, not {release.version}. Correct version."
            )
        step = decide(release, records.get(release.key, []), local)
        if step is not None:
            refuse_running(step, clock())
            steps.append((step, local))
    new: set[str] = set()
    placed = []
    for step, local in steps:
        creates = _creates_namespace(api, step) and step.release.namespace not in new
        if creates:
            new.add(step.release.namespace)
        placed.append((step, local, creates))
    done, errors = pool.each(lambda item: _change(api, helm, *item, folder), placed)
    raise_first(errors)
    return [change for _item, change in done]


def _creates_namespace(api: Api | None, step: Step) -> bool:
    if step.action != INSTALL or not step.release.create_namespace:
        return False
    return api is None or api.get(Ref("v1", "Namespace", "", step.release.namespace)) is None


def _change(api: Api | None, helm: Helm, step: Step, chart: Chart | None, creates: bool, folder: str) -> Change:
    release, newest = step.release, step.newest
    live = newest is not None and step.action != INSTALL
    before = objects(newest.manifest, release.namespace, str(release)) if newest and live else {}
    if step.action == UNINSTALL:
        entries, notes = differences(before, {})
        return Change(step, None, before, [headline(step, None), *entries], notes)
    chart = chart or _fetched(helm, release, folder)
    text, notes = _rendered(api, helm, step, chart)
    after = objects(text, release.namespace, f"the manifest of {release}")
    if newest and live:
        before = {**objects(newest.hooks, release.namespace, str(release)), **before}
    entries, kept = differences(before, after)
    if creates:
        ref = Ref("v1", "Namespace", "", release.namespace)
        body = {"metadata": {"labels": {"name": release.namespace}}}
        entries.insert(0, diff.entry(ref, None, diff.shown(ref, body)))
    return Change(step, chart, after, [headline(step, chart), *entries], [*notes, *kept], creates)


def _fetched(helm: Helm, release: Release, folder: str) -> Chart:
    place = os.path.join(folder, f"{release.namespace}.{release.name}")
    os.mkdir(place)
    chart = charts.read(helm.pull(release, place))
    if (chart.name, chart.version) != (release.chart_name, release.version):
        raise KubeError(
            f"Fetching the chart of {release}: it is {chart.name} {chart.version}, not {release.chart_name} "
            f"{release.version}. Write name and version as the chart does."
        )
    if release.digest and release.digest != chart.digest:
        raise KubeError(
            f"Fetching the chart of {release}: its SHA-256 is {chart.digest}, not the digest {release.digest}. "
            "Find out who changed it before you correct digest."
        )
    return chart


def _rendered(api: Api | None, helm: Helm, step: Step, chart: Chart) -> tuple[str, list[str]]:
    release, upgrade = step.release, step.action != INSTALL
    if api is None or step.interrupted:
        return helm.template(release, chart, upgrade), [f"{release}: rendered without the server"]
    try:
        return helm.dry_run(release, chart), []
    except HelmError as exc:
        if not unknown_kinds(exc):
            raise
    # The definitions may come with this chart or with a release before it.
    return helm.template(release, chart, upgrade), [f"{release}: rendered without the server, which lacks its kinds"]


def _apply(api: Api, helm: Helm, changes: list[Change], result: Json) -> None:
    applier = Applier(api, helm, result["recovered"])
    made: list[Change] = []
    try:
        for change in changes:
            applier.apply(change.step, change.chart, change.objects)
            made.append(change)
    except KubeError:
        result.update(_report(made))
        raise
