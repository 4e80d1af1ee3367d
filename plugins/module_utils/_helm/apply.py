# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make one planned step: repair the record of a killed run, run Helm, and on failure say why and go back."""

from __future__ import annotations

from dataclasses import replace

from .._kube.api import Api
from .._kube.causes import find_cause
from .._kube.errors import KubeError
from .._kube.model import Ref
from .._kube.ready import readiness
from .charts import Chart
from .command import Helm
from .locks import Lock
from .model import Json, Release
from .plan import INSTALL, UNINSTALL, Objects, Step, strays
from .storage import FAILED, ROLLING_BACK, UNINSTALLING, Record, encode

_TOLD = 3


class Applier:
    """Carries out steps; recovered gets a sentence for each thing that a killed or failed run had left."""

    def __init__(self, api: Api, helm: Helm, recovered: list[str]) -> None:
        self._api = api
        self._helm = helm
        self._recovered = recovered

    def apply(self, step: Step, chart: Chart | None, wanted: Objects, lock: Lock) -> None:
        """Make the step under the release's lock. Raises KubeError with the cause that the cluster tells."""
        release = step.release
        if step.action == UNINSTALL or chart is None:
            self._uninstall(step, release.wait, lock)
            return
        step = self._recover(step, wanted, lock)
        revision = step.newest.revision + 1 if step.newest else 1
        lock.expect(revision)
        try:
            self._helm.install_or_upgrade(release, chart, lock)
        except KubeError as exc:
            # Going back takes the objects away that tell the cause.
            told = self._causes(wanted)
            end = self._go_back(step, revision, lock) if release.rollback else ""
            raise KubeError(" ".join(part for part in (str(exc), told, end) if part)) from None

    def _uninstall(self, step: Step, wait: bool, lock: Lock) -> None:
        self._sweep(step, {})
        lock.expect(step.newest.revision if step.newest else 0, UNINSTALLING)
        self._helm.uninstall(step.release, wait, lock)

    def _recover(self, step: Step, wanted: Objects, lock: Lock) -> Step:
        """Return the step as it is once Helm can go over what is there."""
        release, newest = step.release, step.newest
        if newest is None or step.action == INSTALL:
            return step
        if newest.status == UNINSTALLING:
            self._uninstall(step, True, lock)
            self._recovered.append(f"{release}: its interrupted uninstallation was finished")
            return replace(step, records=[])
        if step.interrupted:
            self._mark_failed(release, newest)
            told = f"revision {newest.revision} was {newest.status} and is now marked failed"
            self._recovered.append(f"{release}: {told}")
        self._sweep(step, wanted)
        return step

    def _sweep(self, step: Step, wanted: Objects) -> None:
        """Delete what Helm would leave behind, as far as it is labelled as the release's."""
        release = step.release
        for found in strays(step, wanted):
            resource = self._api.resource(found.api_version, found.kind)
            if resource is None:
                continue
            ref = replace(found, namespace=found.namespace or release.namespace) if resource.namespaced else found
            live = self._api.get(ref)
            if live and _belongs(live, release):
                self._api.delete(ref, live["metadata"]["uid"])
                self._recovered.append(f"{release}: {ref} was removed, no revision that counts has it")

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

    def _go_back(self, step: Step, revision: int, lock: Lock) -> str:
        """Undo the failed *revision* and return what came of it."""
        release, deployed = step.release, step.deployed
        try:
            if deployed is None:
                if step.newest is not None:
                    return "It stays as it is, there is no revision to go back to."
                lock.expect(revision, UNINSTALLING)
                self._helm.uninstall(release, False, lock)
                return "The failed installation was removed."
            lock.expect(revision + 1, ROLLING_BACK)
            self._helm.rollback(release, deployed.revision, lock)
        except KubeError as exc:
            return f"Going back failed as well: {exc}"
        return f"Revision {deployed.revision} was restored."


def _belongs(live: Json, release: Release) -> bool:
    annotations = live["metadata"].get("annotations") or {}
    owner = (annotations.get("meta.helm.sh/release-namespace"), annotations.get("meta.helm.sh/release-name"))
    return owner == release.key
