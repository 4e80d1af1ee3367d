# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The copy of the repository elsewhere: one node copies to it what it lacks."""

from __future__ import annotations

import json
import math
import os
import time
import typing as t
from dataclasses import dataclass, field

from .._host.errors import HostError, explained
from .._host.lock import host_lock
from . import repository
from .backup import PID, await_end
from .journal import write_whole
from .model import Json, Places, Wanted
from .restic import Restic
from .restore import moment_ns, of_lab

ATTEMPT = "Cannot copy the backups"
_WAIT_S = 600.0
# A first copy takes as long as the line is slow; the next begins a day later.
_MOST_S = 23 * 3600.0
METRICS = {
    "success": (
        "homelab_backup_copy_last_success_timestamp_seconds",
        "When all that the repository had was last found in the copy.",
    ),
    "failed": ("homelab_backup_copy_failed", "1 when the last run that copies failed or was ended, else 0."),
}


@dataclass
class Copied:
    """What a run did, or would do. *snapshots* lacked in the copy ("id", "host", "taken"), oldest first.

    *count* is how many the copy had before, *success* when it was last complete (seconds since the epoch, 0: never).
    """

    snapshots: list[Json] = field(default_factory=list)
    count: int = 0
    made: bool = False
    success: int = 0
    seconds: float = 0.0


def run(wanted: Wanted, places: Places, check: bool = False, patience: str = "0s") -> Copied:
    """Copy what the copy lacks, or in *check* tell what that is; *patience* is for locks of others. Raises HostError.

    What an ended run has copied stays: the next goes on.
    """
    if check:
        return _Run(wanted, places).look()
    # Not the lock of backups, which go on meanwhile.
    with host_lock(_WAIT_S, places.copy.lock, "copy"):
        work, news = _Run(wanted, places), {"failed": 1}
        try:
            done = work.carry_out(patience)
            news = {"failed": 0, "success": done.success, **work.done()}
        finally:
            with explained(f"Cannot write {_record(places)}"):
                write_whole(_record(places), json.dumps({**load(places), **news}))
            publish(wanted, places)
        return done


def lacking(there: t.Sequence[Json], present: t.Sequence[Json], former: t.Collection[str]) -> list[Json]:
    """Return what of the snapshots *there* is not *present* in the copy, oldest first. Pure.

    *former* are ids of those that were copied before: what the copy has forgotten of them is not copied again. The last
    of each node is nothing that anybody forgets.
    """
    ordered = sorted(there, key=lambda one: moment_ns(one["time"]))
    last = {one["hostname"]: one["id"] for one in ordered}.values()
    here = {_origin(one) for one in present}
    return [one for one in ordered if _origin(one) not in here and (one["id"] not in former or one["id"] in last)]


def _origin(snapshot: Json) -> str:
    """Return the id that a snapshot has in all repositories that it was copied to."""
    return str(snapshot.get("original") or snapshot["id"])


