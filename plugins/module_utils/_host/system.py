# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: the one door to the host; every path can be put under another root for tests."""

from __future__ import annotations

import errno
import grp
import hashlib
import os
import pwd
import shutil
import typing as t

from .commands import Runner, RunResult
from .errors import HostError, explained

TEMPORARY = ".atarnet-new"


class System:
    """Files, accounts and commands of one host. All paths are the host's; ``root`` is put before them."""

    def __init__(self, root: str, runner: Runner) -> None:
        self._root = root.rstrip("/")
        self._runner = runner
        self._names: dict[tuple[str, int], str] = {}

    def real(self, path: str) -> str:
        """The path to open for a path of the host."""
        return self._root + path

    def run(self, *argv: str, data: str | None = None) -> RunResult:
        """Run a command, with *data* on its standard input, and return its result, whatever it is."""
        return self._runner(argv) if data is None else self._runner(argv, data)

    def demand(self, attempted: str, fix: str, *argv: str, data: str | None = None) -> str:
        """Run a command that must succeed; returns its output, raises HostError with the end of its complaint."""
        result = self.run(*argv, data=data)
        if result.rc != 0:
            said = [line.strip() for line in (result.stderr or result.stdout).splitlines() if line.strip()]
            cause = "; ".join(said[-4:]) or "it said nothing"
            raise HostError(attempted, f"`{' '.join(argv[:6])}` ended with {result.rc}: {cause}", fix)
        return result.stdout

    # Looking

    def lstat(self, path: str) -> os.stat_result | None:
        """What lies at a path, links not followed; None when nothing does."""
        try:
            return os.lstat(self.real(path))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def is_directory(self, path: str) -> bool:
        """Whether a path leads to a folder, links followed."""
        return os.path.isdir(self.real(path))

    def exists(self, path: str) -> bool:
        """Whether anything lies at a path."""
        return self.lstat(path) is not None

    def readlink(self, path: str) -> str:
        """The target of a link."""
        return os.readlink(self.real(path))

    def children(self, path: str) -> list[str]:
        """The sorted names in a folder, none when there is no such folder."""
        try:
            return sorted(name for name in os.listdir(self.real(path)) if not name.endswith(TEMPORARY))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def read(self, path: str) -> bytes:
        """All bytes of a file."""
        with explained(f"Cannot read {path}"), open(self.real(path), "rb") as stream:
            return stream.read()

    def read_text(self, path: str) -> str:
        """The text of a file, empty when there is none to read."""
        try:
            with open(self.real(path), encoding="utf-8", errors="replace") as stream:
                return stream.read()
        except OSError:
            return ""

    def sha256(self, path: str) -> str:
        """The SHA-256 of a file, read in pieces."""
        value = hashlib.sha256()
        with explained(f"Cannot read {path}"), open(self.real(path), "rb") as stream:
            for piece in iter(lambda: stream.read(1 << 20), b""):
                value.update(piece)
        return value.hexdigest()

    # Accounts

    def uid(self, name: str) -> int | None:
        """The number of a user, None when unknown."""
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            return None

    def gid(self, name: str) -> int | None:
        """The number of a group, None when unknown."""
        try:
            return grp.getgrnam(name).gr_gid
        except KeyError:
            return None

    def name_of(self, kind: str, number: int) -> str:
        """The name of a ``user`` or ``group`` number, the number itself when it has none."""
        key = (kind, number)
        if key not in self._names:
            try:
                self._names[key] = pwd.getpwuid(number)[0] if kind == "user" else grp.getgrgid(number)[0]
            except KeyError:
                self._names[key] = str(number)
        return self._names[key]

    # Changing

    def write(self, path: str, pieces: t.Iterable[bytes], mode: int, uid: int, gid: int) -> str:
        """Replace a file in one step with mode and owner; returns the SHA-256 of what was written.

        The new file lies beside the old one until it is complete and on the disk. Its name is fixed,
        so that what a killed run left is overwritten and not collected.
        """
        folder, name = os.path.split(self.real(path))
        temporary = os.path.join(folder, f".{name}{TEMPORARY}")
        with explained(f"Cannot write {path}"):
            self._discard(temporary)
            try:
                value = self._fill(temporary, pieces, mode, uid, gid)
                self._move(temporary, self.real(path))
            except BaseException:
                self._discard(temporary)
                raise
            self._sync_folder(folder)
        return value

    def _move(self, temporary: str, target: str) -> None:
        """Rename; a file that is a mount point itself (/etc/hosts of a container) can only be overwritten."""
        try:
            os.rename(temporary, target)
        except OSError as exc:
            if exc.errno != errno.EBUSY:
                raise
            shutil.copyfile(temporary, target)
            shutil.copymode(temporary, target)
            self._own(target, os.stat(temporary).st_uid, os.stat(temporary).st_gid)
            self._discard(temporary)

    def _fill(self, temporary: str, pieces: t.Iterable[bytes], mode: int, uid: int, gid: int) -> str:
        value = hashlib.sha256()
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as stream:
            for piece in pieces:
                stream.write(piece)
                value.update(piece)
            stream.flush()
            self._own(handle, uid, gid)
            os.fchmod(handle, mode)
            os.fsync(handle)
        return value.hexdigest()

    @staticmethod
    def _own(target: int | str, uid: int, gid: int) -> None:
        """Give a file its owner, without asking for a right that is not needed."""
        now = os.stat(target)
        if (now.st_uid, now.st_gid) != (uid, gid):
            os.chown(target, uid, gid)

    @staticmethod
    def _discard(real: str) -> None:
        if os.path.lexists(real):
            os.unlink(real)

    @staticmethod
    def _sync_folder(real: str) -> None:
        handle = os.open(real, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def write_value(self, path: str, value: str) -> None:
        """Write to a file of the kernel, which cannot be replaced."""
        with explained(f"Cannot set {path} to {value!r}"), open(self.real(path), "w", encoding="utf-8") as stream:
            stream.write(value)

    def set_attributes(self, path: str, mode: int, uid: int, gid: int) -> None:
        """Give an existing file or folder its owner, then its mode (a change of owner clears setuid)."""
        with explained(f"Cannot set mode and owner of {path}"):
            self._own(self.real(path), uid, gid)
            os.chmod(self.real(path), mode)

    def make_directory(self, path: str, mode: int, uid: int, gid: int) -> None:
        """Make one folder."""
        with explained(f"Cannot create directory {path}"):
            os.mkdir(self.real(path), 0o700)
        self.set_attributes(path, mode, uid, gid)

    def make_link(self, path: str, target: str) -> None:
        """Make or replace a symbolic link in one step."""
        folder, name = os.path.split(self.real(path))
        temporary = os.path.join(folder, f".{name}{TEMPORARY}")
        with explained(f"Cannot create link {path}"):
            self._discard(temporary)
            os.symlink(target, temporary)
            os.rename(temporary, self.real(path))

    def remove(self, path: str) -> None:
        """Remove a file or link; nothing there is fine."""
        with explained(f"Cannot remove {path}"):
            self._discard(self.real(path))

    def remove_directory(self, path: str) -> bool:
        """Remove a folder if nothing but temporary files of ours is in it; returns whether it is gone."""
        real = self.real(path)
        try:
            if not self.children(path):
                for name in os.listdir(real):
                    os.unlink(os.path.join(real, name))
            os.rmdir(real)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True
