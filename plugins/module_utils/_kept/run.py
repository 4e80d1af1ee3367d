# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task from arguments to result: look at the cluster and the folder, plan, and unless it is a check, do it."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass
from datetime import datetime, timezone

from .._kube.api import Api
from .._kube.errors import KubeError, Unreachable
from .._kube.model import Ref
from .._kube.parallel import Pool, raise_first
from . import plan as planning
from .issuing import Progress, progress, told
from .model import Json, Wanted, of_secret
from .plan import Change, Found, Plan
from .store import Store

MANAGER = "atarnet-homelab/kept"
RESTORED = "restored"
POLL_S = 1.0


@dataclass(frozen=True)
class Task:
    """What one task asks for; *wait* is how many seconds an issuer may need."""

    wanted: t.Sequence[Wanted]
    state: str
    wait: float = 0
    api_optional: bool = False
    check: bool = False


def run(
    task: Task,
    store: Store,
    connect: t.Callable[[], Api],
    now: t.Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    sleep: t.Callable[[float], None] = time.sleep,
) -> Json:
    """Return the result of the task: changed, changes, notes, warnings, requests, and msg with failed on an error.

    connect opens the API; where it raises Unreachable and the task may do without it, a check plans for a blank lab,
    and a run keeps nothing. There is never a diff: all of it would be secret.
    """
    result: Json = {"changed": False, "changes": [], "diff": [], "notes": [], "warnings": []}
    pool = Pool()
    api: Api | None = None
    try:
        try:
            api = connect()
            found = _look(task.wanted, store, api, pool)
        except Unreachable as exc:
            if not task.api_optional or (task.state == RESTORED and not task.check):
                raise
            result["api"] = "unreachable"
            api = None
            if not task.check:
                result["notes"].append(f"{exc} What was kept before stays")
                return result
            found = [Found(wanted, None, store.read(wanted)) for wanted in task.wanted]
        if api is not None and task.state != RESTORED and not task.check:
            found, late = _patient(task, store, api, pool, found, now, sleep)
            result["warnings"] += late
        plan = _plan(task, api, found, now())
        _report(result, plan.changes, plan.notes)
        if not task.check and api is not None:
            _apply(plan, store, api, result)
    except KubeError as exc:
        result.update(failed=True, msg=str(exc))
    finally:
        result["requests"] = dict(api.requests) if api else {"read": 0, "dry_run": 0, "write": 0}
        pool.close()
        if api is not None:
            api.close()
    return result


def _look(wanted: t.Iterable[Wanted], store: Store, api: Api, pool: Pool) -> list[Found]:
    def look(one: Wanted) -> Found:
        live = api.get(one.ref)
        return Found(one, of_secret(live) if live else None, store.read(one))

    done, errors = pool.each(look, wanted)
    raise_first(errors)
    return [found for _wanted, found in done]


def _plan(task: Task, api: Api | None, found: list[Found], now: datetime) -> Plan:
    if task.state != RESTORED:
        return planning.keep(found, now, foresee=task.check)
    if task.check or api is None or not any(one.live is None and one.filed for one in found):
        # The run will have made them before.
        return planning.restore(found, None, now)
    namespaces = api.list_all(Ref("v1", "Namespace", "", ""))
    return planning.restore(found, {item["metadata"]["name"] for item in namespaces}, now)


def _patient(
    task: Task,
    store: Store,
    api: Api,
    pool: Pool,
    found: list[Found],
    now: t.Callable[[], datetime],
    sleep: t.Callable[[float], None],
) -> tuple[list[Found], list[str]]:
    """Return what is found once nothing is being issued any more, and why what is still missing is not there."""
    while True:
        pending = [one.wanted for one in found if one.pending and one.wanted.issuer]
        done, errors = pool.each(lambda one: progress(api, one), pending)
        raise_first(errors)
        seen: list[tuple[Wanted, Progress | None]] = done
        if not any(one and one.worth_waiting(now(), task.wait) for _wanted, one in seen):
            return found, [text for wanted, one in seen if one for text in [told(api, wanted, one)]]
        sleep(POLL_S)
        found = _look(task.wanted, store, api, pool)


def _apply(plan: Plan, store: Store, api: Api, result: Json) -> None:
    made: list[Change] = []
    try:
        for change in plan.changes:
            _make(change, store, api)
            made.append(change)
    except KubeError:
        _report(result, made, plan.notes)
        raise


def _make(change: Change, store: Store, api: Api) -> None:
    wanted = change.wanted
    if change.kept is not None and change.action == planning.PUT_BACK:
        # Without force: should there be one by now, with other values, it is not touched.
        api.apply(wanted.ref, change.kept.manifest(wanted))
    elif change.kept is not None:
        store.write(wanted, change.kept)


def _report(result: Json, changes: list[Change], notes: list[str]) -> None:
    result.update(changed=bool(changes), changes=[change.summary() for change in changes], notes=notes)
