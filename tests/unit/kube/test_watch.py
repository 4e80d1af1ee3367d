# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching: one LIST, one WATCH, taken up again where it broke, and ended together; against a scripted API."""

from __future__ import annotations

import json
import threading
import time
import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import ApiError, KubeError, Unreachable
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.model import Json, Ref
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.parallel import Pool
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.watch import Follower

ONE, TWO = Ref("v1", "Pod", "n", "one"), Ref("v1", "Pod", "n", "two")
OTHER = Ref("v1", "Pod", "m", "one")


def a_pod(name: str, version: int, done: bool = False) -> Json:
    """Return a pod that is done or not."""
    return {"metadata": {"name": name, "resourceVersion": str(version)}, "done": done}


def event(what: str, found: Json) -> bytes:
    """Return one line of a watch."""
    return json.dumps({"type": what, "object": found}).encode()


EXPIRED = event("ERROR", {"code": 410, "message": "too old resource version"})
BOOKMARK = event("BOOKMARK", {"metadata": {"resourceVersion": "9"}})


class Lines:
    """A stream of given lines; it goes on in silence until it is ended where *silent*."""

    def __init__(self, given: list[bytes], silent: bool) -> None:
        self._given, self._silent = given, silent
        self.ended, self.closed = threading.Event(), False

    def lines(self) -> t.Iterator[bytes]:
        """Give the lines."""
        yield from self._given
        if self._silent:
            self.ended.wait(10)

    def end(self) -> None:
        """End the silence."""
        self.ended.set()

    def close(self) -> None:
        """Note it."""
        self.closed = True


SILENCE: list[bytes] = []
Step = t.Union[list[Json], list[bytes], KubeError]


class Scripted:
    """An API whose lists and watches are scripted, per namespace; a watch without lines is silent."""

    def __init__(self, **script: list[Step]) -> None:
        self._script = script
        self.asked: list[str] = []
        self.streams: list[Lines] = []

    def listing(self, ref: Ref, query: dict[str, str]) -> tuple[list[Json], str]:
        """Return the next scripted list, at version 5."""
        self.asked.append(" ".join(["list", *query.values()]))
        return t.cast("list[Json]", self._next(ref)), "5"

    def watch(self, ref: Ref, query: dict[str, str], version: str, seconds: float) -> Lines:
        """Return the next scripted watch."""
        self.asked.append(" ".join(["watch", version, *query.values()]))
        given = t.cast("list[bytes]", self._next(ref))
        self.streams.append(Lines(given, not given))
        return self.streams[-1]

    def _next(self, ref: Ref) -> Step:
        step = self._script[ref.namespace].pop(0)
        if isinstance(step, KubeError):
            raise step
        return step


def follow(api: Scripted, refs: list[Ref], timeout: float = 5.0) -> dict[Ref, str]:
    """Follow pods until they are done; a pod with an odd name is hopeless."""
    pool = Pool()

    def done(ref: Ref, live: Json | None) -> bool:
        if live and live["done"] == "never":
            raise KubeError(f"{ref.name} is hopeless")
        return bool(live and live["done"])

    try:
        return Follower(t.cast(t.Any, api), pool, timeout).follow(refs, done)
    finally:
        pool.close()
        assert all(stream.closed for stream in api.streams)


