# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide what has to be sent: desired and observed objects become ordered changes. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from . import diff
from .fields import applied, autoscaled, differences, owned_fields, project, settled_digest
from .inventory import Inventory
from .model import Json, Ref, Wanted, declared_kinds

CREATE, UPDATE, DELETE = "create", "update", "delete"
OURS = "atarnet-homelab/"
LATER = "known after apply"
Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Change:
    """One object to create, update or delete.

    before and after are the parts of the object that are shown, None where there is no object. body is what is
    applied (None for a deletion), uid the object that is deleted, or that has to be gone before its successor is
    created; note says what cannot be known before.
    """

    ref: Ref
    action: str
    before: Json | None
    after: Json | None
    body: Json | None = None
    uid: str = ""
    note: str = ""

    @property
    def diff(self) -> dict[str, str]:
        """Return the change as texts; made only when asked for, they cost as much as reading the objects."""
        return diff.entry(self.ref, self.before, self.after)

    def summary(self) -> dict[str, str]:
        """Return the change as it is reported; the same for a check and for the run that follows it."""
        return {"object": str(self.ref), "action": self.action}


@dataclass(frozen=True)
class Plan:
    """Changes in the order they are made, and what the inventory says before and after them.

    kept tells of objects that left the set but stay, each with its reason.
    """

    changes: list[Change]
    before: Inventory
    after: Inventory
    kept: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Comparison:
    """What a comparison with the live objects gave: missing ones, and those that only the server can judge."""

    missing: list[Wanted]
    doubtful: list[Wanted]
    same: list[Wanted]


def compare(wanted: t.Iterable[Wanted], live: t.Mapping[Key, Json], seen: Inventory, manager: str) -> Comparison:
    """Sort the desired objects by what is live of them."""
    result = Comparison([], [], [])
    for item in wanted:
        found = live.get(item.ref.key)
        if found is None or "deletionTimestamp" in found["metadata"]:
            result.missing.append(item)
            continue
        item = _without_autoscaled(item, found)
        result.same.append(item) if _is_settled(item, found, seen, manager) else result.doubtful.append(item)
    return result


def _without_autoscaled(item: Wanted, live: Json) -> Wanted:
    if "replicas" not in item.body.get("spec", {}) or not autoscaled(live):
        return item
    spec = {key: value for key, value in item.body["spec"].items() if key != "replicas"}
    return replace(item, body={**item.body, "spec": spec})


def _is_settled(item: Wanted, live: Json, seen: Inventory, manager: str) -> bool:
    found = differences(item.body, owned_fields(live, manager), live)
    return not found or seen.settled.get(str(item.ref)) == settled_digest(found)


def remembered(item: Wanted, live: Json, manager: str) -> str:
    """Return what the inventory has to remember of an applied object: nothing when it reads as it was sent."""
    if item.ref.kind == "Secret":
        return ""
    item = _without_autoscaled(item, live)
    return settled_digest(differences(item.body, owned_fields(live, manager), live))


def undecidable(comparison: Comparison) -> set[tuple[str, str]]:
    """Return the (apiVersion, kind)s whose definition itself changes, so that a dry run would ask the old one."""
    return set(declared_kinds(item.body for item in [*comparison.missing, *comparison.doubtful]))


def updates(
    comparison: Comparison, live: t.Mapping[Key, Json], answers: t.Mapping[Key, Json], manager: str
) -> tuple[list[Change], list[Wanted]]:
    """Return the updates among the doubtful objects, and those that turned out to be as wanted.

    answers has the object that a dry run gave, by key; one without an answer counts as changed.
    """
    changes, same = [], []
    for item in comparison.doubtful:
        found = live[item.ref.key]
        answer = answers.get(item.ref.key)
        change = _update(item, found, answer, manager)
        if change is None:
            same.append(item)
        else:
            changes.append(change)
    return changes, same


def _update(item: Wanted, live: Json, answer: Json | None, manager: str) -> Change | None:
    owned = owned_fields(live, manager)
    if answer is None:
        before = diff.shown(item.ref, project(applied(live), owned))
        after = diff.shown(item.ref, applied(item.body))
        return Change(item.ref, UPDATE, before, after, item.body, note=f"defaults {LATER}")
    then = owned_fields(answer, manager)
    if then == owned and _content(answer) == _content(live):
        return None
    before, after = diff.owned_parts(item.ref, live, owned, answer, then)
    note = "takes ownership of fields" if before == after else ""
    return Change(item.ref, UPDATE, before, after, item.body, note=note)


def _content(live: Json) -> Json:
    noise = ("managedFields", "resourceVersion", "generation")
    metadata = {key: value for key, value in live["metadata"].items() if key not in noise}
    return {**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata}


def creations(
    comparison: Comparison, live: t.Mapping[Key, Json], notes: t.Mapping[tuple[str, str], str]
) -> list[Change]:
    """Return the creations; notes has a remark for kinds, by (apiVersion, kind), that cannot be checked yet."""
    changes = []
    for item in comparison.missing:
        dying = live.get(item.ref.key)
        after = diff.shown(item.ref, applied(item.body))
        note = notes.get((item.ref.api_version, item.ref.kind), "")
        uid = ""
        if dying is not None:
            note, uid = "after the one being deleted is gone", dying["metadata"]["uid"]
        changes.append(Change(item.ref, CREATE, None, after, item.body, uid, note))
    return changes


def leavers(
    refs: t.Iterable[Ref], live: t.Mapping[Key, Json], manager: str, by_name: bool
) -> tuple[list[Change], list[Ref], list[str]]:
    """Return the deletions for *refs*, the refs to forget without deleting, and why others stay.

    Only what carries our field manager and no other owner's goes; protected kinds go only when told by name.
    """
    deletions, forgotten, kept = [], [], []
    for ref in sorted(refs, key=lambda ref: (-ref.stage, str(ref))):
        found = live.get(ref.key)
        if found is None or "deletionTimestamp" in found["metadata"]:
            forgotten.append(ref)
            continue
        owned = owned_fields(found, manager)
        if ref.protected and not by_name:
            kept.append(f"{ref}: a {ref.kind} is never pruned")
        elif not owned or _other_owners(found, manager):
            forgotten.append(ref)
            others = ", ".join(_other_owners(found, manager)) or "nobody of this collection"
            kept.append(f"{ref}: it belongs to {others}")
        else:
            before = diff.shown(ref, project(applied(found), owned))
            deletions.append(Change(ref, DELETE, before, None, uid=found["metadata"]["uid"]))
    return deletions, forgotten, kept


def _other_owners(live: Json, manager: str) -> list[str]:
    managers = {str(entry.get("manager")) for entry in live["metadata"].get("managedFields", [])}
    return sorted(name for name in managers if name.startswith(OURS) and name != manager)


def in_order(changes: t.Iterable[Change]) -> list[Change]:
    """Return creations and updates by stage, then deletions, which come in their own order."""
    changes = list(changes)
    made = [change for change in changes if change.action != DELETE]
    return [*sorted(made, key=lambda change: change.ref.stage), *[c for c in changes if c.action == DELETE]]
