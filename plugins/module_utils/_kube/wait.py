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
from .parallel import TOLD, Pool, raise_first
from .plan import Key
from .ready import Readiness, claim_class, is_claim, readiness
from .watch import Follower

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
        self._late_classes: set[str] = set()

    def gone(self, uids: t.Mapping[Ref, str]) -> None:
        """Return when the objects with these uids are gone. Raises KubeError naming what holds them."""
        seen: dict[Ref, Json] = {}

        def gone(ref: Ref, live: Json | None) -> bool:
            if live is None or live["metadata"]["uid"] != uids[ref]:
                return True
            seen[ref] = live
            return False

        late = Follower(self._api, self._pool, self._limit, self._clock).follow(uids, gone)
        raise_first([self._held(ref, seen.get(ref), trouble) for ref, trouble in late.items()])

    def _held(self, ref: Ref, live: Json | None, trouble: str) -> KubeError:
        holders = ", ".join((live or {}).get("metadata", {}).get("finalizers") or []) or "its dependants"
        return KubeError(
            f"Waiting for the end of {ref}: still there after {self._limit:g} s, {trouble or f'held by {holders}'}. "
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
        """Watch those that are not ready until all are; a ready object costs no request."""
        self._learn_classes(current.values())
        pending = [Ref.of(live) for live in current.values() if self._state(live, wait).waits]
        deleted: set[Ref] = set()

        def ready(ref: Ref, live: Json | None) -> bool:
            if live is None:
                deleted.add(ref)
                return False
            deleted.discard(ref)
            current[ref.key] = live
            return not self._state(live, wait).waits

        late = Follower(self._api, self._pool, wait.timeout, self._clock).follow(pending, ready) if pending else {}
        errors: list[KubeError] = []
        for ref, trouble in late.items():
            waits = "it was deleted meanwhile" if ref in deleted else self._state(current[ref.key], wait).waits
            # A cause costs requests, so it is looked for only where it will be told.
            cause = find_cause(self._api, ref, current[ref.key]) if len(errors) < TOLD else ""
            errors.append(_late(ref, f"not ready after {wait.timeout:g} s: ", waits, cause, trouble))
        raise_first(errors)

    def _state(self, live: Json, wait: Wait) -> Readiness:
        """Return the readiness of an object. Raises KubeError when waiting will not help."""
        state = readiness(live, wait.conditions, self._late_classes)
        if state.failed:
            raise _late(Ref.of(live), "", state.waits, find_cause(self._api, Ref.of(live), live))
        return state

    def _learn_classes(self, objects: t.Iterable[Json]) -> None:
        """Read the storage classes of claims that are not bound: some bind only when a pod comes."""
        unbound = [live for live in objects if is_claim(live) and readiness(live).waits]
        for name in sorted({claim_class(live) for live in unbound} - {""} - self._late_classes):
            found = self._api.get(Ref("storage.k8s.io/v1", "StorageClass", "", name))
            if found and found.get("volumeBindingMode") == "WaitForFirstConsumer":
                self._late_classes.add(name)


def _late(ref: Ref, after: str, *parts: str) -> KubeError:
    told = "; ".join(part.rstrip(".") for part in parts if part)
    return KubeError(f"Waiting for {ref}: {after}{told}. Remove the cause and run again.")
