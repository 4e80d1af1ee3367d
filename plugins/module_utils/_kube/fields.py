# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Field ownership: what of a live object is ours (fieldsV1), and whether it is as we want it. Pure.

The server writes into managedFields which fields each manager applied, and with it the shape of every list we
sent: k: children for lists keyed by fields, v: children for sets, no children for what is replaced as a whole.
So desired and live can be compared without the schema, and nothing that defaulting, a controller, a webhook or
a person added counts, because it is not ours.
"""

from __future__ import annotations

import hashlib
import json
import typing as t

Fields = dict[str, t.Any]
_SERVER_KEYS = frozenset({"name", "namespace"})


def owned_fields(live: t.Mapping[str, t.Any], manager: str) -> Fields:
    """Return the fieldsV1 tree that *manager* applied; {} when nothing of *live* is its."""
    owned: Fields = {}
    for entry in live.get("metadata", {}).get("managedFields", []):
        if entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource"):
            owned = union(owned, entry.get("fieldsV1") or {})
    return owned


def union(one: Fields, other: Fields) -> Fields:
    """Return a tree with the fields of both."""
    merged = dict(one)
    for key, value in other.items():
        merged[key] = union(merged[key], value) if key in merged else value
    return merged


def applied(body: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the part of an object that can be owned: without its type and its name."""
    owned = {key: value for key, value in body.items() if key not in ("apiVersion", "kind", "metadata")}
    metadata = {key: value for key, value in body.get("metadata", {}).items() if key not in _SERVER_KEYS}
    return {**owned, "metadata": metadata} if metadata else owned


def autoscaled(live: t.Mapping[str, t.Any]) -> bool:
    """Return whether an autoscaler, not the applier, owns spec.replicas."""
    return any(
        entry.get("manager") == "kube-controller-manager"
        and entry.get("subresource") == "scale"
        and "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})
        for entry in live.get("metadata", {}).get("managedFields", [])
    )


class Difference(t.NamedTuple):
    """One place where desired and live are not the same: its path, both values, and whether we own it already."""

    path: str
    desired: t.Any
    live: t.Any
    owned: bool


def differences(desired: t.Mapping[str, t.Any], owned: Fields, live: t.Mapping[str, t.Any]) -> list[Difference]:
    """Return where applying *desired* would, or might, change *live* or what we own of it.

    An empty list is proof that nothing would change. A difference may still turn out to be none (the server writes
    "1000m" as "1"): then only a dry run can tell.
    """
    return list(_mapping(applied(desired), owned, applied(live), ""))


