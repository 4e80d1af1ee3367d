# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report for people, for programs, and for Prometheus. Pure."""

from __future__ import annotations

import json
import typing as t

from .collect import CLUSTER, Report

VERSION = 1
_ADDED = frozenset({"create", "install", "init", "join"})
_REMOVED = frozenset({"remove", "delete", "uninstall", "reset"})


def as_data(report: Report, lab: str, made: str, hosts: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Return the report as a program reads it.

    made is a time, ISO 8601 in UTC; hosts has what collect.states says of each host.
    """
    return {
        "version": VERSION,
        "lab": lab,
        "made": made,
        "hosts": dict(hosts),
        "changes": [line.as_dict() for line in report.lines],
        "notes": report.notes,
    }


def as_json(data: t.Mapping[str, t.Any]) -> str:
    """Return the data of a report as text."""
    return json.dumps(data, indent=1) + "\n"


def as_text(report: Report, title: str, hosts: t.Mapping[str, str]) -> str:
    """Return the report as a person reads it: layer by layer, the same change of several hosts in one line."""
    layers: dict[str, dict[tuple[str, str, str], list[str]]] = {}
    for line in report.lines:
        detail = _detail(line.fields) if line.where != CLUSTER else _paths(line.fields)
        layers.setdefault(line.layer, {}).setdefault((line.object, line.action, detail), []).append(line.where)
    text = [f"{title}: {_count(report)}"]
    for layer, rows in layers.items():
        text.append(layer.replace("_", " "))
        width = max(len(name) for name, _action, _detail in rows)
        for (name, action, detail), places in rows.items():
            text.append(f"  {_sign(action)} {name:<{width}}  {', '.join(places)}  {action}{detail}")
    text += [f"host {host}: {state}" for host, state in hosts.items() if state != "seen"]
    text += [f"note: {note}" for note in report.notes]
    return "\n".join(text)


def _count(report: Report) -> str:
    if not report.lines:
        return "no change"
    places = list(dict.fromkeys(line.where for line in report.lines))
    return f"{len(report.lines)} change{'s' if len(report.lines) > 1 else ''} on {', '.join(places)}"


def _sign(action: str) -> str:
    return "+" if action in _ADDED else "-" if action in _REMOVED else "~"


def _detail(fields: list[dict[str, t.Any]]) -> str:
    return "".join(f": {leaf['old']} -> {leaf['new']}" for leaf in fields)


def _paths(fields: list[dict[str, t.Any]]) -> str:
    paths = [leaf["path"] for leaf in fields if leaf["path"]]
    return f": {', '.join(paths)}" if paths else ""


def as_metrics(data: t.Mapping[str, t.Any], made_at: int) -> str:
    """Return the report in Prometheus' text format; made_at is a Unix time.

    See https://prometheus.io/docs/instrumenting/exposition_formats/ for the format.
    """
    lab = _label(data["lab"])
    counts: dict[tuple[str, str], int] = {}
    for change in data["changes"]:
        key = (change["where"], change["layer"])
        counts[key] = counts.get(key, 0) + 1
    total = len(data["changes"])
    return "\n".join(
        [
            "# HELP homelab_drift_changes Differences between the lab and its inventory.",
            "# TYPE homelab_drift_changes gauge",
            f'homelab_drift_changes{{lab="{lab}"}} {total}',
            "# HELP homelab_drift_changes_by_place Differences by host (or the cluster) and layer.",
            "# TYPE homelab_drift_changes_by_place gauge",
            *(
                f'homelab_drift_changes_by_place{{lab="{lab}",where="{_label(where)}",layer="{_label(layer)}"}} {count}'
                for (where, layer), count in sorted(counts.items())
            ),
            "# HELP homelab_drift_host_seen Whether the host could be compared.",
            "# TYPE homelab_drift_host_seen gauge",
            *(
                f'homelab_drift_host_seen{{lab="{lab}",host="{_label(host)}"}} {int(state == "seen")}'
                for host, state in sorted(data["hosts"].items())
            ),
            "# HELP homelab_drift_checked_timestamp_seconds When the lab was last compared with its inventory.",
            "# TYPE homelab_drift_checked_timestamp_seconds gauge",
            f'homelab_drift_checked_timestamp_seconds{{lab="{lab}"}} {made_at}',
            "",
        ]
    )


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
