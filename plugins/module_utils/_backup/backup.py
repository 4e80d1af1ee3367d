# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Back up all volumes of the node by one run of restic."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import time
import typing as t
from dataclasses import dataclass, field

from .._host.errors import HostError, explained
from .._host.lock import host_lock
from . import last, manifest, record, sources, view
from .causes import INCOMPLETE
from .discover import Found, find
from .journal import UNLOCK, Journal, undo_all
from .model import AS_IS, DUMP, FILES, MANIFEST, TAG, Json, Places, Wanted
from .observe import observe
from .plan import Plan, Step, make_plan
from .pods import Crictl, Pods
from .process import there
from .restic import Answer, Restic, Waiting

ATTEMPT = "Cannot back up the volumes of this node"
_WAIT_S = 600.0
_END_S = 10.0
PID = "restic.pid"

# A volume, and the folder in which it is read.
Opened = tuple[Step, str]


@dataclass
class Result:
    """What a run did. *snapshot* is "" when nothing had changed; *bytes_added* are those the repository grew by.

    *steps* is how each was read, *volumes* has what was taken by name, *failed* why one was not, or not all of it.
    """

    snapshot: str = ""
    bytes_added: int = 0
    seconds: float = 0.0
    volumes: dict[str, Json] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


def look(wanted: Wanted) -> Plan:
    """Return how the volumes of the node would be read, and which cannot be."""
    return _plan(find(wanted))


def _plan(found: Found) -> Plan:
    plan = make_plan(found.volumes, observe(found.volumes), there("btrfs"))
    plan.refused.update(found.refused)
    plan.notes += found.notes
    return plan


def undo(wanted: Wanted, places: Places) -> list[str]:
    """Undo what an ended run left. Raises HostError."""
    with host_lock(_WAIT_S, places.lock, "backup"):
        return _begin(wanted, places)[1]


def run(wanted: Wanted, places: Places, pods: Pods | None = None, patience: str = "0s") -> Result:
    """Back up; *patience* (restic's, such as 1h) is for who forgets and prunes meanwhile, alone with the repository.

    Raises HostError when there is no snapshot for a reason that concerns all volumes.
    """
    with host_lock(_WAIT_S, places.lock, "backup"):
        began = time.monotonic()
        journal, undone = _begin(wanted, places)
        found = find(wanted)
        plan = _plan(found)
        result = Result(failed=dict(plan.refused), warnings=plan.warnings, undone=undone, steps=plan.steps)
        try:
            if plan.steps:
                Restic(wanted.repository, places).reach(ATTEMPT)
                _Run(wanted, places, journal, pods or Crictl(), result, patience).take(plan.steps)
        except HostError:
            failed = {name: {"failed": 1} for name in _names(found, places)}
            record.save(places, failed, wanted.metrics_file, only=True)
            raise
        result.seconds = round(time.monotonic() - began, 3)
        record.save(places, _news(found, result, places), wanted.metrics_file, only=True)
        return result


def _begin(wanted: Wanted, places: Places) -> tuple[Journal, list[str]]:
    journal = Journal(places)
    restic = Restic(wanted.repository, places)

    def unlock() -> None:
        await_end(places)
        restic.reach("Cannot take away locks of ended processes")
        restic.demand("Cannot take away locks of ended processes", "unlock")

    undone = undo_all(journal, unlock)
    with explained(f"Cannot empty {places.work}"):
        if os.path.lexists(places.work):
            shutil.rmtree(places.work)
        os.makedirs(places.work, mode=0o700)
    return journal, undone


def await_end(places: Places) -> None:
    """Wait for a restic that ends with the run that started it: the lock of a process that is still there stays."""
    end = time.monotonic() + _END_S
    with contextlib.suppress(OSError), open(f"{places.work}/{PID}", encoding="ascii") as stream:
        process = stream.read()
        while time.monotonic() < end:
            with open(f"/proc/{process}/comm", encoding="ascii") as about:
                if about.read().strip() != "restic":
                    return
            time.sleep(0.05)


