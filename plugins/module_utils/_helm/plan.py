# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare releases with their records, and manifests with manifests."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._kube import diff, documents
from .._kube.kinds import BUILT_IN
from .._kube.model import Json, Ref, read_objects
from .charts import LABEL_DIGITS, Chart
from .locks import Note
from .model import ABSENT, Release, same_values
from .storage import DEPLOYED, IN_FLIGHT, UNINSTALLED, UNINSTALLING, Record

INSTALL, UPGRADE, UNINSTALL = "install", "upgrade", "uninstall"
Objects = dict[tuple[str, str, str, str], tuple[Ref, Json]]


@dataclass(frozen=True)
class Step:
    """What has to be done to one release, and why; records are what is known of it, newest first."""

    release: Release
    action: str
    reasons: list[str]
    records: list[Record] = field(default_factory=list, repr=False)

    @property
    def newest(self) -> Record | None:
        """Return the newest revision."""
        return self.records[0] if self.records else None

    @property
    def deployed(self) -> Record | None:
        """Return the newest revision that was completed."""
        return next((record for record in self.records if record.status == DEPLOYED), None)

    @property
    def interrupted(self) -> bool:
        """Return whether Helm was at it when the record was last written."""
        return self.newest is not None and self.newest.status in IN_FLIGHT


def decide(release: Release, records: list[Record], chart: Chart | None) -> Step | None:
    """Return the step that *release* needs, None when all is as wanted; *chart* is a local chart as it is now."""
    newest = records[0] if records else None
    if release.state == ABSENT:
        if newest is None:
            return None
        # Helm was killed while it took the history away, or told to keep it.
        left = newest.status == UNINSTALLED
        return Step(release, UNINSTALL, ["its history is left" if left else "absent is wanted"], records)
    if newest is None or newest.status == UNINSTALLED:
        return Step(release, INSTALL, ["not installed"], records)
    reasons = _differences(release, newest, chart)
    return Step(release, UPGRADE, reasons, records) if reasons else None


def _differences(release: Release, newest: Record, chart: Chart | None) -> list[str]:
    reasons = [] if newest.status == DEPLOYED else [f"status {newest.status}"]
    name, version = (chart.name, chart.version) if chart else (release.chart_name, release.version)
    if newest.chart != (name, version):
        reasons.append(f"chart {' '.join(newest.chart)} becomes {name} {version}")
    wanted = chart.label if chart else release.digest[:LABEL_DIGITS]
    if wanted and newest.digest != wanted:
        reasons.append("the chart's content changed" if newest.digest else "the chart's digest is not noted")
    if not same_values(release.values, newest.values):
        reasons.append("values changed")
    return reasons


def objects(text: str, namespace: str, origin: str) -> Objects:
    """Return the objects of a manifest by identity, tests left out. Raises KubeError when it is no manifest."""
    found: Objects = {}
    for item in read_objects(documents.split(text, origin)):
        if _annotation(item.body, "helm.sh/hook").startswith("test"):
            continue
        resource = BUILT_IN.get((item.ref.api_version, item.ref.kind))
        place = item.ref.namespace or (namespace if resource and resource.namespaced else "")
        ref = Ref(item.ref.api_version, item.ref.kind, place, item.ref.name)
        found[ref.key] = (ref, item.body)
    return found


def differences(before: Objects, after: Objects) -> tuple[list[dict[str, str]], list[str]]:
    """Return the diff between two sets of objects in the order of *after*, then deletions, and notes on kept ones."""
    entries, notes = [], []
    for key, (ref, body) in after.items():
        old = before.get(key)
        if old is None or old[1] != body:
            entries.append(diff.entry(ref, diff.shown(ref, old[1]) if old else None, diff.shown(ref, body)))
    for key, (ref, body) in before.items():
        if key in after or _annotation(body, "helm.sh/hook"):
            # Helm does not take away the objects of hooks.
            continue
        if _kept(body):
            notes.append(f"{ref}: stays, its annotation helm.sh/resource-policy says so")
        else:
            entries.append(diff.entry(ref, diff.shown(ref, body), None))
    return entries, notes


def remains(step: Step) -> Objects:
    """Return what may be there of the release: the objects of the deployed revision and of those after it."""
    found: Objects = {}
    release = step.release
    for record in reversed(step.records):
        if record is step.deployed:
            found = {}
        found.update(objects(record.manifest, release.namespace, str(release)))
    return found


def strays(step: Step, wanted: Objects) -> list[Ref]:
    """Return what would stay behind: Helm compares with one revision, and killed or failed ones made more.

    An upgrade compares with the deployed revision or else the newest, an uninstallation with the newest.
    """
    newest, release = step.newest, step.release
    if newest is None:
        return []
    ends = step.action == UNINSTALL or newest.status == UNINSTALLING
    compared = newest if ends else step.deployed or newest
    known = objects(compared.manifest, release.namespace, str(release))
    return [
        ref
        for key, (ref, body) in remains(step).items()
        if key not in known and (ends or key not in wanted) and not _kept(body)
    ]


def _kept(body: Json) -> bool:
    return _annotation(body, "helm.sh/resource-policy") == "keep"


def _annotation(body: Json, name: str) -> str:
    return str((body["metadata"].get("annotations") or {}).get(name, ""))


def headline(step: Step, chart: Chart | None) -> dict[str, str]:
    """Return the diff of the release itself: chart, status and whether the values differ."""
    newest, release = step.newest, step.release
    before: dict[str, t.Any] | None = None
    if newest is not None and step.action != INSTALL:
        before = {"chart": " ".join(newest.chart), "status": newest.status, "values": diff.SAME}
    after: dict[str, t.Any] | None = None
    if chart is not None and step.action != UNINSTALL:
        same = newest is not None and same_values(release.values, newest.values)
        after = {"chart": f"{chart.name} {chart.version}", "status": DEPLOYED}
        after["values"] = diff.SAME if same else diff.CHANGED
    header = str(release)
    shown = ["" if part is None else documents.dump(part) for part in (before, after)]
    return {"before_header": header, "after_header": header, "before": shown[0], "after": shown[1]}


def hindrance(step: Step, left: Note, now: float) -> str:
    """Return why a Helm elsewhere may still be at the release, else nothing: its record is young.

    *left* is the note of the run that held the release's lock here and has ended; its own record hinders nobody.
    Each of a hook before, the wait and a hook after may take the timeout, hence three of them.
    """
    newest = step.newest
    limit = 3 * step.release.timeout
    if newest is None or left.wrote(newest) or not step.interrupted or now - newest.changed_at > limit:
        return ""
    return (
        f"it has been {newest.status} for {max(now - newest.changed_at, 0):.0f} s, so a Helm that was not started from "
        f"here may still be at it. Run again when that Helm has ended, or after {limit} s since its start."
    )
