# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See all that matters of the live cluster in as few requests as there are kinds and namespaces."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from . import inventory
from .api import Api
from .errors import ApiError, KubeError
from .inventory import Inventory
from .kinds import BUILT_IN, Resource
from .model import Json, Ref, Wanted, declared_kinds, place
from .parallel import Pool, raise_first
from .plan import Key
from .ready import readiness

Result = t.TypeVar("Result")


@dataclass(frozen=True)
class Observation:
    """The desired objects in their places, and what is live of them and of the inventory.

    unserved has the (apiVersion, kind)s that the server does not know (yet). down has the group versions of which
    nothing can be seen, each with the reason; nothing of them is in wanted or live.
    """

    wanted: list[Wanted]
    live: dict[Key, Json] = field(default_factory=dict)
    seen: Inventory = field(default_factory=Inventory)
    unserved: frozenset[tuple[str, str]] = frozenset()
    down: t.Mapping[str, KubeError] = field(default_factory=dict)


def observe(api: Api, pool: Pool, owner: str, wanted: list[Wanted], namespace: str, leavers: bool) -> Observation:
    """Return what is live of the desired objects and, with *leavers*, of everything else in the inventory.

    One object of its kind and namespace is read by name, several by one LIST. Raises KubeError, Unreachable.
    """
    seen = inventory.read(api.get(inventory.ref(owner)))
    refs = [item.ref for item in wanted]
    served, silent = _served(api, pool, [*refs, *(seen.refs.values() if leavers else ())])
    declared = declared_kinds(item.body for item in wanted)
    scopes = {kind: resource or declared.get(kind) for kind, resource in served.items()}
    placed = place(wanted, scopes, namespace)
    named = {item.ref.key: item.ref for item in placed}
    if leavers:
        named = {**seen.refs, **named}
    live, fallen = _read(api, pool, [ref for ref in named.values() if served[ref.api_version, ref.kind]])
    down = {version: _explained(api, version, placed, cause) for version, cause in {**silent, **fallen}.items()}
    unserved = frozenset(kind for kind, resource in served.items() if resource is None)
    return Observation([item for item in placed if item.ref.api_version not in down], live, seen, unserved, down)


def without_server(wanted: list[Wanted], namespace: str) -> Observation:
    """Return the observation of a cluster that does not exist yet."""
    scopes: dict[tuple[str, str], Resource | None] = {**BUILT_IN, **declared_kinds(item.body for item in wanted)}
    return Observation(place(wanted, scopes, namespace))


def _served(
    api: Api, pool: Pool, refs: t.Iterable[Ref]
) -> tuple[dict[tuple[str, str], Resource | None], dict[str, ApiError]]:
    """Return where the kinds of *refs* live, and which group versions nobody answers for."""
    kinds = dict.fromkeys((ref.api_version, ref.kind) for ref in refs)
    groups = dict.fromkeys(version for version, kind in kinds if (version, kind) not in BUILT_IN)
    first = {version: next(kind for other, kind in kinds if other == version) for version in groups}

    def ask(version: str) -> ApiError | None:
        # One request tells all kinds of a group version; asking for them one by one below then finds them known.
        return _unless_down(lambda: api.resource(version, first[version]))[1]

    done, errors = pool.each(ask, first)
    raise_first(errors)
    return {kind: api.known(*kind) for kind in kinds}, {version: cause for version, cause in done if cause}


def _unless_down(act: t.Callable[[], Result]) -> tuple[Result | None, ApiError | None]:
    """Return what *act* gives, or the error that tells that the server behind an APIService is away."""
    try:
        return act(), None
    except ApiError as exc:
        if exc.code not in (502, 503, 504):
            raise
        return None, exc


def _explained(api: Api, version: str, placed: list[Wanted], cause: ApiError) -> KubeError:
    """Return the error for a group version that is down: which, why, and what it holds up."""
    group, _slash, number = version.rpartition("/")
    service = Ref("apiregistration.k8s.io/v1", "APIService", "", f"{number}.{group}")
    try:
        live = api.get(service)
        state = readiness(live).waits or "it is Available" if live else "it does not exist"
    except ApiError as exc:
        state = f"its state cannot be read ({exc.code})"
    held = sum(item.ref.api_version == version for item in placed)
    return KubeError(
        f"{cause.attempt}: the server answered {cause.code}, so {held} objects of the set were left out; "
        f"APIService {service.name}: {state}. "
        "Repair or delete what the APIService names, then run again."
    )


def _read(api: Api, pool: Pool, refs: list[Ref]) -> tuple[dict[Key, Json], dict[str, ApiError]]:
    """Return the live objects, and the group versions that could not be read."""
    shelves: dict[tuple[str, str, str], list[Ref]] = {}
    for ref in refs:
        shelves.setdefault((ref.api_version, ref.kind, ref.namespace), []).append(ref)

    def look(shelf: list[Ref]) -> list[Json]:
        if len(shelf) == 1:
            found = api.get(shelf[0])
            return [found] if found else []
        return api.list_all(shelf[0])

    def read(shelf: list[Ref]) -> tuple[list[Json] | None, ApiError | None]:
        kind = (shelf[0].api_version, shelf[0].kind)
        return (look(shelf), None) if kind in BUILT_IN else _unless_down(lambda: look(shelf))

    done, errors = pool.each(read, shelves.values())
    raise_first(errors)
    down = {shelf[0].api_version: cause for shelf, (_found, cause) in done if cause}
    live: dict[Key, Json] = {}
    for shelf, (found, _cause) in done:
        names = {ref.name: ref.key for ref in shelf}
        live.update(
            (names[item["metadata"]["name"]], item) for item in found or [] if item["metadata"]["name"] in names
        )
    return live, down
