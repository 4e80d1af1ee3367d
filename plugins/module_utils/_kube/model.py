# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects as they are wanted: reading, checking and naming them. Pure: no Ansible, no server."""

from __future__ import annotations

import base64
import binascii
import re
import typing as t
from dataclasses import dataclass

from .errors import KubeError
from .kinds import BUILT_IN, PROTECTED, Resource, stage

Json = dict[str, t.Any]
MANAGED_BY = ("app.kubernetes.io/managed-by", "atarnet-homelab")
_OWNER = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class Ref:
    """The name of one object; namespace is empty for cluster-wide kinds."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @property
    def group(self) -> str:
        """Return the API group, empty for the core one."""
        return self.api_version.rpartition("/")[0]

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Return the identity: the version of an API does not make another object."""
        return (self.group, self.kind, self.namespace, self.name)

    @property
    def stage(self) -> int:
        """Return the place in the order of application."""
        return stage(self.api_version, self.kind)

    @property
    def protected(self) -> bool:
        """Return whether pruning must leave the object alone."""
        return self.kind in PROTECTED and (self.api_version, self.kind) in BUILT_IN

    def __str__(self) -> str:
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.api_version} {self.kind} {place}"

    @staticmethod
    def of(live: Json) -> Ref:
        """Return the name of a live object."""
        metadata = live["metadata"]
        return Ref(live["apiVersion"], live["kind"], metadata.get("namespace", ""), metadata["name"])

    @staticmethod
    def parse(text: str) -> Ref:
        """Return the reference that str() wrote. Raises KubeError for any other text."""
        words = text.split()
        if len(words) != 3:
            raise KubeError(
                f"Reading the inventory line {text!r}: it is no object. Remove the line from the ConfigMap."
            )
        namespace, _slash, name = words[2].rpartition("/")
        return Ref(words[0], words[1], namespace, name)


@dataclass(frozen=True)
class Wanted:
    """One desired object: its body as it is sent, its name, and where it was read ("objects[3]")."""

    ref: Ref
    body: Json
    origin: str


def field_manager(owner: str) -> str:
    """Return the field manager of *owner*. Raises KubeError when the owner could not name an inventory."""
    if not _OWNER.fullmatch(owner):
        raise KubeError(
            f"Reading owner {owner!r}: it is no DNS label of at most 40 characters. "
            "Use lower-case letters, digits and dashes."
        )
    return f"atarnet-homelab/{owner}"


def read_objects(sources: t.Iterable[tuple[str, t.Any]]) -> list[Wanted]:
    """Return the objects of (origin, document) pairs, kind List taken apart and empty documents passed over.

    The result has no nulls, no status and Secret values as base64 in data. Raises KubeError naming the origin.
    """
    found: list[Wanted] = []
    for origin, document in sources:
        if document is None:
            continue
        body = _plain(document, origin, "")
        if not isinstance(body, dict):
            raise KubeError(f"Reading {origin}: it is a {type(body).__name__}, not an object. Give a mapping.")
        if str(body.get("kind", "")).endswith("List") and isinstance(body.get("items"), list):
            found += read_objects((f"{origin}.items[{index}]", item) for index, item in enumerate(body["items"]))
            continue
        found.append(_read_object(body, origin))
    return found


def _read_object(body: Json, origin: str) -> Wanted:
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
    for key, value in (("apiVersion", body.get("apiVersion")), ("kind", body.get("kind"))):
        if not isinstance(value, str) or not value:
            raise KubeError(f"Reading {origin}: key {key} is missing. Say which kind of object it is.")
    if "generateName" in metadata:
        raise KubeError(f"Reading {origin}: metadata.generateName makes a new object each run. Set metadata.name.")
    if not isinstance(metadata.get("name"), str) or not metadata["name"]:
        raise KubeError(f"Reading {origin} ({body['kind']}): key metadata.name is missing. Name the object.")
    namespace = metadata.get("namespace", "")
    if not isinstance(namespace, str):
        raise KubeError(f"Reading {origin} ({body['kind']}): metadata.namespace is not a string. Give its name.")
    for server_made in ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation"):
        metadata.pop(server_made, None)
    body.pop("status", None)
    _leave_a_trace(body, metadata)
    ref = Ref(body["apiVersion"], body["kind"], namespace, metadata["name"])
    if (ref.api_version, ref.kind) == ("v1", "Secret"):
        _settle_secret(body, origin)
    return Wanted(ref, body, origin)