NEW, DONE = a_pod("one", 5), event("MODIFIED", a_pod("one", 7, True))
ONLY = "metadata.name=one"
TAKEN_UP: dict[str, tuple[list[Step], list[str]]] = {
    "ready when listed": ([[a_pod("one", 5, True)]], [f"list {ONLY}"]),
    "ready by a change": ([[NEW], [DONE]], [f"list {ONLY}", f"watch 5 {ONLY}"]),
    "created later": ([[], [event("ADDED", a_pod("one", 6, True))]], [f"list {ONLY}", f"watch 5 {ONLY}"]),
    "cut, and taken up at the bookmark": (
        [[NEW], [BOOKMARK], [DONE]],
        [f"list {ONLY}", f"watch 5 {ONLY}", f"watch 9 {ONLY}"],
    ),
    "cut, and taken up at the last change": (
        [[NEW], [event("MODIFIED", a_pod("one", 6))], [DONE]],
        [f"list {ONLY}", f"watch 5 {ONLY}", f"watch 6 {ONLY}"],
    ),
    "deleted and made anew": (
        [[NEW], [event("DELETED", a_pod("one", 6, True))], [event("ADDED", a_pod("one", 7, True))]],
        [f"list {ONLY}", f"watch 5 {ONLY}", f"watch 6 {ONLY}"],
    ),
    "expired while watching": (
        [[NEW], [EXPIRED], [NEW], [DONE]],
        [f"list {ONLY}", f"watch 5 {ONLY}", f"list {ONLY}", f"watch 5 {ONLY}"],
    ),
    "expired when asked": (
        [[NEW], ApiError("Watching", 410, {}), [a_pod("one", 5, True)]],
        [f"list {ONLY}", f"watch 5 {ONLY}", f"list {ONLY}"],
    ),
    "throttled": (
        [[NEW], ApiError("Watching", 429, {}, 0.1), [DONE]],
        [f"list {ONLY}", f"watch 5 {ONLY}", f"watch 5 {ONLY}"],
    ),
    "away for a while": (
        [Unreachable("x", "refused"), [NEW], Unreachable("x", "refused"), [DONE]],
        [f"list {ONLY}", f"list {ONLY}", f"watch 5 {ONLY}", f"watch 5 {ONLY}"],
    ),
}


@pytest.mark.parametrize("case", TAKEN_UP)
def test_one_object_is_followed_to_its_end(case: str) -> None:
    script, asked = TAKEN_UP[case]
    api = Scripted(n=list(script))
    assert (follow(api, [ONE]), api.asked) == ({}, asked)


def test_a_shelf_of_several_is_one_list_and_one_watch() -> None:
    lines = [event("MODIFIED", a_pod("two", 6, True)), event("MODIFIED", a_pod("stranger", 7)), DONE]
    api = Scripted(n=[[NEW], lines])
    assert (follow(api, [ONE, TWO]), api.asked) == ({}, ["list", "watch 5"])


def test_what_never_arrives_is_returned_with_what_was_wrong() -> None:
    well = Scripted(n=[[NEW], [BOOKMARK], [], []])
    assert follow(well, [ONE], 0.3) == {ONE: ""}
    away = Scripted(n=[Unreachable("x", "connection refused")] * 9)
    assert follow(away, [ONE], 0.3) == {ONE: "connection refused"}
    busy = Scripted(n=[[NEW], *[ApiError("Watching Pod in n", 503, {"message": "starting"}, 60.0)] * 9])
    started = time.monotonic()
    late = follow(busy, [ONE], 0.3)
    assert late[ONE].startswith("Watching Pod in n: starting.")
    assert time.monotonic() - started < 2


def test_without_time_everything_is_looked_at_once() -> None:
    api = Scripted(n=[[a_pod("one", 5, True), a_pod("two", 5)]])
    assert (follow(api, [ONE, TWO], 0.0), api.asked) == ({TWO: ""}, ["list"])


def test_a_refusal_ends_the_waiting() -> None:
    with pytest.raises(ApiError) as caught:
        follow(Scripted(n=[[NEW], ApiError("Watching Pod in n", 403, {"message": "pods is forbidden"})]), [ONE])
    assert caught.value.code == 403


def test_the_hopeless_end_all_watches_at_once() -> None:
    started = time.monotonic()
    hopeless = event("MODIFIED", a_pod("one", 6, t.cast(bool, "never")))
    api = Scripted(n=[[NEW], [hopeless]], m=[[NEW], SILENCE])
    with pytest.raises(KubeError, match="one is hopeless"):
        follow(api, [ONE, OTHER])
    assert time.monotonic() - started < 2
