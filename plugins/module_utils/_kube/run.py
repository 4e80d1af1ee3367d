# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task from arguments to result: observe, plan, and unless it is a check, apply."""

from __future__ import annotations

import base64
import json
import typing as t
from dataclasses import dataclass, field, replace

from . import plan as planning
from .api import Api, unknown_kind
from .apply import Applier
from .errors import ApiError, KubeError, Unreachable
from .inventory import Inventory
from .model import Json, Wanted, field_manager, read_objects
from .observe import Observation, observe, without_server
from .parallel import Pool, raise_first
from .plan import Change, Plan
from .wait import Wait, Waiter

ABSENT = "absent"
_SHORT = 3


@dataclass(frozen=True)
class Task:
    """What one task asks for; wait None means not to wait, diff whether the changes are shown as texts."""

    owner: str
    wanted: list[Wanted]
    namespace: str = ""
    prune: bool = True
    wait: Wait | None = field(default_factory=Wait)
    force_conflicts: bool = False
    state: str = "present"
    api_optional: bool = False
    check: bool = False
    diff: bool = True

    @property
    def manager(self) -> str:
        """Return the field manager of the task's owner."""
        return field_manager(self.owner)


def read_task(
    arguments: t.Mapping[str, t.Any], sources: t.Iterable[tuple[str, t.Any]], check: bool, diff: bool = True
) -> Task:
    """Return the task that module *arguments* and the (origin, document) pairs describe. Raises KubeError."""
    task = Task(
        # str() takes off what Ansible's own string types carry along.
        owner=str(arguments["owner"]),
        wanted=read_objects(sources),
        namespace=str(arguments.get("namespace") or ""),
        prune=arguments["prune"],
        wait=_read_wait(arguments["wait"], arguments["wait_timeout"]),
        force_conflicts=arguments["force_conflicts"],
        state=arguments["state"],
        api_optional=arguments["api_optional"],
        check=check,
        diff=diff,
    )
    field_manager(task.owner)
    return task


def _read_wait(wait: t.Any, timeout: int) -> Wait | None:
    if isinstance(wait, bool):
        return Wait(timeout) if wait else None
    conditions = wait.get("conditions", {}) if isinstance(wait, dict) else None
    if not isinstance(conditions, dict) or set(wait) - {"conditions"}:
        raise KubeError(
            f"Reading wait: {wait!r} is neither true, false nor {{conditions: {{Kind: Condition}}}}. Write one of them."
        )
    return Wait(timeout, {str(kind): str(condition) for kind, condition in conditions.items()})


def run(task: Task, connect: t.Callable[[], Api]) -> Json:
    """Return the result of the task: changed, changes, diff, notes, kept, requests, and msg with failed on an error.

    connect opens the API; where it raises Unreachable, a check with api_optional plans for a blank lab.
    """
    pool = Pool()
    api: Api | None = None
    result: Json = {"changed": False, "changes": [], "diff": [], "notes": [], "kept": []}
    try:
        try:
            api = connect()
            seen, plan = _plan(task, api, pool)
        except Unreachable:
            if not (task.check and task.api_optional):
                raise
            result["api"] = "unreachable"
            seen, plan = _blank_plan(task)
        result.update(_report(task, plan.changes), kept=plan.kept)
        if not task.check and api is not None:
            _apply(task, api, pool, seen, plan, result)
        raise_first(list(seen.down.values()))
    except KubeError as exc:
        result.update(failed=True, msg=redact(str(exc), task.wanted))
    finally:
        pool.close()
        if api is not None:
            api.close()
    result["requests"] = dict(api.requests) if api else {"read": 0, "dry_run": 0, "write": 0}
    return result


def _report(task: Task, changes: list[Change]) -> Json:
    return {
        "changed": bool(changes),
        "changes": [change.summary() for change in changes],
        "diff": [change.diff for change in changes] if task.diff else [],
        "notes": [f"{change.ref}: {change.note}" for change in changes if change.note],
    }


def _apply(task: Task, api: Api, pool: Pool, seen: Observation, plan: Plan, result: Json) -> None:
    applier = Applier(api, pool, task.owner, task.manager, Waiter(api, pool, task.wait))
    wanted = [] if task.state == ABSENT else seen.wanted
    try:
        applier.apply(plan, wanted, seen.live)
    except KubeError:
        made = [change for change in plan.changes if change in applier.made]
        result.update(_report(task, made))
        raise


def _blank_plan(task: Task) -> tuple[Observation, Plan]:
    seen = without_server(task.wanted, task.namespace)
    if task.state == ABSENT:
        return seen, Plan([], Inventory(), Inventory())
    missing = planning.compare(seen.wanted, {}, Inventory(), task.manager)
    notes = {(item.ref.api_version, item.ref.kind): f"defaults {planning.LATER}" for item in seen.wanted}
    return seen, Plan(planning.in_order(planning.creations(missing, {}, notes)), Inventory(), Inventory())


