# SPDX-License-Identifier: GPL-3.0-or-later
"""Every object that an intent becomes, judged by the schema its controller publishes; unknown fields are errors.

The schemas are not part of the collection. HOMELAB_CRDS names a folder with CustomResourceDefinitions, one or more a
file: HOMELAB_CRDS=FOLDER pytest tests/unit/routes/test_schemas.py. Objects of a group that no file is about are not
judged, and neither are Kubernetes' own; a Kubernetes API server with the same definitions judges the rest.
"""

from __future__ import annotations

import functools
import os
import typing as t
from pathlib import Path

import pytest
import yaml

from tests.unit.routes.support import Json, compiled, intents

FOLDER = os.environ.get("HOMELAB_CRDS", "")
needs_schemas = pytest.mark.skipif(not FOLDER, reason="HOMELAB_CRDS names no folder")
GROUPS = ("k8s.nginx.org", "traefik.io", "cert-manager.io")


@functools.cache
def schemas() -> dict[tuple[str, str], Json]:
    """Return the schemas by apiVersion and kind."""
    found = {}
    for path in sorted(Path(FOLDER).glob("*.y*ml")):
        for crd in yaml.load_all(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            for version in crd["spec"]["versions"] if crd else ():
                name = (f"{crd['spec']['group']}/{version['name']}", crd["spec"]["names"]["kind"])
                found[name] = strict(version["schema"]["openAPIV3Schema"])
    return found


def strict(schema: t.Any) -> t.Any:
    """Return a schema that refuses fields it does not know, as an API server does with fieldValidation=Strict."""
    if not isinstance(schema, dict):
        return schema
    closed = {name: strict(value) for name, value in schema.items() if name not in ("properties", "items")}
    if "items" in schema:
        closed["items"] = strict(schema["items"])
    if "properties" in schema:
        closed["properties"] = {name: strict(value) for name, value in schema["properties"].items()}
        closed.setdefault("additionalProperties", schema.get("x-kubernetes-preserve-unknown-fields", False))
    return closed


def errors(item: Json) -> list[str] | None:
    """Return what is wrong with an object; None where there is no schema for it."""
    import jsonschema

    schema = schemas().get((item["apiVersion"], item["kind"]))
    if schema is None:
        return None
    # Metadata has a schema of Kubernetes' own, which a definition leaves out.
    body = {**item, "metadata": {}}
    return [f"{error.json_path}: {error.message}" for error in jsonschema.Draft7Validator(schema).iter_errors(body)]


def of_group(group: str) -> list[tuple[str, Json]]:
    """Return all objects of a group, with the intent they are of."""
    return [
        (intent.name, item)
        for intent in intents()
        for provider in intent.objects
        for item in compiled(intent.routes, provider)["objects"]
        if item["apiVersion"].startswith(f"{group}/")
    ]


@needs_schemas
@pytest.mark.parametrize("group", GROUPS)
def test_objects_are_valid(group: str) -> None:
    if not any(version.startswith(f"{group}/") for version, _kind in schemas()):
        pytest.skip(f"HOMELAB_CRDS has nothing on {group}")
    assert [(name, item["kind"], errors(item)) for name, item in of_group(group) if errors(item) != []] == []


@needs_schemas
@pytest.mark.parametrize(
    "change",
    [{"hots": "a"}, {"host": 1}, {"upstreams": [{"name": "a", "prot": 80}]}, {"tls": {"redirect": {"enable": "yes"}}}],
    ids=str,
)
def test_wrong_objects_are_not(change: Json) -> None:
    if not any(version.startswith("k8s.nginx.org/") for version, _kind in schemas()):
        pytest.skip("HOMELAB_CRDS has nothing on k8s.nginx.org")
    item = {"apiVersion": "k8s.nginx.org/v1", "kind": "VirtualServer", "metadata": {}, "spec": {"host": "a"}}
    assert errors(item) == []
    assert errors({**item, "spec": {"host": "a", **change}})


@pytest.mark.parametrize("group", GROUPS)
def test_intents_make_objects_of_every_group(group: str) -> None:
    assert of_group(group)
