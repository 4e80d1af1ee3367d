# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one probe on what is restored for it, and leave nothing, also of a run that was killed before."""

from __future__ import annotations

import time
import typing as t

from .._backup_plan.volumes import claim_of
from .._kube.api import Api
from .._kube.errors import KubeError
from .._kube.model import Ref
from .._kube.parallel import Pool
from .._kube.wait import Wait, Waiter
from .plan import Stage, is_ours

MANAGER = "atarnet-homelab/probe"
# A pod is scheduled, and its image is fetched.
START_S = 180.0
# A pod ends, and the provisioner removes the folder of a volume.
GONE_S = 120.0

Restore = t.Callable[[Stage], None]


def run(
    stage: Stage,
    api: Api,
    restore: Restore,
    waiter: t.Callable[[Api, Pool, Wait], Waiter] = Waiter,
    clock: t.Callable[[], float] = time.monotonic,
) -> float:
    """Return how many seconds the probe took. Raises KubeError where it did not succeed, or something is left.

    *restore* has the files at the stage's target, and raises KubeError.
    """
    pool = Pool()
    try:
        _clean(stage.namespace, api, waiter(api, pool, Wait(GONE_S)))
        failure = ""
        try:
            for body in stage.objects:
                api.apply(Ref.of(body), body)
            restore(stage)
            began = clock()
            limit = stage.probe.timeout + START_S
            _complete(stage, api, waiter(api, pool, Wait(limit)))
            return round(clock() - began, 1)
        except KubeError as exc:
            failure = str(exc)
            raise
        finally:
            try:
                _clean(stage.namespace, api, waiter(api, pool, Wait(GONE_S)))
            except KubeError as exc:
                raise KubeError(f"{failure} {exc}".strip()) from exc
    finally:
        pool.close()


def _complete(stage: Stage, api: Api, waiter: Waiter) -> None:
    made = api.apply(Ref.of(stage.job), stage.job)
    try:
        waiter.ready({Ref.of(made).key: made})
    except KubeError as exc:
        pods = api.list_all(Ref("v1", "Pod", stage.namespace, ""))
        if any(pod.get("status", {}).get("reason") == "DeadlineExceeded" for pod in pods):
            raise KubeError(f"It was ended after its timeout of {stage.probe.timeout} s. {exc}") from exc
        raise


def _clean(namespace: str, api: Api, waiter: Waiter) -> None:
    """Remove a namespace of probes, and wait until its volumes are gone with their files."""
    ref = Ref("v1", "Namespace", "", namespace)
    live = api.get(ref)
    if live is not None and not is_ours(live):
        raise KubeError(f"Removing namespace {namespace}: no drill made it. Remove it, and run again.")
    volumes = [
        one for one in api.list_all(Ref("v1", "PersistentVolume", "", "")) if claim_of(one).startswith(f"{namespace}/")
    ]
    uids = {Ref.of(one): str(one["metadata"]["uid"]) for one in ([live] if live else []) + volumes}
    # A volume that never had its claim has no files. One that had goes with them, by its provisioner.
    going = [ref] if live else []
    going += [Ref.of(one) for one in volumes if "uid" not in one["spec"]["claimRef"]]
    for one in going:
        api.delete(one, uids[one])
    if uids:
        waiter.gone(uids)
