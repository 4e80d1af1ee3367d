# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run restic. What is secret reaches it by files and its environment, never by its command line."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import signal
import socket
import stat
import subprocess
import time
import typing as t
import urllib.parse
from dataclasses import dataclass, field

from .._host.errors import HostError, explained
from . import causes, process
from .model import Json, Places, Repository

# Whom Debian's programs believe; restic believes either these or those it is told.
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_LOGIN = ("RESTIC_REST_USERNAME", "RESTIC_REST_PASSWORD")
# Without it every snapshot of btrfs, a device of its own, looks like other files than the last one's.
_FEATURES = "device-id-for-hardlinks=true"
_REACH_S = 5.0
_AGAIN_S = 0.005
_PIECE = 1 << 20
_SET_PARENT_DEATH_SIGNAL = 1

# No pattern: with it in the file of what is left out restic ends.
_NO = b"["
_PROGRAM = "Cannot run restic", "Run the role backup on this node, which installs it", "restic", "--json"

Prepare = t.Callable[[], None]


@dataclass
class Answer:
    """What a run of restic said: exit code, messages (JSON of stdout), complaints, and stdout as it is."""

    code: int
    messages: list[Json] = field(default_factory=list)
    errors: list[Json] = field(default_factory=list)
    words: str = ""
    out: str = ""

    def last(self, kind: str) -> Json:
        """Return the last message of a type, {} without one."""
        return next((one for one in reversed(self.messages) if one.get("message_type") == kind), {})


class Waiting:
    """Restic while it opens the repository, which takes it half a second whatever there is to save, and then waits.

    What it is to leave out it reads when it has opened it, here from a FIFO. A reader of one waits until somebody opens
    it to write: when we are killed it does not go on either.
    """

    def __init__(self, begun: subprocess.Popen[bytes], gate: str, settled: t.Callable[[Answer], Answer]) -> None:
        self._begun, self._gate, self._settled = begun, gate, settled

    def go_on(self) -> Answer:
        """Have it do what it was started for. Raises HostError."""
        return self._settled(self._end(b""))

    def give_up(self) -> None:
        """Have it end without a snapshot."""
        if self._begun.returncode is None:
            self._end(_NO)

    def _end(self, left_out: bytes) -> Answer:
        while self._begun.poll() is None:
            try:
                gate = os.open(self._gate, os.O_WRONLY | os.O_NONBLOCK)
                os.write(gate, left_out)
                os.close(gate)
                break
            except OSError as exc:
                # It is not there yet, or not any more.
                if exc.errno not in (errno.ENXIO, errno.EPIPE):
                    raise
            time.sleep(_AGAIN_S)
        out, complaints = self._begun.communicate()
        return _answer(self._begun.returncode, out.decode("utf-8", "replace"), complaints)