def settled_digest(found: list[Difference]) -> str:
    """Return a digest of differences that remained after applying; empty without any.

    While the very same ones are found again, they are the server's own rewriting (quantities, webhooks).
    """
    if not found:
        return ""
    content = json.dumps(sorted(found, key=lambda item: item.path), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def _same(one: t.Any, other: t.Any) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    # Unlike ==, JSON tells true from 1 and 1 from 1.0.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _value(desired: t.Any, owned: Fields, live: t.Any, path: str) -> t.Iterator[Difference]:
    kinds = {key[:2] for key in owned if key != "."}
    if not kinds:
        dropped_empty = live is None and desired in ({}, [])
        if not dropped_empty and not _same(desired, live):
            yield Difference(path, desired, live, True)
    elif kinds == {"f:"} and isinstance(desired, dict) and isinstance(live, dict):
        yield from _mapping(desired, owned, live, path)
    elif kinds == {"k:"} and isinstance(desired, list) and isinstance(live, list):
        yield from _keyed(desired, owned, live, path)
    elif kinds == {"v:"} and isinstance(desired, list) and isinstance(live, list):
        yield from _set(desired, owned, live, path)
    else:
        yield Difference(path, desired, live, True)


def _mapping(
    desired: t.Mapping[str, t.Any], owned: Fields, live: t.Mapping[str, t.Any], path: str
) -> t.Iterator[Difference]:
    for key, value in desired.items():
        if f"f:{key}" in owned:
            yield from _value(value, owned[f"f:{key}"], live.get(key), f"{path}.{key}")
        else:
            yield Difference(f"{path}.{key}", value, live.get(key), False)
    for child in owned:
        if child.startswith("f:") and child[2:] not in desired:
            yield Difference(f"{path}.{child[2:]}", None, live.get(child[2:]), True)


def _matches(item: t.Any, key: t.Mapping[str, t.Any], whole: bool) -> bool:
    """Return whether *item* carries *key*; unless *whole*, a key field it leaves out was defaulted."""
    if not isinstance(item, dict):
        return False
    return all(item[name] == value if name in item else not whole for name, value in key.items())


def _find(items: list[t.Any], key: t.Mapping[str, t.Any]) -> int:
    """Return the index of the item with *key*, -1 without one, -2 when several could be meant."""
    for whole in (True, False):
        found = [index for index, item in enumerate(items) if _matches(item, key, whole)]
        if found:
            return found[0] if len(found) == 1 else -2
    return -1


def _keyed(desired: list[t.Any], owned: Fields, live: list[t.Any], path: str) -> t.Iterator[Difference]:
    claimed: set[int] = set()
    places: list[tuple[int, int]] = []
    for child, fields in owned.items():
        if not child.startswith("k:"):
            continue
        key = json.loads(child[2:])
        label = f"{path}[{','.join(f'{name}={value}' for name, value in key.items())}]"
        ours, theirs = _find(desired, key), _find(live, key)
        claimed.add(ours)
        if ours < 0 or theirs < 0:
            yield Difference(label, _at(desired, ours), _at(live, theirs), True)
            continue
        places.append((ours, theirs))
        # The key's own fields are present in the live item even where we left them to be defaulted.
        item = desired[ours]
        absent = {f"f:{name}" for name in key if name not in item}
        yield from _mapping(
            item, {name: value for name, value in fields.items() if name not in absent}, live[theirs], label
        )
    if not claimed.issuperset(range(len(desired))) or _reordered(places):
        yield Difference(path, desired, live, True)


def _at(items: list[t.Any], index: int) -> t.Any:
    return items[index] if index >= 0 else None


def _reordered(places: list[tuple[int, int]]) -> bool:
    order = [theirs for _ours, theirs in sorted(places)]
    return order != sorted(order)


def _set(desired: list[t.Any], owned: Fields, live: list[t.Any], path: str) -> t.Iterator[Difference]:
    owned_values = [json.loads(child[2:]) for child in owned if child.startswith("v:")]
    claimed = all(value in owned_values for value in desired) and all(value in desired for value in owned_values)
    missing = any(value not in live for value in desired)
    if not claimed or missing or _reordered([(index, live.index(value)) for index, value in enumerate(desired)]):
        yield Difference(path, desired, live, claimed)


def project(value: t.Any, fields: Fields) -> t.Any:
    """Return the part of *value* (an object or a part of one) that the tree *fields* names, lists in live order."""
    kinds = {key[:2] for key in fields if key != "."}
    if kinds == {"f:"} and isinstance(value, dict):
        return {
            child[2:]: project(value[child[2:]], tree)
            for child, tree in fields.items()
            if child.startswith("f:") and child[2:] in value
        }
    if kinds == {"k:"} and isinstance(value, list):
        return _project_keyed(value, fields)
    if kinds == {"v:"} and isinstance(value, list):
        owned_values = [json.loads(child[2:]) for child in fields if child.startswith("v:")]
        return [item for item in value if item in owned_values]
    return value


def _project_keyed(value: list[t.Any], fields: Fields) -> list[t.Any]:
    found: dict[int, t.Any] = {}
    for child, tree in fields.items():
        if not child.startswith("k:"):
            continue
        key = json.loads(child[2:])
        index = _find(value, key)
        if index >= 0:
            own = {name: part for name, part in tree.items() if name != "."}
            found[index] = {**key, **(project(value[index], own) if own else {})}
    return [found[index] for index in sorted(found)]
