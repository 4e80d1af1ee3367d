# SPDX-License-Identifier: GPL-3.0-or-later
"""Every object that an intent becomes, and every issuer, as a real API server takes it.

The server has the controllers' own definitions: those that the lab's Traefik and cert-manager were built with. Those of
NGINX Ingress Controller are not at hand everywhere: HOMELAB_CRDS names a folder with them; objects of a group that
nothing defines are not judged.
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
from tests.unit.certificates import support as certificates
from tests.unit.routes.support import Intent, Json, compiled, intents

OTHERS = os.environ.get("HOMELAB_CRDS", "")
GROUPS = {"nginx": "k8s.nginx.org", "traefik": "traefik.io"}
CASES = [(provider, intent) for intent in intents() for provider in intent.objects]


def documents() -> t.Iterator[Json]:
    """Yield the definitions that are at hand."""
    builder = Builder(paths.of_environment())
    files = [
        builder.copy("traefik", "crds"),
        *sorted(builder.copy("cert-manager", "crds").glob("*.yaml")),
        *sorted(Path(OTHERS).glob("*.y*ml") if OTHERS else ()),
    ]
    for path in files:
        with path.open(encoding="utf-8") as stream:
            yield from (item for item in yaml.load_all(stream, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if item)


@pytest.fixture(scope="module")
def groups(server: t.Any) -> set[str]:
    """Install the definitions; return the groups they are of."""
    found = list({item["metadata"]["name"]: item for item in documents()}.values())
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


@pytest.mark.parametrize("provider", GROUPS)
def test_a_server_takes_the_issuers(lab: Lab, groups: set[str], provider: str) -> None:
    """Of the newest cert-manager: its profiles, its templates for Ingresses, its rotation of keys."""
    assert "cert-manager.io" in groups
    issuers = certificates.compiled(certificates.FULL, {}, provider)["certificates"]["objects"]
    renamed = [
        {**item, "metadata": {**item["metadata"], "name": f"{lab.namespace}-{item['metadata']['name']}"}}
        for item in issuers
    ]
    for item in renamed:
        if "namespace" in item["metadata"]:
            item["metadata"]["namespace"] = lab.namespace
    wanted = [lab.namespace_object(), *renamed]
    assert lab.apply(wanted).get("msg") is None
    lab.assert_rests(wanted)


@pytest.mark.parametrize(
    "change", [{"profil": "tlsserver"}, {"solvers": [{"http01": {"ingress": {"class": 1}}}]}], ids=str
)
def test_wrong_issuers_are_refused(lab: Lab, groups: set[str], change: Json) -> None:
    assert "cert-manager.io" in groups
    acme = {"server": "https://a", "privateKeySecretRef": {"name": "a"}, **change}
    item = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "ClusterIssuer",
        "metadata": {"name": f"{lab.namespace}-wrong"},
        "spec": {"acme": acme},
    }
    assert "acme" in lab.apply([lab.namespace_object(), item])["msg"]


def test_intents_make_objects_of_each_controller() -> None:
    for provider, group in GROUPS.items():
        found = [
            item["apiVersion"]
            for one, intent in CASES
            if one == provider
            for item in compiled(intent.routes, one)["objects"]
        ]
        assert any(version.startswith(f"{group}/") for version in found)
