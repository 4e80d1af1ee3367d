# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of each volume's last backup and restore, and the same for node-exporter."""

from __future__ import annotations

import json
import typing as t

from .._host.errors import explained
from .journal import write_whole
from .model import Json, Places

# Key in the record: metric and its help.
METRICS = {
    "success": (
        "homelab_backup_last_success_timestamp_seconds",
        "When the volume was last backed up, all of it, or found to be unchanged.",
    ),
    "bytes": ("homelab_backup_size_bytes", "Size of the files of the volume at its last backup."),
    "seconds": ("homelab_backup_duration_seconds", "How long the last run of the volume's node took."),
    "verified": (
        "homelab_backup_last_verified_restore_timestamp_seconds",
        "When the volume was last restored, and was what had been backed up.",
    ),
    "copy_verified": (
        "homelab_backup_copy_last_verified_restore_timestamp_seconds",
        "When the volume was last restored from the copy, and was what had been backed up.",
    ),
    "restore_seconds": (
        "homelab_backup_restore_duration_seconds",
        "How long its last verified restore took.",
    ),
    "failed": ("homelab_backup_failed", "1 when the last backup of the volume failed or is incomplete, else 0."),
}


def load(places: Places) -> dict[str, Json]:
    """Return what is known by volume, nothing when there is no record that can be read."""
    try:
        with open(places.record, encoding="utf-8") as stream:
            return dict(json.load(stream))
    except (OSError, ValueError):
        return {}


def save(places: Places, news: t.Mapping[str, Json], metrics_file: str = "", only: bool = False) -> None:
    """Add *news* by volume to what is known; when these are the *only* ones, others are forgotten. Raises HostError."""
    known = load(places)
    for volume, facts in news.items():
        known[volume] = {**known.get(volume, {}), **facts}
    if only:
        known = {name: facts for name, facts in known.items() if name in news}
    with explained(f"Cannot write {places.record}"):
        write_whole(places.record, json.dumps(known, indent=1, sort_keys=True) + "\n")
    publish(known, metrics_file)


def publish(known: t.Mapping[str, Json], metrics_file: str) -> None:
    """Write what is known for node-exporter, if it is to be. Raises HostError."""
    if metrics_file:
        with explained(f"Cannot write {metrics_file}"):
            write_whole(metrics_file, render(known), 0o644)


def render(known: t.Mapping[str, Json]) -> str:
    """Return the record in the text format of Prometheus."""
    lines = []
    for key, (metric, about) in METRICS.items():
        samples = [f'{metric}{{volume="{name}"}} {known[name][key]}' for name in sorted(known) if key in known[name]]
        if samples:
            lines += [f"# HELP {metric} {about}", f"# TYPE {metric} gauge", *samples]
    return "".join(f"{line}\n" for line in lines)
