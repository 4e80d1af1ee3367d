# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Helm at a time for each release: locks on the controller, and what their last holder was about.

A lock is an flock on an open file. Helm inherits the file, so the lock is held as long as the run or its Helm lives,
however either of them ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import time
import typing as t
from dataclasses import asdict, dataclass

from .._kube.errors import KubeError
from .model import Release
from .storage import Record

_SIZE = 256
_POLL_S = 0.1


@dataclass(frozen=True)
class Note:
    """What a lock's last holder was about: its process, its run, and the revision and status that Helm was to write.

    status is empty for installations and upgrades, whose records are labelled with the run.
    """

    pid: int = 0
    run: str = ""
    revision: int = 0
    status: str = ""

    def wrote(self, record: Record) -> bool:
        """Return whether *record* is of that run and not of a Helm elsewhere."""
        # Rollbacks and uninstallations carry the label of the run before, so there the status has to do.
        mark = record.status == self.status if self.status else bool(self.run) and record.run == self.run
        return mark and record.revision == self.revision

    def __str__(self) -> str:
        return f"Helm or its run (process {self.pid})"


class Lock:
    """A lock that is held; run is the name by which the records it leads to are known."""

    def __init__(self, handle: int, left: Note) -> None:
        self.left = left
        self.run = secrets.token_hex(8)
        self._handle = handle
        # What a killed holder left stays readable until Helm is about to write something new.
        self._write(Note(os.getpid(), left.run, left.revision, left.status))

    def fileno(self) -> int:
        """Return the descriptor that Helm has to inherit."""
        return self._handle

    def expect(self, revision: int, status: str = "") -> None:
        """Note what Helm is going to write."""
        self._write(Note(os.getpid(), self.run, revision, status))

    def started(self, pid: int) -> None:
        """Note the process of Helm."""
        note = _read(self._handle)
        self._write(Note(pid, note.run, note.revision, note.status))

    def done(self) -> None:
        """Give the lock back; nothing is left to be taken over."""
        self._write(Note())
        self.close()

    def close(self) -> None:
        """Let go of the lock; Helm may still hold it."""
        os.close(self._handle)

    def _write(self, note: Note) -> None:
        # One write of one length: a killed run leaves the old note or the new one.
        os.pwrite(self._handle, json.dumps(asdict(note)).ljust(_SIZE).encode(), 0)


def _read(handle: int) -> Note:
    try:
        return Note(**json.loads(os.pread(handle, _SIZE, 0)))
    except (TypeError, ValueError):
        return Note()


class Locks:
    """The locks below *folder* of the releases on the cluster at *address*; say gets a line when somebody must wait."""

    def __init__(self, folder: str, address: str, say: t.Callable[[str], None]) -> None:
        self._folder = folder
        self._address = address
        self._say = say
        self._held: dict[tuple[str, str], Lock] = {}

    def __getitem__(self, release: Release) -> Lock:
        """Return a lock that was taken."""
        return self._held[release.key]

    def look(self, release: Release) -> tuple[bool, Note]:
        """Return whether somebody else holds the lock, and the last note; nothing is written."""
        try:
            handle = os.open(self._path(release), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False, Note()
        try:
            return not _try(handle, fcntl.LOCK_SH), _read(handle)
        finally:
            os.close(handle)

    def take(self, releases: t.Iterable[Release]) -> list[str]:
        """Take the locks that are not held yet; return a sentence for each whose holder's end was waited for.

        Raises KubeError naming the process that held one for longer than the release's timeout.
        """
        # All runs take them in the same order, so that no two wait for each other.
        wanted = sorted((release for release in releases if release.key not in self._held), key=lambda one: one.key)
        return [told for told in map(self._take, wanted) if told]

    def close(self) -> None:
        """Let go of all locks."""
        while self._held:
            self._held.popitem()[1].close()

    def keep(self, releases: t.Iterable[Release]) -> None:
        """Give the locks of all other releases back."""
        kept = {release.key for release in releases}
        for key in [key for key in self._held if key not in kept]:
            self._held.pop(key).done()

    def done(self, release: Release) -> None:
        """Give the lock of a release back that was made as wanted."""
        self._held.pop(release.key).done()

    def _take(self, release: Release) -> str:
        path = self._path(release)
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise KubeError(
                f"Locking {release}: {path} cannot be opened ({exc.strerror}). Make its folder writable, or set "
                "XDG_STATE_HOME to another one."
            ) from None
        try:
            told = self._wait(handle, release)
        except BaseException:
            os.close(handle)
            raise
        self._held[release.key] = Lock(handle, _read(handle))
        return told

    def _wait(self, handle: int, release: Release) -> str:
        if _try(handle, fcntl.LOCK_EX):
            return ""
        holder = _read(handle)
        self._say(f"{release}: {holder} is still at it, waiting for its end")
        deadline = time.monotonic() + release.timeout
        while not _try(handle, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise KubeError(
                    f"Changing {release}: {_read(handle)} has been at it for over {release.timeout} s. "
                    "Run again after its end, or look at it with ps and end it if it hangs."
                )
            time.sleep(_POLL_S)
        return f"{release}: the end of {holder} was waited for"

    def _path(self, release: Release) -> str:
        cluster = hashlib.sha256(self._address.encode()).hexdigest()[:12]
        return os.path.join(self._folder, f"{release.namespace}.{release.name}.{cluster}.lock")


def _try(handle: int, operation: int) -> bool:
    try:
        fcntl.flock(handle, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
