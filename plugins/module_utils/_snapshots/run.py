# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task from arguments to result: look at the cluster, plan, and unless it is a check, make, wait and remove."""

from __future__ import annotations

import time
import typing as t

from .._kube.api import Api
from .._kube.diff import entry
from .._kube.errors import KubeError
from .._kube.model import Ref
from .model import API, Json, Snapshot, Wanted, manifest, of_object, snapshot_ref
from .plan import Change, Plan, Seen, make_plan

MANAGER = "atarnet-homelab/snapshots"
POLL_S = 1.0


def run(
    wanted: Wanted,
    connect: t.Callable[[], Api],
    check: bool,
    wait: float,
    clock: t.Callable[[], float] = time.monotonic,
    sleep: t.Callable[[float], None] = time.sleep,
) -> Json:
    """Return the result of the task: changed, changes, diff, snapshots, and msg with failed on an error.

    A snapshot that does not become ready within *wait* seconds is an error; then none of the older ones is removed.
    """
    result: Json = {"changed": False, "changes": [], "diff": [], "snapshots": []}
    api: Api | None = None
    try:
        api = connect()
        plan = make_plan(wanted, look(api, wanted.claims))
        result.update(changed=bool(plan.changes), changes=[change.summary() for change in plan.changes])
        result["diff"] = [_diff(change) for change in plan.changes]
        if not check:
            _apply(plan, api, wait, clock, sleep)
            result["snapshots"] = [one.as_data() for one in listed(api, wanted.claims)]
    except KubeError as exc:
        result.update(failed=True, msg=str(exc))
    finally:
        if api is not None:
            api.close()
    return result


def look(api: Api, claims: t.Sequence[str]) -> Seen:
    """Return what of the cluster counts for these claims. Raises KubeError where it knows no snapshots."""
    _demand(api)
    found = api.list_all(Ref("v1", "PersistentVolumeClaim", "", ""))
    volumes = api.list_all(Ref("v1", "PersistentVolume", "", ""))
    return Seen(
        claims={f"{item['metadata']['namespace']}/{item['metadata']['name']}": item for item in found},
        volumes={item["metadata"]["name"]: item for item in volumes},
        classes=api.list_all(Ref(API, "VolumeSnapshotClass", "", "")),
        snapshots=listed(api, claims),
    )


def listed(api: Api, claims: t.Sequence[str]) -> list[Snapshot]:
    """Return the snapshots of these claims' namespaces, of all when none is named, the oldest first."""
    spaces = {claim.partition("/")[0] for claim in claims}
    found = [of_object(item) for item in api.list_all(snapshot_ref("", ""))]
    return sorted((one for one in found if not spaces or one.namespace in spaces), key=lambda one: one.created)


def _demand(api: Api) -> None:
    if api.resource(API, "VolumeSnapshot") is None:
        raise KubeError(
            "Looking for snapshots: the cluster knows none. "
            "Have a tier of homelab_storage on topolvm, as local-path has none, and run the platform layer."
        )


def _apply(plan: Plan, api: Api, wait: float, clock: t.Callable[[], float], sleep: t.Callable[[float], None]) -> None:
    for change in plan.changes:
        if change.body is not None:
            api.apply(change.ref, change.body)
    _await(plan.awaited, api, wait, clock, sleep)
    for change in plan.changes:
        if change.gone is not None:
            api.delete(change.ref, change.gone.uid)


def _await(
    awaited: t.Sequence[Ref], api: Api, wait: float, clock: t.Callable[[], float], sleep: t.Callable[[float], None]
) -> None:
    deadline = clock() + wait
    while True:
        live = {ref: api.get(ref) for ref in awaited}
        late = {ref: of_object(item) if item else None for ref, item in live.items()}
        pending = {ref: one for ref, one in late.items() if one is None or not one.ready}
        if not pending:
            return
        if clock() >= deadline:
            told = "\n".join(
                f"Waiting for {ref}: not ready after {wait:g} s, {_trouble(one)}. "
                f"See `kubectl -n {ref.namespace} describe volumesnapshot {ref.name}`, and run again."
                for ref, one in pending.items()
            )
            raise KubeError(told)
        sleep(POLL_S)


def _trouble(one: Snapshot | None) -> str:
    if one is None:
        return "it was deleted meanwhile"
    return one.trouble.rstrip(".") or "and its driver does not say why"


def _diff(change: Change) -> dict[str, str]:
    if change.gone is None:
        return entry(change.ref, None, change.body)
    gone = change.gone
    return entry(change.ref, manifest(f"{gone.namespace}/{gone.claim}", gone.name, ""), None)
