# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See all that matters of the live cluster in as few requests as there are kinds and namespaces."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from . import inventory
from .api import Api
from .inventory import Inventory
from .kinds import BUILT_IN, Resource
from .model import Json, Ref, Wanted, declared_kinds, place
from .parallel import Pool, raise_first
from .plan import Key


@dataclass(frozen=True)
class Observation:
    """The desired objects in their places, and what is live of them and of the inventory.

    unserved has the (apiVersion, kind)s that the server does not know (yet).
    """

    wanted: list[Wanted]
    live: dict[Key, Json] = field(default_factory=dict)
    seen: Inventory = field(default_factory=Inventory)
    unserved: frozenset[tuple[str, str]] = frozenset()


def observe(api: Api, pool: Pool, owner: str, wanted: list[Wanted], namespace: str, leavers: bool) -> Observation:
    """Return what is live of the desired objects and, with *leavers*, of everything else in the inventory.

    One object of its kind and namespace is read by name, several by one LIST. Raises KubeError, Unreachable.
    """
    seen = inventory.read(api.get(inventory.ref(owner)))
    declared = declared_kinds(item.body for item in wanted)
    served = _served(api, pool, [item.ref for item in wanted])
    scopes = {kind: resource or declared.get(kind) for kind, resource in served.items()}
    placed = place(wanted, scopes, namespace)
    refs = {item.ref.key: item.ref for item in placed}
    if leavers:
        served.update(_served(api, pool, seen.refs.values()))
        for key, ref in seen.refs.items():
            refs.setdefault(key, ref)
    live = _read(api, pool, [ref for ref in refs.values() if served[ref.api_version, ref.kind]])
    unserved = frozenset(kind for kind, resource in served.items() if resource is None)
    return Observation(placed, live, seen, unserved)


def without_server(wanted: list[Wanted], namespace: str) -> Observation:
    """Return the observation of a cluster that does not exist yet."""
    scopes: dict[tuple[str, str], Resource | None] = {**BUILT_IN, **declared_kinds(item.body for item in wanted)}
    return Observation(place(wanted, scopes, namespace))


def _served(api: Api, pool: Pool, refs: t.Iterable[Ref]) -> dict[tuple[str, str], Resource | None]:
    kinds = dict.fromkeys((ref.api_version, ref.kind) for ref in refs)
    groups = dict.fromkeys(version for version, kind in kinds if (version, kind) not in BUILT_IN)
    first = {version: next(kind for other, kind in kinds if other == version) for version in groups}
    # One request tells all kinds of a group version; asking for them one by one below then finds them known.
    _done, errors = pool.each(lambda version: api.resource(version, first[version]), first)
    raise_first(errors)
    return {kind: api.known(*kind) for kind in kinds}


def _read(api: Api, pool: Pool, refs: list[Ref]) -> dict[Key, Json]:
    shelves: dict[tuple[str, str, str], list[Ref]] = {}
    for ref in refs:
        shelves.setdefault((ref.api_version, ref.kind, ref.namespace), []).append(ref)

    def read(shelf: list[Ref]) -> list[Json]:
        if len(shelf) == 1:
            found = api.get(shelf[0])
            return [found] if found else []
        return api.list_all(shelf[0])

    done, errors = pool.each(read, shelves.values())
    raise_first(errors)
    live: dict[Key, Json] = {}
    for shelf, found in done:
        names = {ref.name: ref.key for ref in shelf}
        live.update((names[item["metadata"]["name"]], item) for item in found if item["metadata"]["name"] in names)
    return live
