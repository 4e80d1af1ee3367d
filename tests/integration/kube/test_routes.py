# SPDX-License-Identifier: GPL-3.0-or-later
"""Every object that an intent becomes, as a real API server with the controllers' own definitions takes it.

Traefik's definitions are those that the lab's Traefik was built with. The others are not at hand everywhere:
HOMELAB_CRDS names a folder with CustomResourceDefinitions of NGINX Ingress Controller and of cert-manager; objects of a
group that nothing defines are not judged.
"""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
import yaml

from lab import paths
from lab.components import Builder
from tests.integration.kube.conftest import Lab
from tests.unit.routes.support import Intent, Json, compiled, intents

OTHERS = os.environ.get("HOMELAB_CRDS", "")
GROUPS = {"nginx": "k8s.nginx.org", "traefik": "traefik.io"}
CASES = [(provider, intent) for intent in intents() for provider in intent.objects]


def documents() -> t.Iterator[Json]:
    """Yield the definitions that are at hand."""
    files = [
        Builder(paths.of_environment()).copy("traefik", "crds"),
        *sorted(Path(OTHERS).glob("*.y*ml") if OTHERS else ()),
    ]
    for path in files:
        with path.open(encoding="utf-8") as stream:
            yield from (item for item in yaml.load_all(stream, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if item)


@pytest.fixture(scope="module")
def groups(server: t.Any) -> set[str]:
    """Install the definitions; return the groups they are of."""
    found = list(documents())
    owner = Lab(server)
    assert owner.apply(found, wait=True).get("msg") is None
    return {item["spec"]["group"] for item in found}


@pytest.mark.parametrize(("provider", "intent"), CASES, ids=[f"{one}-{intent.name}" for one, intent in CASES])
def test_a_server_takes_what_an_intent_becomes(lab: Lab, groups: set[str], provider: str, intent: Intent) -> None:
    # NGINX Ingress Controller's definitions are neither built here nor ours to ship.
    if GROUPS[provider] not in groups:
        pytest.skip(f"HOMELAB_CRDS has nothing on {GROUPS[provider]}")
    objects = [
        {**item, "metadata": {**item["metadata"], "namespace": lab.namespace}}
        for item in compiled(intent.routes, provider)["objects"]
        if "." not in item["apiVersion"] or item["apiVersion"].partition("/")[0] in groups
    ]
    wanted = [lab.namespace_object(), *objects]
    assert lab.apply(wanted).get("msg") is None
    lab.assert_rests(wanted)


@pytest.mark.parametrize("change", [{"mach": "a"}, {"match": 1}, {"priority": "high"}], ids=str)
def test_wrong_objects_are_refused(lab: Lab, groups: set[str], change: Json) -> None:
    """The judge is one: what is misspelled or of another type does not pass."""
    assert "traefik.io" in groups
    rule = {"kind": "Rule", "match": "Host(`a`)", **change}
    item = {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "IngressRoute",
        "metadata": {"name": "wrong", "namespace": lab.namespace},
        "spec": {"routes": [rule]},
    }
    told = lab.apply([lab.namespace_object(), item])
    assert next(iter(change)) in told["msg"], told


def test_intents_make_objects_of_each_controller() -> None:
    for provider, group in GROUPS.items():
        found = [
            item["apiVersion"]
            for one, intent in CASES
            if one == provider
            for item in compiled(intent.routes, one)["objects"]
        ]
        assert any(version.startswith(f"{group}/") for version in found)
