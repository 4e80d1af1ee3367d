# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow objects until each is as it should be: for every kind and namespace one LIST, then one WATCH."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import typing as t

from .api import Api
from .errors import ApiError, Unreachable
from .http import Stream
from .model import Json, Ref
from .parallel import Pool, raise_first

LONGEST_WATCH_S = 300.0
PAUSE_S = 0.5

Arrived = t.Callable[[Ref, t.Optional[Json]], bool]


class Follower:
    """The watches of one wait, at most as many at once as the pool has threads; they all end with it."""

    def __init__(self, api: Api, pool: Pool, timeout: float, clock: t.Callable[[], float] = time.monotonic) -> None:
        """Follow for at most *timeout* seconds."""
        self._api = api
        self._pool = pool
        self._clock = clock
        self._deadline = clock() + timeout
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._streams: set[Stream] = set()

    def follow(self, refs: t.Iterable[Ref], arrived: Arrived) -> dict[Ref, str]:
        """Return the objects for which *arrived* never came true, each with what was wrong with the watching.

        arrived gets every state of an object, None when there is none, from the watching thread. What it raises ends
        all watches and is raised. Raises KubeError when the server refuses to list or to watch.
        """
        shelves: dict[tuple[str, str, str], list[Ref]] = {}
        for ref in refs:
            shelves.setdefault((ref.api_version, ref.kind, ref.namespace), []).append(ref)

        def watch(shelf: list[Ref]) -> dict[Ref, str]:
            try:
                return _Shelf(self, shelf, arrived).watch()
            except BaseException:
                self._end()
                raise

        try:
            done, errors = self._pool.each(watch, shelves.values())
        finally:
            self._end()
        raise_first(errors)
        return {ref: trouble for _shelf, late in done for ref, trouble in late.items()}

    @property
    def left(self) -> float:
        """Return the seconds until the watches end."""
        return 0.0 if self._over.is_set() else max(self._deadline - self._clock(), 0.0)

    def pause(self, seconds: float) -> None:
        """Sleep, but not longer than the watches last."""
        self._over.wait(min(max(seconds, PAUSE_S), self.left))

    def listing(self, ref: Ref, query: dict[str, str]) -> tuple[list[Json], str]:
        """Return the objects of a shelf and the version from which they can be watched."""
        return self._api.listing(ref, query)

    @contextlib.contextmanager
    def opened(self, ref: Ref, query: dict[str, str], version: str) -> t.Iterator[Stream]:
        """Give the stream of a shelf's changes, closed in the end."""
        stream = self._api.watch(ref, query, version, min(self.left, LONGEST_WATCH_S))
        with self._lock:
            self._streams.add(stream)
        try:
            if self._over.is_set():
                stream.end()
            yield stream
        finally:
            with self._lock:
                self._streams.discard(stream)
            stream.close()

    def _end(self) -> None:
        self._over.set()
        with self._lock:
            for stream in self._streams:
                stream.end()


class _Shelf:
    """The objects of one kind in one namespace that have not arrived yet."""

    def __init__(self, follower: Follower, refs: list[Ref], arrived: Arrived) -> None:
        self._follower = follower
        self._left = {ref.name: ref for ref in refs}
        self._arrived = arrived
        first = refs[0]
        self._ref = Ref(first.api_version, first.kind, first.namespace, "")
        self._query = {"fieldSelector": f"metadata.name={first.name}"} if len(refs) == 1 else {}
        self._version = ""

    def watch(self) -> dict[Ref, str]:
        """Return the objects that did not arrive in time; looks at each of them once at least."""
        trouble, looked = "", False
        while self._left and (self._follower.left or not looked):
            looked = True
            try:
                if self._version:
                    self._follow()
                else:
                    self._list()
                trouble = ""
            except Unreachable as exc:
                trouble = exc.cause
                self._follower.pause(0)
            except ApiError as exc:
                trouble = str(exc)
                self._recover(exc)
        return dict.fromkeys(self._left.values(), trouble)

    def _recover(self, error: ApiError) -> None:
        """Get ready for the next attempt after a refusal. Raises the error when there is no use in one."""
        if error.code == 410:
            self._version = ""
        elif error.code != 429 and error.code < 500:
            raise error
        self._follower.pause(error.retry_after)

    def _list(self) -> None:
        items, self._version = self._follower.listing(self._ref, self._query)
        found = {item["metadata"]["name"]: item for item in items}
        for name in list(self._left):
            self._see(name, found.get(name))
        if self._left and not self._version:
            self._follower.pause(0)

    def _follow(self) -> None:
        """Take the changes in until the stream ends, to be taken up again at the version then reached."""
        started = time.monotonic()
        with self._follower.opened(self._ref, self._query, self._version) as stream:
            for line in stream.lines():
                self._take(json.loads(line))
                if not (self._left and self._version and self._follower.left):
                    return
        if time.monotonic() - started < PAUSE_S:
            self._follower.pause(0)

    def _take(self, event: Json) -> None:
        what, found = event["type"], event["object"]
        if what == "ERROR":
            self._version = ""
            if found.get("code") != 410:
                raise ApiError(f"Watching {self._ref.kind}", int(found.get("code") or 500), found)
            return
        self._version = found["metadata"]["resourceVersion"]
        if what != "BOOKMARK":
            self._see(found["metadata"]["name"], None if what == "DELETED" else found)

    def _see(self, name: str, found: Json | None) -> None:
        if name in self._left and self._arrived(self._left[name], found):
            del self._left[name]
