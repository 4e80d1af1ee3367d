# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until objects are ready, served or gone; when they never are, say why."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field

from .api import Api, unknown_kind
from .causes import find_cause
from .errors import ApiError, KubeError, speaks_of_old_schema
from .model import Json, Ref
from .parallel import Pool, raise_first
from .plan import Key
from .ready import readiness

POLL_S = (0.5, 1.0)
SERVED_S = 30.0
SCHEMA_S = 5.0


@dataclass(frozen=True)
class Wait:
    """How long to wait for readiness, in seconds, and which condition makes a kind ready."""

    timeout: float = 300.0
    conditions: t.Mapping[str, str] = field(default_factory=dict)


class Waiter:
    """Waits on one server; wanted None means that only what later steps need is waited for."""

    def __init__(
        self,
        api: Api,
        pool: Pool,
        wanted: Wait | None,
        clock: t.Callable[[], float] = time.monotonic,
        sleep: t.Callable[[float], None] = time.sleep,
    ) -> None:
        self.wanted = wanted
        self._api = api
        self._pool = pool
        self._limit = (wanted or Wait()).timeout
        self._clock = clock
        self._sleep = sleep

    def gone(self, ref: Ref, uid: str) -> None:
        """Return when the object *uid* is gone. Raises KubeError naming what holds it."""
        seen: Json = {}

        def gone() -> bool:
            seen.clear()
            seen.update(self._api.get(ref) or {})
            return not seen or seen["metadata"]["uid"] != uid

        if not self._poll(self._limit, gone):
            holders = ", ".join(seen["metadata"].get("finalizers") or []) or "its dependants"
            raise KubeError(
                f"Waiting for the end of {ref}: still there after {self._limit:g} s, held by {holders}. "
                "Make whoever set the finalizer finish, then run again."
            )

    def served(self, ref: Ref) -> None:
        """Return when the server serves the kind of *ref*. Raises KubeError when it does not."""
        if not self._poll(
            min(SERVED_S, self._limit),
            lambda: self._api.resource(ref.api_version, ref.kind, again=True) is not None,
        ):
            raise unknown_kind(ref)

    def learned(self, act: t.Callable[[], Json]) -> Json:
        """Return what *act* gives, while a just changed definition may still be judged by its old schema."""
        result: list[Json] = []

        def learned() -> bool:
            try:
                result.append(act())
            except ApiError as exc:
                if not speaks_of_old_schema(exc):
                    raise
                return False
            return True

        return result[0] if self._poll(min(SCHEMA_S, self._limit), learned) else act()

    def ready(self, current: dict[Key, Json]) -> None:
        """Return when all of *current* is ready, its entries renewed; at once when it is or waiting is not wanted."""
        if self.wanted is not None:
            self._all(current, self.wanted)

    def established(self, definitions: dict[Key, Json]) -> None:
        """Return when all definitions are established, whether waiting is wanted or not."""
        self._all(definitions, Wait(self._limit))

    def _poll(self, limit: float, attempt: t.Callable[[], bool]) -> bool:
        """Return whether *attempt* came true within *limit* seconds."""
        deadline, pause = self._clock() + limit, POLL_S[0]
        while not attempt():
            if self._clock() >= deadline:
                return False
            self._sleep(pause)
            pause = POLL_S[1]
        return True

    def _all(self, current: dict[Key, Json], wait: Wait) -> None:
        """Ask for those that are not ready until all are; a ready object costs no request."""
        pending = self._unready(current, wait)

        def all_ready() -> bool:
            done, errors = self._pool.each(self._api.get, [_ref(current[key]) for key in pending])
            raise_first(errors)
            current.update({ref.key: found for ref, found in done if found})
            pending[:] = self._unready({key: current[key] for key in pending}, wait)
            return not pending

        if pending and not self._poll(wait.timeout, all_ready):
            raise_first([self._late(current[key], wait) for key in pending])

    def _unready(self, current: t.Mapping[Key, Json], wait: Wait) -> list[Key]:
        found = []
        for key, live in current.items():
            state = readiness(live, wait.conditions)
            if state.failed:
                raise self._late(live, wait)
            if state.waits:
                found.append(key)
        return found

    def _late(self, live: Json, wait: Wait) -> KubeError:
        ref, state = _ref(live), readiness(live, wait.conditions)
        cause = find_cause(self._api, ref, live)
        after = "" if state.failed else f"not ready after {wait.timeout:g} s: "
        told = "; ".join(part.rstrip(".") for part in (state.waits, cause) if part)
        return KubeError(f"Waiting for {ref}: {after}{told}. Remove the cause and run again.")


def _ref(live: Json) -> Ref:
    metadata = live["metadata"]
    return Ref(live["apiVersion"], live["kind"], metadata.get("namespace", ""), metadata["name"])