def _plan(task: Task, api: Api, pool: Pool) -> tuple[Observation, Plan]:
    absent = task.state == ABSENT
    seen = observe(api, pool, task.owner, task.wanted, task.namespace, task.prune or absent)
    if absent:
        return seen, _removal(task, seen)
    comparison = planning.compare(seen.wanted, seen.live, seen.seen, task.manager)
    later = planning.undecidable(comparison)
    _refuse_unserved(task, seen, later)
    asked = [item for item in comparison.doubtful if (item.ref.api_version, item.ref.kind) not in later]
    answers, errors = pool.each(lambda item: api.apply(item.ref, item.body, dry_run=True), asked)
    raise_first(errors)
    answered = {item.ref.key: answer for item, answer in answers}
    updates, same = planning.updates(comparison, seen.live, answered, task.manager)
    notes = dict.fromkeys(later | seen.unserved, planning.LATER)
    creations = planning.creations(comparison, seen.live, notes)
    if task.check:
        _admit(api, pool, creations, comparison, seen)
    plan = _with_prune(task, seen, [*creations, *updates])
    if plan.changes:
        # While something is written anyway, remember what the dry runs told, so that the next run need not ask.
        digests = {str(item.ref): planning.remembered(item, seen.live[item.ref.key], task.manager) for item in same}
        plan = replace(plan, after=plan.after.with_settled(digests))
    return seen, plan


def _with_prune(task: Task, seen: Observation, changes: list[Change]) -> Plan:
    before = seen.seen
    refs = [item.ref for item in seen.wanted]
    wanted = {ref.key for ref in refs}
    left = [ref for key, ref in before.refs.items() if key not in wanted and ref.api_version not in seen.down]
    deletions, forgotten, kept = planning.leavers(left if task.prune else [], seen.live, task.manager, by_name=False)
    after = before.with_refs(refs).without([*forgotten, *(change.ref for change in deletions)])
    return Plan(planning.in_order([*changes, *deletions]), before, after.with_settled({}), kept)


def _removal(task: Task, seen: Observation) -> Plan:
    """Plan state absent: the objects named, whatever their kind, else all of the inventory but protected kinds."""
    by_name = bool(task.wanted)
    told = [item.ref for item in seen.wanted] if by_name else seen.seen.refs.values()
    refs = [ref for ref in told if ref.api_version not in seen.down]
    deletions, forgotten, kept = planning.leavers(refs, seen.live, task.manager, by_name)
    after = seen.seen.without([*forgotten, *(change.ref for change in deletions)])
    return Plan(deletions, seen.seen, after.with_settled({}), kept)


def _refuse_unserved(task: Task, seen: Observation, later: set[tuple[str, str]]) -> None:
    if task.check:
        return
    for item in seen.wanted:
        kind = (item.ref.api_version, item.ref.kind)
        if kind in seen.unserved and kind not in later:
            raise unknown_kind(item.ref)


def _admit(api: Api, pool: Pool, creations: list[Change], comparison: planning.Comparison, seen: Observation) -> None:
    """Ask the server whether it would admit the new objects whose kind and namespace it has already."""
    later = planning.undecidable(comparison) | seen.unserved
    new_namespaces = {change.ref.name for change in creations if change.ref.kind == "Namespace"}

    def ask(change: Change) -> None:
        try:
            api.apply(change.ref, change.body or {}, dry_run=True)
        except ApiError as exc:
            # An earlier task of the same run may be the one that makes the namespace.
            if exc.code != 404:
                raise

    asked = [
        change
        for change in creations
        if not change.uid
        and (change.ref.api_version, change.ref.kind) not in later
        and change.ref.namespace not in new_namespaces
    ]
    _done, errors = pool.each(ask, asked)
    raise_first(errors)


def redact(text: str, wanted: t.Iterable[Wanted]) -> str:
    """Return *text* without any value of the Secrets among *wanted*: plain, quoted by the server, or in base64.

    A value of up to three characters goes only where it stands in quotes, as the server quotes what it refuses:
    anywhere else it would take ordinary words apart, which hides the error and tells the value by the gaps.
    """
    for value in sorted(_secret_values(wanted), key=len, reverse=True):
        escaped = json.dumps(value, ensure_ascii=False)[1:-1]
        for form in (value, escaped) if len(value) > _SHORT else (f'"{value}"', f'"{escaped}"'):
            text = text.replace(form, "(hidden)")
    return text


def _secret_values(wanted: t.Iterable[Wanted]) -> set[str]:
    values = set()
    for item in wanted:
        if (item.ref.api_version, item.ref.kind) != ("v1", "Secret"):
            continue
        for encoded in item.body.get("data", {}).values():
            plain = base64.b64decode(encoded).decode("utf-8", "replace")
            values |= {encoded, *(line.strip() for line in [plain, *plain.splitlines()])}
    return values - {""}
