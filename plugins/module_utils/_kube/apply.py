# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the changes of a plan: inventory first, stage after stage, and wait until what was made works."""

from __future__ import annotations

import typing as t

from . import inventory
from .api import Api
from .inventory import Inventory
from .kinds import CUSTOM, DEFINITIONS, WEBHOOKS, WORKLOADS
from .model import Json, Ref, Wanted, declared_kinds
from .parallel import Pool, raise_first
from .plan import DELETE, Change, Key, Plan, remembered
from .wait import Waiter


class Applier:
    """Carries one plan out. made lists the changes done so far, also after an error."""

    def __init__(self, api: Api, pool: Pool, owner: str, manager: str, waiter: Waiter) -> None:
        self.made: list[Change] = []
        self._defined: set[tuple[str, str]] = set()
        self._api = api
        self._pool = pool
        self._owner = owner
        self._manager = manager
        self._waiter = waiter

    def apply(self, plan: Plan, wanted: t.Iterable[Wanted], live: t.Mapping[Key, Json]) -> None:
        """Make all changes and wait for readiness.

        What is to be created is in the inventory before it exists and leaves it after it is gone, so that a
        killed run leaves nothing unknown behind. Raises KubeError; what was made until then is in made.
        """
        items = {item.ref.key: item for item in wanted}
        current = {key: live[key] for key in items if key in live}
        ahead = plan.before.with_refs(item.ref for item in items.values())
        self._save(plan.before, ahead)
        digests = self._make_all([change for change in plan.changes if change.action != DELETE], items, current)
        settled = ahead.with_settled({**plan.after.settled, **digests})
        self._save(ahead, settled)
        self._waiter.ready(current)
        self._delete([change for change in plan.changes if change.action == DELETE])
        self._save(settled, Inventory(plan.after.refs).with_settled(settled.settled))

    def _save(self, before: Inventory, after: Inventory) -> None:
        wanted = inventory.write(self._owner, after)
        if wanted.body == inventory.write(self._owner, before).body:
            return
        if after.refs:
            self._api.apply(wanted.ref, wanted.body, force=True)
            return
        live = self._api.get(wanted.ref)
        if live is not None:
            self._api.delete(wanted.ref, live["metadata"]["uid"])

    def _make_all(
        self, changes: list[Change], items: t.Mapping[Key, Wanted], current: dict[Key, Json]
    ) -> dict[str, str]:
        """Return what the inventory has to remember of each object made, by its name."""
        digests: dict[str, str] = {}
        own_kinds = any(item.ref.stage == DEFINITIONS for item in items.values())

        def make(change: Change) -> tuple[Json, str]:
            answer = self._make(change)
            # Only what the server answers to our own writing tells of its rewriting; later readings may show drift.
            # Read here, while the other requests are on their way.
            return answer, remembered(items[change.ref.key], answer, self._manager)

        for stage in sorted({change.ref.stage for change in changes}):
            if stage == WEBHOOKS or (stage == CUSTOM and own_kinds):
                # The set brings who answers their admission. Others must not wait: an application may need what a
                # custom resource beside it makes, a load balancer its pool of addresses.
                workloads = {key: live for key, live in current.items() if Ref.of(live).stage == WORKLOADS}
                self._waiter.ready(workloads)
                current.update(workloads)
            done, errors = self._pool.each(make, [change for change in changes if change.ref.stage == stage])
            self.made += [change for change, _result in done]
            raise_first(errors)
            digests.update((str(items[change.ref.key].ref), digest) for change, (_answer, digest) in done)
            answers = {change.ref.key: answer for change, (answer, _digest) in done}
            if stage == DEFINITIONS:
                self._waiter.established(answers)
                self._defined = set(declared_kinds(answers.values()))
            current.update(answers)
        return digests

    def _make(self, change: Change) -> Json:
        if change.uid:
            self._waiter.gone({change.ref: change.uid})
        if self._api.known(change.ref.api_version, change.ref.kind) is None:
            self._waiter.served(change.ref)
        if (change.ref.api_version, change.ref.kind) in self._defined:
            return self._waiter.learned(lambda: self._api.apply(change.ref, change.body or {}))
        return self._api.apply(change.ref, change.body or {})

    def _delete(self, changes: list[Change]) -> None:
        # Backwards through the stages, each gone before the next goes: what ends a custom resource is a workload.
        for stage in sorted({change.ref.stage for change in changes}, reverse=True):
            own = [change for change in changes if change.ref.stage == stage]
            done, errors = self._pool.each(lambda change: self._api.delete(change.ref, change.uid), own)
            self.made += [change for change, _none in done]
            raise_first(errors)
            if self._waiter.wanted is not None:
                self._waiter.gone({change.ref: change.uid for change in own})
