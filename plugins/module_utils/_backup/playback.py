# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Play the dump of a database back into the one that runs: from restic into its pod, nothing of it lies on the node."""

from __future__ import annotations

import contextlib
import hashlib
import time
import typing as t
from dataclasses import dataclass, field

from .._host.errors import HostError
from .._host.lock import host_lock
from . import hooks
from .discover import one
from .journal import Journal, undo_all
from .manifest import parsed
from .model import DUMP, MANIFEST, Json, Places, Wanted
from .pods import Crictl, Pods
from .restic import Restic
from .restore import chosen

_WAIT_S = 600.0
_PIECE = 1 << 20
_MOST = 5


@dataclass(frozen=True)
class Request:
    """Which volume's database, as of which *snapshot* (an id or latest), and whether what it has now may be lost."""

    volume: str
    snapshot: str = "latest"
    overwrite: bool = False


@dataclass
class Played:
    """What was played back; *snapshot* and *taken* (ISO 8601) say what it is of, *bytes* are those of the dump.

    *tables* are those that the *database* had before.
    """

    changed: bool = False
    snapshot: str = ""
    taken: str = ""
    database: str = ""
    tables: list[str] = field(default_factory=list)
    bytes: int = 0
    seconds: float = 0.0
    verified: bool = False
    undone: list[str] = field(default_factory=list)


def play(wanted: Wanted, places: Places, request: Request, check: bool = False, pods: Pods | None = None) -> Played:
    """Play the dump of a volume that this node has back, or in *check* tell what would be. Raises HostError.

    PostgreSQL takes all of it or nothing; what MySQL had taken before something went wrong, it keeps.
    """
    return _Work(wanted, places, request, pods or Crictl()).run(check)


class _Work:
    """The steps, in their order."""

    def __init__(self, wanted: Wanted, places: Places, request: Request, pods: Pods) -> None:
        self._attempt = f"Cannot play the dump of {request.volume} back"
        self._wanted, self._places, self._request, self._pods = wanted, places, request, pods
        self._restic = Restic(wanted.repository, places)
        self._volume = one(wanted, request.volume, self._attempt, "Start the app, so that the claim gets its volume")
        hook = self._volume.hook
        if not hook or hook.kind not in hooks.SERVED:
            cause = f"it has no hook of {' or '.join(hooks.SERVED)}, which would tell its pod and its database"
            fix = "Add one to homelab_backup.hooks; a dump of SQLite comes back with the files of its volume"
            raise HostError(self._attempt, cause, fix)
        self._hook = hook
        self._file = f"/{request.volume}/{DUMP}/{hooks.NAMES[hook.kind]}"
        self._saved: Json = {}

    def run(self, check: bool) -> Played:
        """Play it back, or in *check* tell what would be. Raises HostError."""
        if check:
            return self._look()
        # No backup may dump what is only half there.
        with host_lock(_WAIT_S, self._places.lock, "restore"):
            began = time.monotonic()
            undone = undo_all(Journal(self._places), None)
            result = self._look()
            result.undone = undone
            self._demand_whole(result.snapshot)
            with self._reading(result.snapshot) as stream:
                self._in_pod(hooks.play_command(self._hook), stream)
            result.seconds, result.verified = round(time.monotonic() - began, 3), True
            return result

    def _look(self) -> Played:
        """Find the dump, and what speaks against it."""
        tables = self._in_pod(hooks.tables_command(self._hook)).decode("utf-8", "replace").split("\n")[:-1]
        database = self._hook.database
        if tables and not self._request.overwrite:
            some, more = ", ".join(tables[:_MOST]), len(tables) - _MOST
            cause = f"the database {database} has tables: {some}{f' and {more} more' if more > 0 else ''}"
            fix = "Set overwrite: true to have those of the dump in their place, or empty the database"
            raise HostError(self._attempt, cause, fix)
        self._restic.reach(self._attempt)
        words = (self._wanted.lab, self._request.volume, self._request.snapshot, self._places.view)
        snapshot = chosen(self._restic, self._attempt, *words)
        self._saved = self._described(snapshot)
        return Played(True, snapshot["id"], snapshot["time"], database, tables, self._saved["size"])

    def _described(self, snapshot: Json) -> Json:
        """Return what was written down of the dump when it was saved."""
        folder = f"/{self._request.volume}/{DUMP}"
        listed = self._restic.demand(self._attempt, "ls", "--no-lock", snapshot["id"], folder).messages
        if self._file not in [node.get("path") for node in listed]:
            cause = f"the backup of {snapshot['time'][:19]} has no dump of {self._hook.kind}"
            fix = "Choose another snapshot, or restore the files of the volume"
            raise HostError(self._attempt, cause, fix)
        words = ("dump", "--no-lock", snapshot["id"], f"{folder}.{MANIFEST}")
        lines = self._restic.demand(self._attempt, *words).out.splitlines()
        name = hooks.NAMES[self._hook.kind]
        return next(line for line in list(parsed(lines, self._attempt)) if line.get("path") == name)

    def _demand_whole(self, snapshot: str) -> None:
        """Raise HostError unless the dump is what was saved: read once for that, before anything is touched."""
        value = hashlib.sha256()
        with self._reading(snapshot) as stream:
            for piece in iter(lambda: stream.read(_PIECE), b""):
                value.update(piece)
        if value.hexdigest() != self._saved["sha256"]:
            fix = "Choose another snapshot, and run the verb check with data"
            raise HostError(self._attempt, "the dump is not what was saved", fix)

    def _reading(self, snapshot: str) -> contextlib.AbstractContextManager[t.BinaryIO]:
        return self._restic.reading(self._attempt, "dump", "--no-lock", snapshot, self._file)

    def _in_pod(self, command: list[str], source: t.BinaryIO | None = None) -> bytes:
        return self._pods.run(self._volume.namespace, self._hook, command, source=source)
