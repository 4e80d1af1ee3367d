# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: a list of plain dicts becomes a checked list of resources."""

from __future__ import annotations

import fnmatch
import typing as t

from .errors import HostError
from .fields import Fields, suggestion
from .model import Archive, Directory, File, Link, Resource, Unit
from .readers import READERS

KINDS = tuple(READERS)
_TAKEN_BY_OTHERS = {"user": ("group",), "file": ("group",), "directory": ("group",)}


def kind_of(raw: t.Any, where: str) -> str:
    """The one type key of a raw resource; raises HostError when there is none or more than one."""
    if not isinstance(raw, dict):
        raise HostError(f"Cannot use {where}", f"{raw!r} is not a mapping", 'Write it like "- file: /etc/name"')
    found = [kind for kind in KINDS if kind in raw]
    for kind, ordinary in _TAKEN_BY_OTHERS.items():
        if kind in found:
            found = [other for other in found if other not in ordinary]
    if len(found) == 1:
        return found[0]
    if found:
        cause = f"it has the types {' and '.join(found)}"
        raise HostError(f"Cannot use {where}", cause, "Make it one resource per type")
    hints = [suggestion(str(key), KINDS) for key in raw]
    hint = next((h for h in hints if h), "")
    keys = ", ".join(map(str, raw)) or "none"
    raise HostError(f"Cannot use {where}", f"its keys ({keys}) name no type", f"{hint}Known types: {', '.join(KINDS)}")


def parse(raws: t.Any) -> list[Resource]:
    """Check the whole list; raises HostError for the first resource that is wrong, or given twice."""
    if not isinstance(raws, list):
        raise HostError("Cannot use resources", "it is not a list", "Write a YAML list of resources")
    resources: list[Resource] = []
    places: dict[str, str] = {}
    for index, raw in enumerate(raws):
        where = raw.get("at", f"resources[{index}]") if isinstance(raw, dict) else f"resources[{index}]"
        kind = kind_of(raw, where)
        fields = Fields(raw, f"{where} ({kind}:{raw[kind]})")
        resource = READERS[kind](fields)
        fields.finish()
        _claim(resource, where, places)
        resources.append(resource)
    _check_triggers(resources, places)
    return resources


def _claim(resource: Resource, where: str, places: dict[str, str]) -> None:
    """Refuse two resources for one thing; all that lies at a path competes for that path."""
    claims = {resource.identity: resource.identity}
    if isinstance(resource, (File, Directory, Link)):
        claims[resource.name] = resource.name
    elif isinstance(resource, Archive):
        claims.update({path: path for path in resource.paths})
    elif isinstance(resource, Unit) and resource.sha256:
        claims[resource.path] = resource.path
    for claim in claims:
        if claim in places:
            cause = f"{claim} is already wanted by {places[claim]}"
            raise HostError(f"Cannot use {where} ({resource.identity})", cause, "Keep one of the two")
        places[claim] = where


def _check_triggers(resources: list[Resource], places: dict[str, str]) -> None:
    """Every restart_on and reload_on must name something of this list; a pattern with * may match nothing."""
    known = [resource.identity for resource in resources]
    for index, resource in enumerate(resources):
        if not isinstance(resource, Unit):
            continue
        keys = [("restart_on", name) for name in resource.restart_on] + [
            ("reload_on", name) for name in resource.reload_on
        ]
        for key, trigger in keys:
            where = f"Cannot use {places[resource.identity]} ({resource.identity})"
            if trigger not in known and "*" not in trigger:
                cause = f"{key} {trigger!r} is no resource of this task"
                raise HostError(where, cause, f"{suggestion(trigger, known)}Name one as type:name, such as file:/etc/x")
            late = fnmatch.filter(known[index + 1 :], trigger)
            if late:
                cause = f"{key} {trigger!r} means {late[0]}, which comes after it"
                raise HostError(where, cause, "Move the unit behind everything it is restarted for")
