# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a run for machines, and its file."""

from __future__ import annotations

import datetime
import json
import os
import tempfile
import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.atarnet.homelab.plugins.module_utils._progress.model import Json, Run, Seen

VERSION = 1
_HOST_COUNTS = ("ok", "changed", "failed", "unreachable", "skipped")


class ReportError(Exception):
    """A report that cannot be written; the text names the file, the cause and the fix."""

    def __init__(self, path: str, cause: str) -> None:
        super().__init__(f"Writing the report {path}: {cause}. Name a file in a folder that can be written to.")


def document(run: Run) -> Json:
    """Return the report. Of a result it holds changes and failure messages only: no arguments, diffs or output."""
    return {
        "version": VERSION,
        "started": _moment(run.started),
        "ended": _moment(run.started + run.seconds),
        "playbook": " ".join(run.playbooks),
        "check_mode": run.check,
        "seconds": round(run.seconds, 3),
        "outcome": run.outcome,
        "phases": [
            {"name": phase.name, "seconds": round(phase.seconds, 3), "changed": phase.changes} for phase in run.phases
        ],
        "hosts": {host: {name: counts.get(name, 0) for name in _HOST_COUNTS} for host, counts in run.hosts.items()},
        "tasks": [_task(entry) for entry in run.seen],
        "requests": dict(run.requests),
        "helm_runs": run.helm_runs,
    }


def _task(entry: Seen) -> Json:
    return {
        "phase": entry.task.phase.name,
        "task": entry.task.name,
        "action": entry.task.action,
        "host": entry.host,
        "outcome": entry.outcome,
        "check_mode": entry.check,
        "seconds": round(entry.seconds, 3),
        "changes": entry.changes,
        "message": entry.message,
    }


def _moment(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def remove(path: str) -> None:
    """Remove an earlier run's report, so that a file that is there tells of a run that ended. Raises ReportError."""
    try:
        if os.path.lexists(path):
            _refuse_other_than_file(path)
            os.unlink(path)
    except OSError as exc:
        raise ReportError(path, exc.strerror or str(exc)) from exc


def write(path: str, report: Json) -> None:
    """Write the report for its owner's eyes only: whole, or not at all. Raises ReportError."""
    folder, name = os.path.split(path)
    try:
        _refuse_other_than_file(path)
        # mkstemp gives the file mode 0600.
        handle, temporary = tempfile.mkstemp(dir=folder or ".", prefix=f".{name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(report, stream, indent=1)
                stream.write("\n")
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as exc:
        raise ReportError(path, exc.strerror or str(exc)) from exc


def _refuse_other_than_file(path: str) -> None:
    # Replacing a device such as /dev/null would take it from the machine.
    if os.path.lexists(path) and not os.path.isfile(path):
        raise ReportError(path, "it is not a regular file")
