# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make one planned step: repair the record of a killed run, run Helm, and on failure say why and go back."""

from __future__ import annotations

import typing as t

from .._kube.api import Api
from .._kube.causes import find_cause
from .._kube.errors import KubeError
from .._kube.model import Ref
from .._kube.ready import readiness
from .charts import Chart
from .command import Helm
from .model import Json, Release
from .plan import UNINSTALL, Objects, Step, objects
from .storage import FAILED, Record, encode

_TOLD = 3


class Applier:
    """Carries out steps; recovered gets a sentence for each record that was repaired."""

    def __init__(self, api: Api, helm: Helm, recovered: list[str]) -> None:
        self._api = api
        self._helm = helm
        self._recovered = recovered

    def apply(self, step: Step, chart: Chart | None, wanted: Objects) -> None:
        """Make the step. Raises KubeError with the cause that the cluster tells."""
        release = step.release
        if step.action == UNINSTALL or chart is None:
            self._helm.uninstall(release, release.wait)
            return
        if step.interrupted:
            self._recover(step, wanted)
        try:
            self._helm.install_or_upgrade(release, chart)
        except KubeError as exc:
            # Going back takes the objects away that tell the cause.
            told = self._causes(wanted)
            end = self._go_back(step) if release.rollback else ""
            raise KubeError(" ".join(part for part in (str(exc), told, end) if part)) from None

    def _recover(self, step: Step, wanted: Objects) -> None:
        release, newest = step.release, step.newest
        if newest is None:
            return
        if newest.status == "uninstalling":
            self._helm.uninstall(release, wait=True)
            self._recovered.append(f"{release}: its interrupted uninstallation was finished")
            return
        self._mark_failed(release, newest)
        told = f"{release}: revision {newest.revision} was {newest.status} and is now marked failed"
        deployed = step.deployed
        if deployed and _strays(release, newest, deployed, wanted):
            # An upgrade would only take away what the deployed revision has.
            self._helm.rollback(release, deployed.revision)
            told += f", revision {deployed.revision} was restored first"
        self._recovered.append(told)

    def _mark_failed(self, release: Release, record: Record) -> None:
        """Write what Helm writes itself when it is interrupted but lives; objects stay for the next revision."""
        info = {**record.body["info"], "status": FAILED, "description": "Helm was killed"}
        metadata = record.secret["metadata"]
        ref = Ref("v1", "Secret", release.namespace, metadata["name"])
        body: Json = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": ref.name, "namespace": ref.namespace, "labels": {"status": FAILED}},
            "data": {"release": encode({**record.body, "info": info})},
        }
        # The resourceVersion makes the server refuse when somebody wrote since we read.
        body["metadata"]["resourceVersion"] = metadata["resourceVersion"]
        self._api.apply(ref, body, force=True)

    def _causes(self, wanted: Objects) -> str:
        told = []
        try:
            for ref, _body in wanted.values():
                if self._api.known(ref.api_version, ref.kind) is None:
                    continue
                live = self._api.get(ref)
                state = readiness(live) if live else None
                if live and state and state.waits:
                    cause = find_cause(self._api, ref, live)
                    parts = [part.rstrip(".") for part in (state.waits, cause) if part]
                    told.append(f"{ref}: {'; '.join(parts)}.")
        except KubeError as exc:
            told.append(f"The objects cannot be read: {exc}")
        return " ".join(told[:_TOLD])

    def _go_back(self, step: Step) -> str:
        release, deployed = step.release, step.deployed
        try:
            if deployed is None:
                if step.newest is not None:
                    return "It stays as it is, there is no revision to go back to."
                self._helm.uninstall(release, wait=False)
                return "The failed installation was removed."
            self._helm.rollback(release, deployed.revision)
        except KubeError as exc:
            return f"Going back failed as well: {exc}"
        return f"Revision {deployed.revision} was restored."


def _strays(release: Release, newest: Record, deployed: Record, wanted: Objects) -> bool:
    then: t.Iterable[t.Any] = objects(newest.manifest, release.namespace, str(release))
    known = objects(deployed.manifest, release.namespace, str(release))
    return any(key not in known and key not in wanted for key in then)
