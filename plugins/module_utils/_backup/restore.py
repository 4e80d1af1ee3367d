# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore one volume: beside its target, verified, then in place of it in one step; or rehearse that."""

from __future__ import annotations

import datetime
import math
import os
import re
import shutil
import time
import typing as t
from dataclasses import dataclass, field

from .._host.errors import HostError, explained
from .._host.lock import host_lock
from . import btrfs, hooks, record, swap
from .journal import SWAP, Journal, undo, undo_all
from .manifest import read
from .model import DUMP, FILES, MANIFEST, TAG, TIER_TAG, Json, Places, Repository, volume_name
from .observe import mount_at, mounted_by, mounts_of
from .restic import Restic
from .verify import Verdict, demand, newer_than, verify

_WAIT_S = 600.0
_ID = re.compile(r"[0-9a-f]{8,64}|latest")


@dataclass(frozen=True)
class Wish:
    """What to restore, and where to. *lab* is whose snapshots count; *snapshot* an id or latest.

    With *leave_room* a twentieth of the disk has to stay free.
    """

    lab: str
    volume: str
    target: str
    repository: Repository
    snapshot: str = "latest"
    overwrite: bool = False
    leave_room: bool = False
    metrics_file: str = ""
    rehearsal: bool = False
    """What was restored beside the target is verified, and removed; the target is not looked at."""

    def check(self) -> None:
        """Raise HostError for what cannot be meant."""
        volume_name(self.volume)
        attempt = f"Cannot restore {self.volume}"
        if not self.target.startswith("/") or os.path.normpath(self.target) != self.target or self.target == "/":
            raise HostError(attempt, f"target {self.target!r} is no absolute, plain path below /", "Correct it")


@dataclass
class Restored:
    """What a restore did; *snapshot* and *taken* (ISO 8601) say what it is of.

    *dump* is the path of the database in whose place its dump was put, "" where there was none.
    """

    changed: bool = False
    snapshot: str = ""
    taken: str = ""
    files: int = 0
    bytes: int = 0
    seconds: float = 0.0
    verified: bool = False
    dump: str = ""
    unsteady: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)


def restore(wish: Wish, places: Places, check: bool = False) -> Restored:
    """Restore, or in *check* tell what would be. Raises HostError; the target is untouched then."""
    return Work(wish, places).run(check)


def _proof(repository: Repository, seconds: float) -> Json:
    """Return what is recorded of a verified restore; one from the copy proves nothing of the repository."""
    now = math.floor(time.time())
    return {"copy_verified": now} if repository.is_copy else {"verified": now, "restore_seconds": seconds}


def of_lab(restic: Restic, attempt: str, lab: str, *words: str) -> list[Json]:
    """Return the snapshots of a lab as restic has them, oldest first; *words* choose among them. Raises HostError."""
    found = restic.demand(attempt, "snapshots", "--no-lock", f"--tag={TAG}", *words).messages
    own = [one for one in found if str(one.get("hostname", "")).startswith(f"{lab}/")]
    return sorted(own, key=lambda one: moment_ns(one["time"]))


def snapshots(restic: Restic, lab: str, volume: str, view: str) -> list[Json]:
    """Return the snapshots of a lab that have the volume, whatever node it was on, oldest first. Raises HostError."""
    return of_lab(restic, f"Cannot look for snapshots of {volume}", lab, f"--path={view}/{volume}")


def chosen(restic: Restic, attempt: str, lab: str, volume: str, snapshot: str, view: str) -> Json:
    """Return the snapshot of a volume that is meant: an id's first 8 digits or more, or latest. Raises HostError."""
    if not _ID.fullmatch(snapshot):
        raise HostError(attempt, f"snapshot {snapshot!r} is no id of restic", "Use 8 to 64 hex digits, or latest")
    found = snapshots(restic, lab, volume, view)
    if snapshot != "latest":
        found = [one for one in found if one["id"].startswith(snapshot)]
    if not found:
        which = "no snapshot" if snapshot == "latest" else f"no snapshot {snapshot}"
        raise HostError(attempt, f"{which} of lab {lab} has this volume", "See what there is with the verb snapshots")
    return found[-1]


def last_backups(restic: Restic, lab: str, view: str) -> dict[str, Json]:
    """Return the last snapshot of every volume of a lab ("id", "taken", "node", "tier") and their "count".

    The tier is "" where the volume was on none. Raises HostError.
    """
    attempt = "Cannot look for backups"
    found: dict[str, Json] = {}
    restic.reach(attempt)
    for one in of_lab(restic, attempt, lab):
        node = one["hostname"].partition("/")[2]
        tiers = _tiers(one.get("tags") or ())
        names = [path[len(view) + 1 :] for path in one.get("paths") or () if path.startswith(f"{view}/")]
        for name in names:
            count = found.get(name, {"count": 0})["count"] + 1
            tier = tiers.get(name, "")
            found[name] = {"id": one["id"], "taken": one["time"], "node": node, "tier": tier, "count": count}
    return found


