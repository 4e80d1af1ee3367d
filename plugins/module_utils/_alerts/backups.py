# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups that fail, are late or were never restored, as the nodes tell (docs/backup.md has the metrics). Pure."""

from __future__ import annotations

import re
import typing as t

from .._backup_plan.calendar import longest_pause
from .model import AGE, CRITICAL, DAY, HOUR, MINUTE, NODE, VOLUME, WARNING, Json, Rule, absent, duration, on, quoted

# RandomizedDelaySec= of the timers of the role backup.
_SPREAD_S, _REHEARSAL_SPREAD_S = 30 * MINUTE, HOUR
_WHAT = f"Volume {VOLUME} of node {NODE}"
_LOOK = "`journalctl -u {} -n 50` on the node tells why; `ansible-playbook atarnet.homelab.{}` does it now."
_BACKUP = _LOOK.format("homelab-backup", "backup")
_DRILL = _LOOK.format("homelab-backup-drill", "drill")
_COPY = _LOOK.format("homelab-backup-copy", "backup")


def backup_rules(backup: Json) -> list[Rule]:
    """Return the rules of plan["backup"]. What comes only once is never late."""
    where = on(backup["hosts"])
    rules = [
        Rule(
            "HomelabBackupFailed",
            WARNING,
            5 * MINUTE,
            f"homelab_backup_failed{{{where}}} == 1",
            f"{_WHAT} was not backed up, or only in part",
            f"{_WHAT}: its last backup failed, or is incomplete. {_BACKUP}",
        ),
        _gone(where, backup["not_saved"]),
    ]
    late, old = _patience(backup["schedule"], _SPREAD_S), _patience(backup["rehearsal"], _REHEARSAL_SPREAD_S)
    if late:
        rules += _backups(where, late)
        rules += [
            _missing(node, one["name"], late) for node, host in backup["hosts"].items() for one in host["volumes"]
        ]
    if old:
        rules += _rehearsals(where, old)
    return rules + (_copies(backup["elsewhere"]) if backup["elsewhere"] else [])


def _patience(schedule: str, spread: int, least: int = HOUR) -> int:
    """Return after how many seconds something is late, 0 for never.

    On top of the pause and the *spread* it has as long as the pause again, a day at most, and the *least* that a run
    has to have.
    """
    pause = longest_pause(schedule)
    return pause + spread + max(least, min(DAY, pause)) if pause else 0


def _gone(where: str, not_saved: t.Iterable[str]) -> Rule:
    """Return what tells of claims that pods use, and that their node has forgotten; who deletes one means it."""
    but = quoted("|".join(["tier .*", *map(re.escape, not_saved)]))
    used = "kubelet_volume_stats_capacity_bytes"
    return Rule(
        "HomelabBackupGone",
        WARNING,
        HOUR,
        f"last_over_time(homelab_backup_failed{{{where},volume!~{but}}}[2d]) unless on(volume) homelab_backup_failed "
        f'and on(volume) label_join({used}, "volume", "/", "namespace", "persistentvolumeclaim")',
        f"{_WHAT} is not backed up any more",
        f"{_WHAT}: a pod uses it, and its node has forgotten that it was to be backed up. "
        f"`systemctl status homelab-backup-ready` on the node tells whether its metrics are written at all. {_BACKUP}",
    )


def _backups(where: str, late: int) -> list[Rule]:
    success = f"homelab_backup_last_success_timestamp_seconds{{{where}}}"
    return [
        Rule(
            "HomelabBackupOld",
            CRITICAL,
            15 * MINUTE,
            f"time() - {success} > {late}",
            f"{_WHAT} was last backed up {AGE} ago",
            f"{_WHAT} was last backed up {AGE} ago, and {duration(late)} are the most by its schedule. What was "
            f"written since is lost with its disk. {_BACKUP}",
        ),
        Rule(
            "HomelabBackupNever",
            CRITICAL,
            late,
            f'homelab_backup_failed{{{where},volume!~"tier .*"}} unless on(node, volume) {success}',
            f"{_WHAT} was never backed up",
            f"{_WHAT} is to be backed up and never was, for {duration(late)}. All that is in it is lost with its disk. "
            f"{_BACKUP}",
        ),
    ]


def _missing(node: str, volume: str, late: int) -> Rule:
    return absent(
        "HomelabBackupMissing",
        f"homelab_backup_failed{{node={quoted(node)},volume={quoted(volume)}}}",
        late,
        f"Nothing is known of backups of {VOLUME} on node {NODE}",
        f"{_WHAT} is to be backed up, and the node tells nothing of it. Is the folder "
        "/var/lib/prometheus/node-exporter that of node-exporter's textfile collector, and is "
        f"homelab-backup-ready.service active there? {_BACKUP}",
        node=node,
        volume=volume,
    )


def _rehearsals(where: str, old: int) -> list[Rule]:
    verified = f"homelab_backup_last_verified_restore_timestamp_seconds{{{where}}}"
    hope = f"A backup that nobody restored is a hope. {_DRILL}"
    return [
        Rule(
            "HomelabRestoreOld",
            WARNING,
            HOUR,
            f"time() - {verified} > {old}",
            f"The restore of {VOLUME} of node {NODE} was last proven {AGE} ago",
            f"{_WHAT} was last restored and compared {AGE} ago, and {duration(old)} are the most by its rehearsal. "
            f"{hope}",
        ),
        Rule(
            "HomelabRestoreNever",
            WARNING,
            old,
            f"homelab_backup_last_success_timestamp_seconds{{{where}}} unless on(node, volume) {verified}",
            f"The restore of {VOLUME} of node {NODE} was never proven",
            f"{_WHAT} is backed up, and was not once restored and compared in {duration(old)}. {hope}",
        ),
    ]


def _copies(elsewhere: Json) -> list[Rule]:
    """Return the rules of the copy, which one node makes of all backups."""
    where = f"{{node={quoted(elsewhere['node'])}}}"
    success = f"homelab_backup_copy_last_success_timestamp_seconds{where}"
    what = f"The copy of the backups, which node {NODE} makes,"
    # A run may take 23 hours.
    late = _patience(elsewhere["schedule"], 0, DAY)
    rules = [
        Rule(
            "HomelabCopyFailed",
            WARNING,
            5 * MINUTE,
            f"homelab_backup_copy_failed{where} == 1",
            f"{what} failed",
            f"{what} failed, or was ended before all was there. {_COPY}",
        )
    ]
    if late:
        rules += [
            Rule(
                "HomelabCopyOld",
                CRITICAL,
                15 * MINUTE,
                f"time() - {success} > {late}",
                f"{what} was last complete {AGE} ago",
                f"{what} was last complete {AGE} ago, and {duration(late)} are the most by its schedule. What was "
                f"backed up since is lost with the house. {_COPY}",
            ),
            absent(
                "HomelabCopyMissing",
                success,
                late,
                f"{what} never was complete",
                f"{what} never was complete, or the node tells nothing of it, for {duration(late)}. {_COPY}",
                node=elsewhere["node"],
            ),
        ]
    return rules