def _leave_a_trace(body: Json, metadata: Json) -> None:
    """Label an object that is nothing but a name: the server notes a field manager only where it owns a field."""
    content = [value for key, value in body.items() if key not in ("apiVersion", "kind", "metadata")]
    content += [value for key, value in metadata.items() if key not in ("name", "namespace")]
    if not any(_has_leaf(value) for value in content):
        metadata["labels"] = dict([MANAGED_BY])


def _has_leaf(value: t.Any) -> bool:
    if isinstance(value, (dict, list)):
        return any(_has_leaf(item) for item in (value.values() if isinstance(value, dict) else value))
    return True


def _settle_secret(body: Json, origin: str) -> None:
    """Move stringData into data as the server does, so that what is sent is what is found later."""
    text = body.pop("stringData", {})
    data = body.get("data", {})
    if not isinstance(text, dict) or not isinstance(data, dict):
        raise KubeError(f"Reading {origin} (Secret): data and stringData are mappings of strings. Correct them.")
    for key, value in {**data, **text}.items():
        if not isinstance(value, str):
            raise KubeError(f"Reading {origin} (Secret): the value of key {key!r} is not a string. Quote it.")
    for key, value in data.items():
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error as exc:
            raise KubeError(
                f"Reading {origin} (Secret): data.{key} is not base64. Encode it, or put it under stringData."
            ) from exc
    if text:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in text.items()}
        body["data"] = {**data, **encoded}


def _plain(value: t.Any, origin: str, path: str) -> t.Any:
    """Return a copy in exact JSON types, without nulls in mappings; *value* may carry the caller's subclasses."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise KubeError(f"Reading {origin}: key {key!r} of {path or '.'} is not a string. Quote it.")
        copied = {str(key): _plain(item, origin, f"{path}.{key}") for key, item in value.items()}
        return {key: item for key, item in copied.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(item, origin, f"{path}[{index}]") for index, item in enumerate(value)]
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    raise KubeError(f"Reading {origin}: {path or '.'} is a {type(value).__name__}, which JSON lacks. Quote it.")


def declared_kinds(bodies: t.Iterable[Json]) -> dict[tuple[str, str], Resource]:
    """Return the kinds, by (apiVersion, kind), that CustomResourceDefinitions among the objects declare."""
    declared = {}
    for body in bodies:
        if body.get("kind") != "CustomResourceDefinition":
            continue
        spec = body.get("spec", {})
        names = spec.get("names", {})
        resource = Resource(str(names.get("plural")), spec.get("scope") == "Namespaced")
        for version in spec.get("versions", []):
            declared[f"{spec.get('group')}/{version.get('name')}", str(names.get("kind"))] = resource
    return declared


def place(wanted: list[Wanted], scopes: t.Mapping[tuple[str, str], Resource | None], namespace: str) -> list[Wanted]:
    """Return the objects with their final namespace, in the order of application.

    scopes tells of each (apiVersion, kind) whether it is namespaced; None means nobody knows the kind yet.
    Raises KubeError for an object that lacks a namespace, must not have one, or is there twice.
    """
    placed: dict[tuple[str, str, str, str], Wanted] = {}
    for item in wanted:
        final = _place_one(item, scopes.get((item.ref.api_version, item.ref.kind)), namespace)
        twin = placed.get(final.ref.key)
        if twin is not None:
            raise KubeError(f"Reading {final.origin}: {final.ref} is also {twin.origin}. Remove one of the two.")
        placed[final.ref.key] = final
    return sorted(placed.values(), key=lambda item: item.ref.stage)


def _place_one(item: Wanted, resource: Resource | None, namespace: str) -> Wanted:
    ref = item.ref
    if resource is not None and not resource.namespaced:
        if ref.namespace:
            raise KubeError(
                f"Reading {item.origin}: {ref.kind} {ref.name} is cluster-wide but has metadata.namespace. Remove it."
            )
        return item
    if ref.namespace:
        return item
    if not namespace:
        if resource is None:
            return item
        raise KubeError(
            f"Reading {item.origin}: {ref.kind} {ref.name} has no namespace. "
            "Set metadata.namespace, or the namespace of the task."
        )
    body = {**item.body, "metadata": {**item.body["metadata"], "namespace": namespace}}
    return Wanted(Ref(ref.api_version, ref.kind, namespace, ref.name), body, item.origin)