class _Run:
    def __init__(self, wanted: Wanted, places: Places) -> None:
        copy = wanted.of_copy()
        self._wanted, self._copy, self._places = wanted, copy, places
        self._attempt = f"{ATTEMPT} to {copy.repository.url}"
        self._source = Restic(wanted.repository, places)
        self._target = Restic(copy.repository, places)
        self._mark = f"{places.copy.work}/{PID}"
        self._there: list[Json] = []

    def look(self) -> Copied:
        """Find what is lacking."""
        self._read_source()
        made = repository.is_to_be_made(self._copy, self._places.copy)
        present = [] if made else self._present()
        return self._told(self._lacking(present), len(present), made, int(load(self._places).get("success", 0)))

    def carry_out(self, patience: str) -> Copied:
        """Copy it, and look whether it is there."""
        began, now = time.monotonic(), math.floor(time.time())
        self._read_source()
        state = repository.ready(self._copy, self._places.copy, source=self._wanted.repository)["state"]
        self._target.reach(self._attempt)
        self._unlock()
        present = self._present()
        missing = self._lacking(present)
        if missing:
            self._transfer(missing, began, patience)
            self._demand_all()
        done = self._told(missing, len(present), state == repository.MADE, now)
        done.seconds = round(time.monotonic() - began, 3)
        return done

    def done(self) -> Json:
        """Return what the next run is to know of this one."""
        return {"repository": repository.known(self._places.copy), "snapshots": [one["id"] for one in self._there]}

    def _read_source(self) -> None:
        self._source.reach(self._attempt)
        self._there = of_lab(self._source, self._attempt, self._wanted.lab)

    def _present(self) -> list[Json]:
        return of_lab(self._target, self._attempt, self._wanted.lab)

    def _lacking(self, present: t.Sequence[Json]) -> list[Json]:
        before = load(self._places)
        same = before.get("repository") == repository.known(self._places.copy)
        return lacking(self._there, present, frozenset(before.get("snapshots", ()) if same else ()))

    def _unlock(self) -> None:
        """Take away the locks that a run left which did not end well; restic may still be about to end with it."""
        if os.path.lexists(self._mark):
            await_end(self._places.copy)
            for one in (self._source, self._target):
                one.demand(self._attempt, "unlock")
            self._unmark()

    def _transfer(self, missing: t.Sequence[Json], began: float, patience: str) -> None:
        restic = Restic(self._copy.repository, self._places, self._wanted.repository)
        names = [one["id"] for one in missing]
        try:
            restic.demand(
                self._attempt, "copy", "--quiet", *names, patience=patience, timeout=_MOST_S, prepare=self._mark_begin
            )
        except HostError as exc:
            if time.monotonic() - began < _MOST_S:
                raise
            cause = f"it took more than {_MOST_S / 3600:.0f} hours, and was ended"
            raise HostError(self._attempt, cause, "What was copied stays; the next run goes on") from exc
        self._unmark()

    def _mark_begin(self) -> None:
        # This process becomes restic.
        os.makedirs(self._places.copy.work, mode=0o700, exist_ok=True)
        with open(self._mark, "w", encoding="ascii") as stream:
            stream.write(str(os.getpid()))

    def _unmark(self) -> None:
        with explained(f"Cannot remove {self._mark}"):
            os.unlink(self._mark)

    def _demand_all(self) -> None:
        """Restic leaves out a snapshot that it cannot read, and is content."""
        self._read_source()
        left = self._lacking(self._present())
        if left:
            names = ", ".join(f"{one['id'][:8]} of {one['hostname']}" for one in left[:5])
            fix = "Run again; if that is all, `restic check` of the repository tells what it lacks"
            raise HostError(self._attempt, f"{len(left)} snapshots are not there afterwards: {names}", fix)

    def _told(self, missing: t.Sequence[Json], count: int, made: bool, success: int) -> Copied:
        told = [{"id": one["id"], "host": one["hostname"], "taken": one["time"]} for one in missing]
        return Copied(told, count, made, success)


def _record(places: Places) -> str:
    return f"{places.copy.state}/copied.json"


def load(places: Places) -> Json:
    """Return what is known of the copy, nothing when that cannot be read."""
    try:
        with open(_record(places), encoding="utf-8") as stream:
            return dict(json.load(stream))
    except (OSError, ValueError):
        return {}


def publish(wanted: Wanted, places: Places) -> None:
    """Write what is known of the copy for node-exporter, if it is to be. Raises HostError."""
    if not wanted.copy or not wanted.copy.metrics_file:
        return
    known = load(places)
    lines = []
    for key, (metric, about) in METRICS.items():
        if key in known:
            lines += [f"# HELP {metric} {about}\n", f"# TYPE {metric} gauge\n", f"{metric} {known[key]}\n"]
    with explained(f"Cannot write {wanted.copy.metrics_file}"):
        write_whole(wanted.copy.metrics_file, "".join(lines), 0o644)