def _tiers(tags: t.Iterable[str]) -> dict[str, str]:
    """Return the tier by volume that a snapshot's tags tell of."""
    words = [tag.split(":") for tag in tags]
    return {word[2]: word[1] for word in words if len(word) == 3 and word[0] == TIER_TAG}


def moment_ns(text: str) -> int:
    """Return nanoseconds since the epoch of a time as restic writes it (RFC 3339, up to nanoseconds)."""
    match = re.fullmatch(r"(.{19})(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", text)
    if not match:
        raise ValueError(text)
    zone = "+00:00" if match[3] == "Z" else match[3]
    whole = int(datetime.datetime.fromisoformat(match[1] + zone).timestamp())
    return whole * 10**9 + int((match[2] or "0").ljust(9, "0")[:9])


class Work:
    """The steps of one restore, in their order."""

    def __init__(self, wish: Wish, places: Places) -> None:
        wish.check()
        self._wish, self._places = wish, places
        self._attempt = (
            f"Cannot {'rehearse the restore of' if wish.rehearsal else 'restore'} {wish.volume} to {wish.target}"
        )
        self._restic = Restic(wish.repository, places)
        self.aside = swap.aside_of(wish.target)
        self._snapshot: Json = {}

    def run(self, check: bool) -> Restored:
        """Restore, or in *check* tell what would be. Raises HostError."""
        if check:
            return self.look()
        wish = self._wish
        with host_lock(_WAIT_S, self._places.lock, "restore"):
            began = time.monotonic()
            journal = Journal(self._places)
            undone = undo_all(journal, None)
            result = self.look()
            result.undone = undone
            entries = [journal.add(kind, **what) for kind, what in self.leavings()]
            try:
                self.rehearse(result) if wish.rehearsal else self.carry_out(result)
            finally:
                with explained(f"Cannot clean up beside {wish.target}"):
                    for entry in entries:
                        undo(entry)
                for entry in entries:
                    journal.remove(entry)
            result.seconds = round(time.monotonic() - began, 3)
            if result.verified:
                news = {wish.volume: _proof(wish.repository, result.seconds)}
                record.save(self._places, news, wish.metrics_file)
            return result

    def leavings(self) -> list[tuple[str, Json]]:
        """Return what is to be undone whatever happens, as the journal has it: kind and what."""
        return [(SWAP, {"target": self._wish.target, "aside": self.aside})]

    def look(self) -> Restored:
        """Find the snapshot, and what speaks against it."""
        target = self._wish.target
        if not os.path.isdir(os.path.dirname(target)):
            fix = "Mount the disk, or make the folder"
            raise HostError(self._attempt, f"there is no folder {os.path.dirname(target)}", fix)
        if not self._wish.rehearsal:
            self._refuse_in_use()
        self._restic.reach(self._attempt)
        words = (self._wish.lab, self._wish.volume, self._wish.snapshot, self._places.view)
        self._snapshot = chosen(self._restic, self._attempt, *words)
        taken = moment_ns(self._snapshot["time"])
        present = os.path.lexists(target) and (not os.path.isdir(target) or bool(os.listdir(target)))
        if present and not self._wish.overwrite and not self._wish.rehearsal:
            with explained(self._attempt):
                newer = list(newer_than(target, taken)) if os.path.isdir(target) else [os.path.basename(target)]
            if newer:
                cause = f"it holds files newer than the backup of {self._snapshot['time'][:19]}: {', '.join(newer)}"
                raise HostError(self._attempt, cause, "Set overwrite: true to lose these, or restore elsewhere")
        if self._wish.rehearsal or self._wish.leave_room:
            self._demand_room()
        return Restored(True, self._snapshot["id"], self._snapshot["time"])

    def carry_out(self, result: Restored) -> None:
        """Restore aside, verify, put a dump of SQLite in its database's place, exchange."""
        folder, verdict = self.fetch()
        result.dump = self._put_dump(folder)
        # What lies there now is not quite what the manifest says.
        made = verify(f"{folder}/{FILES}", f"{folder}/{MANIFEST}", contents=False) if result.dump else verdict
        self._into_place(folder)
        self._confirm(folder, made)
        self._tell(result, verdict)

    def rehearse(self, result: Restored) -> None:
        """Restore aside and verify, the dump as well; the caller removes it."""
        folder, verdict = self.fetch()
        if os.path.isdir(f"{folder}/{DUMP}"):
            demand(verify(f"{folder}/{DUMP}", f"{folder}/{DUMP}.{MANIFEST}"), self._attempt)
            hooks.probe(self._wish.volume, f"{folder}/{DUMP}")
        self._tell(result, verdict)

    def _demand_room(self) -> None:
        """Raise HostError where the disk, which apps write to, would be left with less than a twentieth."""
        size = int(record.load(self._places).get(self._wish.volume, {}).get("bytes", 0))
        with explained(self._attempt):
            disk = os.statvfs(os.path.dirname(self._wish.target))
        free, all_of_it = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
        if free - size < all_of_it // 20:
            cause = f"it has {size} bytes; its disk has {free} free, and a twentieth of its {all_of_it} is to stay so"
            raise HostError(self._attempt, cause, "Free space there")

    def _tell(self, result: Restored, verdict: Verdict) -> None:
        result.files, result.bytes, result.verified = verdict.files, verdict.bytes, True
        result.unsteady = verdict.unsteady

    def fetch(self) -> tuple[str, Verdict]:
        """Restore aside and verify; return the folder that has files, manifest and dump, and what was compared."""
        wish, work = self._wish, f"{self.aside}/work"
        with explained(self._attempt):
            swap.remove(self.aside)
            os.makedirs(self.aside, mode=0o700)
            folder = f"{work}/{wish.volume}"
            if self._is_subvolume():
                # It stays one: snapshots, limits and compression hang on that.
                os.makedirs(folder)
                btrfs.create(f"{folder}/{FILES}")
        words = [self._snapshot["id"], f"--target={work}", f"--include=/{wish.volume}", "--sparse", "--no-lock"]
        self._restic.demand(self._attempt, "restore", "--quiet", *words)
        if not os.path.isfile(f"{folder}/{MANIFEST}") or not os.path.isdir(f"{folder}/{FILES}"):
            fix = "Restore another snapshot"
            raise HostError(self._attempt, "the snapshot has not the volume and its manifest", fix)
        verdict = verify(f"{folder}/{FILES}", f"{folder}/{MANIFEST}")
        demand(verdict, self._attempt)
        return folder, verdict

    def _put_dump(self, folder: str) -> str:
        """Have the database that SQLite dumped hold the dump; return its path in the volume, "" of other volumes.

        It stays the file that it is, with its owner, rights, attributes and time. Of backups of before its path was
        written down it is as it was read.
        """
        dump = f"{folder}/{DUMP}"
        head = next(read(f"{dump}.{MANIFEST}")) if os.path.isdir(dump) else {}
        if head.get("hook") != "sqlite":
            return ""
        demand(verify(dump, f"{dump}.{MANIFEST}"), self._attempt)
        path = str(head["database"])
        database = hooks.found_in(f"{folder}/{FILES}", path)
        if not database:
            cause = f"its files have no database {path}, of which there is a dump"
            raise HostError(self._attempt, cause, "Restore another snapshot")
        with explained(self._attempt):
            before = os.stat(database)
            with open(f"{dump}/{hooks.SQLITE_FILE}", "rb") as source, open(database, "r+b") as target:
                shutil.copyfileobj(source, target)
                target.truncate()
            os.utime(database, ns=(before.st_atime_ns, before.st_mtime_ns))
            # They are of what was in it before.
            for suffix in hooks.BESIDE:
                if os.path.lexists(database + suffix):
                    os.unlink(database + suffix)
        return path

    def _into_place(self, folder: str) -> None:
        with explained(self._attempt):
            os.rename(f"{folder}/{FILES}", f"{self.aside}/{swap.NEW}")
            os.sync()
        swap.into_place(self._wish.target, self.aside)

    def _confirm(self, folder: str, before: Verdict) -> None:
        """Look at what lies in place now, all but the contents, before the former content is given up."""
        verdict = verify(self._wish.target, f"{folder}/{MANIFEST}", contents=False)
        if (verdict.files, verdict.bytes) != (before.files, before.bytes) or verdict.differing != before.differing:
            swap.back(self._wish.target, self.aside)
            verdict.differing = [text for text in verdict.differing if text not in before.differing]
            demand(verdict, self._attempt)
            raise HostError(
                self._attempt, "somebody wrote to it meanwhile", "Stop the app that uses it, then run again"
            )

    def _is_subvolume(self) -> bool:
        target = self._wish.target
        if not os.path.isdir(target) or not btrfs.is_subvolume(target):
            return False
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as stream:
            return mount_at(target, mounts_of(stream.read())).kind == "btrfs"

    def _refuse_in_use(self) -> None:
        target = os.path.realpath(self._wish.target)
        if target != self._wish.target:
            raise HostError(self._attempt, f"a link leads to {target}", "Name that folder itself")
        user = mounted_by(target)
        if user:
            raise HostError(self._attempt, f"it is in use: {user}", "Scale the app to 0, and restore then")
