# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one step will change: its chart, fetched and verified, the objects it leads to and the diff."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from .._kube import diff
from .._kube.api import Api
from .._kube.errors import KubeError
from .._kube.model import Ref
from . import charts
from .charts import Chart
from .command import Helm, HelmError, describe, unknown_kinds
from .model import Json, Release
from .plan import INSTALL, UNINSTALL, Objects, Step, differences, headline, objects, remains
from .storage import UNINSTALLED


@dataclass(frozen=True)
class Change:
    """A planned step with its chart, the objects it leads to and its diff."""

    step: Step
    chart: Chart | None
    objects: Objects = field(repr=False)
    diff: list[dict[str, str]]
    notes: list[str]

    def summary(self) -> Json:
        """Return the change as it is reported; the same for a check and for the run that follows it."""
        return describe(self.step.release, self.step.action, self.step.reasons)


class Planner:
    """Turns steps into changes; charts are fetched into *folder*, api is None where no server was reached."""

    def __init__(self, api: Api | None, helm: Helm, folder: str) -> None:
        self._api = api
        self._helm = helm
        self._folder = folder

    def change(self, step: Step, chart: Chart | None, creates_namespace: bool) -> Change:
        """Return the change; *chart* is a local one. Raises KubeError when chart or values do not work."""
        release, newest = step.release, step.newest
        live = newest is not None and newest.status != UNINSTALLED
        before = remains(step) if live else {}
        if step.action == UNINSTALL:
            entries, notes = differences(before, {})
            return Change(step, None, before, [headline(step, None), *entries], notes)
        chart = chart or self._fetched(release)
        text, notes = self._rendered(step, chart)
        after = objects(text, release.namespace, f"the manifest of {release}")
        if newest and live:
            before = {**objects(newest.hooks, release.namespace, str(release)), **before}
        entries, kept = differences(before, after)
        if chart.definitions and step.action != INSTALL:
            kept.append(f"{release}: definitions in the chart's folder crds stay as they were first installed")
        if creates_namespace:
            ref = Ref("v1", "Namespace", "", release.namespace)
            body = {"metadata": {"labels": {"name": release.namespace}}}
            entries.insert(0, diff.entry(ref, None, diff.shown(ref, body)))
        return Change(step, chart, after, [headline(step, chart), *entries], [*notes, *kept])

    def creates_namespace(self, step: Step) -> bool:
        """Return whether the step's installation makes the release's namespace."""
        if step.action != INSTALL or not step.release.create_namespace:
            return False
        return self._api is None or self._api.get(Ref("v1", "Namespace", "", step.release.namespace)) is None

    def _fetched(self, release: Release) -> Chart:
        place = os.path.join(self._folder, f"{release.namespace}.{release.name}")
        os.mkdir(place)
        chart = charts.read(self._helm.pull(release, place))
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

    def _rendered(self, step: Step, chart: Chart) -> tuple[str, list[str]]:
        release, upgrade = step.release, step.action != INSTALL
        if self._api is None or step.interrupted:
            return self._helm.template(release, chart, upgrade), [f"{release}: rendered without the server"]
        try:
            return self._helm.dry_run(release, chart), []
        except HelmError as exc:
            if not unknown_kinds(exc):
                raise
        # The definitions may come with this chart or with a release before it.
        return self._helm.template(release, chart, upgrade), [
            f"{release}: rendered without the server, which lacks its kinds"
        ]