class Restic:
    """One repository, seen from this node; with a *source*, from which it is copied to."""

    def __init__(self, repository: Repository, places: Places, source: Repository | None = None) -> None:
        self.repository = repository
        self._places = places
        self._source = source

    def run(
        self,
        *words: str,
        cwd: str = "/",
        data: bytes = b"",
        prepare: Prepare | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Run a command, whatever its end; one that is not over in *timeout* seconds is ended, and has failed.

        *prepare* is called in its process before it is. Raises HostError.
        """
        how: t.Any = {"cwd": cwd, "environment": self.environment(), "prepare": _bound(prepare)}
        try:
            done = process.run(*_PROGRAM, *words, data=data, timeout=timeout, **how)
        except process.Slow as exc:
            # It tries again and again what will not be otherwise, such as a certificate that is not believed.
            return _answer(causes.FATAL, "", exc.said.strip().rpartition(b"\n")[2])
        return _answer(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr)

    def demand(self, attempted: str, *words: str, patience: str = "0s", **how: t.Any) -> Answer:
        """Run a command that must work; *patience* is for locks of others. Raises HostError that tells the cause."""
        return self._settled(self.run(*words, **how), attempted, *words, patience=patience, **how)

    @contextlib.contextmanager
    def waiting(self, attempted: str, *words: str, patience: str = "0s", **how: t.Any) -> t.Iterator[Waiting]:
        """Start a backup that opens the repository, and waits; *how* is that of ``demand``. Raises HostError.

        One that was not told to go on by the end of the block ends without a snapshot.
        """
        gate = f"{self._places.work}/gate"
        with explained(f"Cannot make {gate}"):
            os.mkfifo(gate, 0o600)
        try:
            with process.start(
                *_PROGRAM, *words, f"--exclude-file={gate}",
                environment=self.environment(), **{**how, "prepare": _bound(how.get("prepare"))},
            ) as begun:  # fmt: skip
                waiting = Waiting(
                    begun, gate, lambda answer: self._settled(answer, attempted, *words, patience=patience, **how)
                )
                try:
                    yield waiting
                except BaseException:
                    begun.kill()
                    raise
                waiting.give_up()
        finally:
            os.unlink(gate)

    @contextlib.contextmanager
    def reading(self, attempted: str, *words: str) -> t.Iterator[t.BinaryIO]:
        """Give what a command prints, as it comes; raises HostError at the end of the block unless all of it came."""
        with process.start(*_PROGRAM, *words, environment=self.environment(), prepare=_bound(None)) as begun:
            out, complaints = t.cast(t.BinaryIO, begun.stdout), t.cast(t.BinaryIO, begun.stderr)
            try:
                yield out
                # Whoever read may have had enough.
                while out.read(_PIECE):
                    pass
            except BaseException:
                begun.kill()
                raise
            answer = _answer(begun.wait(), "", complaints.read())
        self._settled(answer, attempted, *words, patience="0s")

    def _settled(self, answer: Answer, attempted: str, *words: str, patience: str, **how: t.Any) -> Answer:
        if answer.code == causes.LOCKED:
            # Of processes of this host that are gone, and of any that did not renew theirs for half an hour.
            self.run("unlock")
            answer = self.run(*words, f"--retry-lock={patience}", **how)
        if answer.code not in (0, causes.INCOMPLETE):
            raise causes.explain(attempted, answer.code, self.words_of(answer), self.repository, self.holders)
        return answer

    def holders(self) -> list[Json]:
        """Return the locks of repository and source as restic keeps them: "time", "hostname", "pid", "exclusive"."""
        found = Restic(self._source, self._places).holders() if self._source else []
        names = self.run("list", "locks", "--no-lock").out.split()
        found += [one for name in names for one in self.run("cat", "lock", name, "--no-lock").messages if "pid" in one]
        return found

    def environment(self) -> dict[str, str]:
        """Return the environment for restic. Raises HostError for a file that is absent or read by others."""
        own = {
            "HOME": "/root",
            "LC_ALL": "C.UTF-8",
            "RESTIC_REPOSITORY": self.repository.url,
            "RESTIC_PASSWORD_FILE": self.repository.password_file,
            "RESTIC_CACHE_DIR": self._places.cache,
            "RESTIC_FEATURES": _FEATURES,
            "RESTIC_PROGRESS_FPS": "0.016",
        }
        _demand_private(self.repository.password_file)
        variables = _variables(self.repository.environment_file)
        authorities = [self.repository.ca_file]
        if self._source:
            _demand_private(self._source.password_file)
            theirs = _variables(self._source.environment_file)
            own["RESTIC_FROM_REPOSITORY"] = _with_login(self._source.url, theirs)
            own["RESTIC_FROM_PASSWORD_FILE"] = self._source.password_file
            own["RESTIC_REPOSITORY"] = _with_login(self.repository.url, variables)
            authorities.append(self._source.ca_file)
            variables = _united(variables, theirs)
        if any(authorities):
            files = dict.fromkeys(one or _AUTHORITIES for one in authorities)
            own["RESTIC_CACERT"] = ",".join(one for one in files if one != _AUTHORITIES or os.path.exists(one))
        return {**own, **variables}

    def reach(self, attempted: str) -> None:
        """Knock at the repository's address: restic itself tries for a quarter of an hour. Raises HostError."""
        place = address(self.repository.url)
        if place is None:
            return
        try:
            socket.create_connection(place, timeout=_REACH_S).close()
        except OSError as exc:
            raise causes.unreachable(attempted, f"{place[0]} port {place[1]}: {exc.strerror or exc}") from exc

    def words_of(self, answer: Answer) -> str:
        """Return the complaint without what must not be seen."""
        told = [str((one.get("error") or {}).get("message", "")) for one in answer.errors[:3]]
        words = "; ".join([answer.words, *told])
        for one in filter(None, (self.repository, self._source)):
            for value in _variables(one.environment_file).values():
                for form in (value, _quoted(value)):
                    words = words.replace(form, "***") if len(value) > 3 else words
        return words


def _bound(prepare: Prepare | None) -> Prepare:
    """Return what binds a process to ours, and then prepares it."""
    libc = ctypes.CDLL(None, use_errno=True)

    def begin() -> None:
        # Once we are gone nobody waits for restic, and its lock is one of the dead: the next start takes it.
        libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if prepare:
            prepare()

    return begin


def _answer(code: int, out: str, complaints: bytes) -> Answer:
    answer = Answer(code, out=out)
    # Objects of the repository come as one document over many lines, all else as one a line.
    answer.messages = _parsed(out) or [one for text in out.splitlines() for one in _parsed(text)]
    said = []
    for text in complaints.decode("utf-8", "replace").splitlines():
        found = _parsed(text)
        answer.errors += [one for one in found if one.get("message_type") == "error"]
        said += [str(one["message"]) for one in found if one.get("message_type") == "exit_error"] or (
            [] if found else [text.strip()]
        )
    answer.words = "; ".join(one for one in said if one)
    return answer


def address(url: str) -> tuple[str, int] | None:
    """Return host and port of a repository that is reached by HTTP, None of others."""
    kind, _colon, rest = url.partition(":")
    if kind not in ("rest", "s3"):
        return None
    parts = urllib.parse.urlsplit(rest if "://" in rest else f"https://{rest}")
    return (parts.hostname, parts.port or (80 if parts.scheme == "http" else 443)) if parts.hostname else None


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def _with_login(url: str, variables: dict[str, str]) -> str:
    """Return a REST server's URL with the login that *variables* have, and take it out of these.

    Restic has one environment for both repositories, and their logins are called the same.
    """
    name, password = (variables.pop(key, "") for key in _LOGIN)
    if not name or not url.startswith("rest:"):
        return url
    return url.replace("://", f"://{_quoted(name)}:{_quoted(password)}@", 1)


def _united(mine: t.Mapping[str, str], theirs: t.Mapping[str, str]) -> dict[str, str]:
    """Return the variables of both repositories. Raises HostError where one would need two values."""
    twice = sorted(name for name in mine if theirs.get(name, mine[name]) != mine[name])
    if twice:
        cause = f"{', '.join(twice)} would need two values, and restic has one environment for both repositories"
        fix = "Give both the same credentials, or have one of them on another kind of server, such as rest:"
        raise HostError("Cannot copy between these repositories", cause, fix)
    return {**theirs, **mine}


def _parsed(text: str) -> list[Json]:
    try:
        found = json.loads(text)
    except ValueError:
        return []
    return [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict)]


def _demand_private(path: str) -> None:
    with explained(f"Cannot use the file {path}"):
        status = os.stat(path)
    if stat.S_IMODE(status.st_mode) & 0o077:
        cause = f"its mode is {stat.S_IMODE(status.st_mode):04o}: others than its owner may read it"
        raise HostError(f"Cannot use the file {path}", cause, f"Run `chmod 0600 {path}`")


def _variables(path: str) -> dict[str, str]:
    """Return NAME=VALUE of the lines of a file, as systemd's EnvironmentFile= has them; none of no file."""
    if not path:
        return {}
    _demand_private(path)
    found = {}
    with explained(f"Cannot read {path}"), open(path, encoding="utf-8") as stream:
        for number, text in enumerate(stream):
            line = text.strip()
            if not line or line[0] in "#;":
                continue
            name, equals, value = line.partition("=")
            if not equals or not name.isidentifier():
                fix = "Write one NAME=VALUE a line"
                raise HostError(f"Cannot read {path}", f"line {number + 1} is not NAME=VALUE", fix)
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            found[name] = value[1:-1] if quoted else value
    return found
