# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a change is shown: YAML of the fields that are ours, without the server's noise and without secrets. Pure."""

from __future__ import annotations

import typing as t

from . import documents
from .fields import Fields, applied, project, union
from .model import Json, Ref

HIDDEN, SAME, CHANGED = "(hidden)", "(unchanged)", "(changed)"


def entry(ref: Ref, before: Json | None, after: Json | None) -> dict[str, str]:
    """Return one item of a task's diff; None stands for an object that is not there."""
    before, after = _masked(ref, before, after)
    return {
        "before_header": str(ref),
        "after_header": str(ref),
        "before": _yaml(before),
        "after": _yaml(after),
    }


def _yaml(body: Json | None) -> str:
    return documents.dump(body) if body else ""


def owned_parts(ref: Ref, live: Json, owned: Fields, result: Json, owned_then: Fields) -> tuple[Json, Json]:
    """Return before and after of an update, cut to the fields that are or become ours."""
    fields = union(owned, owned_then)
    return shown(ref, project(applied(live), fields)), shown(ref, project(applied(result), fields))


def shown(ref: Ref, part: t.Mapping[str, t.Any]) -> Json:
    """Return *part* of an object headed by its type and name."""
    name = {"name": ref.name, "namespace": ref.namespace} if ref.namespace else {"name": ref.name}
    head = {"apiVersion": ref.api_version, "kind": ref.kind}
    return {**head, **part, "metadata": {**part.get("metadata", {}), **name}}


def _masked(ref: Ref, before: Json | None, after: Json | None) -> tuple[Json | None, Json | None]:
    if (ref.api_version, ref.kind) != ("v1", "Secret"):
        return before, after
    old, new = dict((before or {}).get("data") or {}), dict((after or {}).get("data") or {})
    old_shown = {key: SAME if new.get(key) == value else HIDDEN for key, value in old.items()}
    new_shown = {key: SAME if old.get(key) == value else CHANGED for key, value in new.items()}
    return _with_data(before, old_shown), _with_data(after, new_shown)


def _with_data(body: Json | None, data: dict[str, str]) -> Json | None:
    if not body or "data" not in body:
        return body
    return {**body, "data": data}