def _names(found: Found, places: Places) -> list[str]:
    """Return whom there is something to tell of: what is on a disk that is away is known from the time before."""
    away = tuple(f"{tier.folder}/" for tier in found.away)
    known = [name for name, facts in record.load(places).items() if str(facts.get("path", "")).startswith(away)]
    return sorted({*(volume.name for volume in found.volumes), *found.refused, *(known if away else [])})


def _news(found: Found, result: Result, places: Places) -> dict[str, Json]:
    paths = {volume.name: volume.path for volume in found.volumes}
    now, news = math.floor(time.time()), {}
    for name in _names(found, places):
        facts: Json = {"failed": int(name in result.failed or name not in paths), "seconds": result.seconds}
        if name in paths:
            facts["path"] = paths[name]
        if name in result.volumes and not facts["failed"]:
            facts.update(success=now, bytes=result.volumes[name]["bytes"])
        news[name] = facts
    return news


class _Run:
    def __init__(
        self, wanted: Wanted, places: Places, journal: Journal, pods: Pods, result: Result, patience: str
    ) -> None:
        self._wanted, self._places, self._journal, self._pods = wanted, places, journal, pods
        self._result, self._patience = result, patience
        self._restic = Restic(wanted.repository, places)

    def take(self, steps: t.Sequence[Step]) -> None:
        failed = self._result.failed
        for step in steps:
            view.make_folders(self._places, step.volume.name, step.dumps)
        # Databases first: theirs take longest, and nobody stands still for them.
        self._dump_all([(step, step.real) for step in steps if step.dumps_alive])
        left = [step for step in steps if step.volume.name not in failed]
        same = last.unchanged(left, self._wanted, self._places)
        if same is not None:
            for step, foot in zip(left, same):
                self._tell(step, manifest.Taken(foot["files"], foot["bytes"]))
            return
        with sources.opened(left, self._journal, self._pods, failed) as folders:
            opened = [(step, folders[step.volume.name]) for step in left if step.volume.name in folders]
            self._dump_all([(step, folder) for step, folder in opened if step.dumps and not step.dumps_alive])
            self._save(self._kept(opened))
        for step, _folder in self._kept(opened):
            if step.method == AS_IS:
                self._tell_changes(step)

    def _kept(self, opened: t.Sequence[Opened]) -> list[Opened]:
        """Return those that did not fail."""
        return [(step, folder) for step, folder in opened if step.volume.name not in self._result.failed]

    def _dump_all(self, opened: t.Sequence[Opened]) -> None:
        """Dump some at a time."""
        if opened:
            # Most nodes have none, and importing these takes longer than to look whether anything changed.
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(self._wanted.parallel) as pool:
                for _done in pool.map(lambda one: self._try(self._dump, *one), opened):
                    pass

    def _try(self, what: t.Callable[[Step, str], None], step: Step, source: str) -> None:
        """Do it for a volume; one that fails is left out, with the reason."""
        try:
            what(step, source)
        except HostError as exc:
            self._result.failed[step.volume.name] = str(exc)

    def _dump(self, step: Step, source: str) -> None:
        if step.volume.hook:
            from . import hooks

            folder = f"{self._places.of(step.volume.name)}/{DUMP}"
            hooks.dump(step.volume, step.volume.hook, source, step.method, folder, self._places.work, self._pods)

    def _describe(self, step: Step, source: str) -> None:
        name = step.volume.name
        folder = self._places.of(name)
        if step.dumps:
            place = f"{folder}/{DUMP}"
            manifest.write(place, f"{place}.{MANIFEST}", name, step.method, self._places.work, step.dumped)
        elif os.path.lexists(f"{folder}/{DUMP}.{MANIFEST}"):
            os.unlink(f"{folder}/{DUMP}.{MANIFEST}")
        taken = manifest.write(source, f"{folder}/{MANIFEST}", name, step.method, self._places.work)
        self._tell(step, taken)
        if taken.left_out:
            self._result.failed[name] = (
                f"a btrfs subvolume lies in it and is not in the snapshot: {taken.left_out[0]}. "
                "Make it a folder, or name it as a volume of its own."
            )

    def _tell(self, step: Step, taken: manifest.Taken) -> None:
        self._result.volumes[step.volume.name] = {
            "method": step.method,
            "files": taken.files,
            "bytes": taken.bytes,
            "changed": taken.changed,
            "unsteady": taken.unsteady,
        }

    def _save(self, opened: t.Sequence[Opened]) -> None:
        """Write the manifests while restic opens the repository, then have it save them and the folders."""
        if not opened:
            return
        with self._restic_before(opened) as waiting:
            for step, folder in opened:
                if step.volume.name not in self._result.volumes:
                    self._try(self._describe, step, folder)
            kept = self._kept(opened)
            answer = waiting.go_on() if len(kept) == len(opened) else None
        latest = last.Last(self._wanted, self._places, [step for step, _folder in kept])
        if answer:
            self._note(answer, latest)
        elif not latest.is_this(self._restic):
            self._save(kept)

    @contextlib.contextmanager
    def _restic_before(self, opened: t.Sequence[Opened]) -> t.Iterator[Waiting]:
        """Give a restic that sees the folders at their places, and saves them when it is told to go on."""
        names = f"{self._places.work}/names"
        with explained(f"Cannot write {names}"), open(names, "wb") as stream:
            stream.writelines(os.fsencode(step.volume.name) + b"\0" for step, _folder in opened)
        binds = {f"{self._places.of(step.volume.name)}/{FILES}": folder for step, folder in opened}
        words = ["backup", f"--files-from-raw={names}", "--skip-if-unchanged", "--no-scan", "--quiet"]
        words += [f"--host={self._wanted.host}", "--group-by=host", f"--tag={TAG}"]
        words += [f"--tag={step.volume.tag}" for step, _folder in opened if step.volume.tag]
        # A lock of restic may be all that a killed run leaves.
        lock = self._journal.add(UNLOCK)
        try:
            with view.seen(binds) as show, contextlib.ExitStack() as stack:

                def prepare() -> None:
                    # This process becomes restic.
                    with open(f"{self._places.work}/{PID}", "w", encoding="ascii") as stream:
                        stream.write(str(os.getpid()))
                    show()

                how: t.Any = {"patience": self._patience, "cwd": self._places.view, "prepare": prepare}
                yield stack.enter_context(self._restic.waiting(ATTEMPT, *words, **how))
        except HostError:
            # Restic came to an end of its own.
            self._journal.remove(lock)
            raise
        self._journal.remove(lock)

    def _note(self, answer: Answer, latest: last.Last) -> None:
        """Note what restic tells of what it saved."""
        told = answer.last("summary")
        self._result.snapshot = str(told.get("snapshot_id", ""))
        self._result.bytes_added = int(told.get("data_added_packed", 0))
        if answer.code == INCOMPLETE:
            self._tell_incomplete(answer)
        elif self._result.snapshot:
            latest.keep(self._result.snapshot)

    def _tell_incomplete(self, answer: Answer) -> None:
        for error in answer.errors:
            place = str(error.get("item", "")).removeprefix(self._places.view + "/").lstrip("/")
            name = "/".join(place.split("/")[:2])
            said = (error.get("error") or {}).get("message", "it could not be read")
            self._result.failed.setdefault(name, f"the snapshot lacks a part of it: {said}. Look at that file.")
        if not answer.errors:
            self._result.warnings.append(f"restic says that the snapshot is incomplete: {answer.words}")

    def _tell_changes(self, step: Step) -> None:
        name = step.volume.name
        facts = self._result.volumes[name]
        with contextlib.suppress(HostError):
            later = manifest.changed_since(step.real, f"{self._places.of(name)}/{MANIFEST}")
            facts["unsteady"] = sorted({*facts["unsteady"], *later})
        if facts["unsteady"]:
            some = ", ".join(facts["unsteady"][:5])
            self._result.warnings.append(f"{name}: {len(facts['unsteady'])} files changed while they were read: {some}")
