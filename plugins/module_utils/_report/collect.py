# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run changed, or would change, gathered from the results that its roles registered. Pure.

A role registers what it did as ROLE_result, or as ROLE_PART_result where it has several tasks.
"""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass, field

from . import leaves

Json = dict[str, t.Any]
SUFFIX = "_result"
CLUSTER = "cluster"


@dataclass(frozen=True)
class Line:
    """One change: its layer, where it is made (a host, or the cluster), of what, and how.

    fields has what differs in detail, {"path", "old", "new"} each; the path is empty for what has no parts.
    """

    layer: str
    where: str
    object: str
    action: str
    fields: list[Json] = field(default_factory=list)

    def as_dict(self) -> Json:
        """Return the line as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Report:
    """All changes in the order of the run, and remarks on what cannot be known before or is left alone."""

    lines: list[Line]
    notes: list[str]


def collect(variables: t.Mapping[str, t.Mapping[str, t.Any]]) -> Report:
    """Return the report over the *variables* of each host.

    The result of a task that ran once for all is found at every host, and counts once.
    """
    lines: list[Line] = []
    notes: list[str] = []
    seen: set[str] = set()
    for host, given in variables.items():
        for name, result in given.items():
            if not _is_result(name, result):
                continue
            layer = name[: -len(SUFFIX)]
            if "requests" in result:
                # It speaks of the cluster.
                if layer in seen:
                    continue
                seen.add(layer)
            lines += _lines(layer, host, result)
            notes += [str(note) for key in ("notes", "kept") for note in result.get(key) or []]
    return Report(lines, list(dict.fromkeys(notes)))


def states(variables: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, str]:
    """Return for each host "seen", "not seen", or after which layer it was lost.

    Not every layer visits every host, but what ends a run does: a host is seen when it has a result of the last layer.
    """
    own = {
        host: [
            name[: -len(SUFFIX)]
            for name, result in given.items()
            if _is_result(name, result) or (name.endswith(SUFFIX) and isinstance(result, dict) and "skipped" in result)
        ]
        for host, given in variables.items()
    }
    last = max(own.values(), key=len, default=[])[-1:]
    return {
        host: "not seen" if not layers else "seen" if last[0] in layers else f"lost after {layers[-1]}"
        for host, layers in own.items()
    }


def _is_result(name: str, result: t.Any) -> bool:
    return name.endswith(SUFFIX) and isinstance(result, dict) and isinstance(result.get("changes"), list)


def _lines(layer: str, host: str, result: Json) -> list[Line]:
    entries = list(result.get("diff") or [])
    found = []
    for index, change in enumerate(result["changes"]):
        action = str(change["action"])
        if "resource" in change:
            fields = [{"path": "", "old": change["before"], "new": change["after"]}]
            found.append(Line(layer, host, str(change["resource"]), action, fields))
        elif "object" in change:
            fields = leaves.between(entries[index]) if entries else []
            found.append(Line(layer, CLUSTER, str(change["object"]), action, fields))
        else:
            name = f"release {change['release']}"
            own = _entries_of(name, entries)
            fields = [leaf for entry in own for leaf in leaves.between(entry, _prefix(entry, name))]
            found.append(Line(layer, CLUSTER, name, action, fields))
    return found


def _entries_of(release: str, entries: list[Json]) -> list[Json]:
    """Return the diff entries of a release: its own, and those of its objects, which follow it."""
    headers = [str(entry["before_header"]) for entry in entries]
    if release not in headers:
        return []
    start = headers.index(release)
    following = (place for place in range(start + 1, len(headers)) if headers[place].startswith("release "))
    return entries[start : next(following, len(headers))]


def _prefix(entry: Json, release: str) -> str:
    header = str(entry["before_header"])
    return "" if header == release else f"{header} "
