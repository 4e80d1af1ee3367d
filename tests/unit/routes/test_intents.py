# SPDX-License-Identifier: GPL-3.0-or-later
"""What each intent becomes, or is refused with: one file of the folder intents each, for both providers."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._routes.rules import PROVIDERS

from tests.unit.routes.support import SHOP, Intent, Json, compiled, contents, intents, problems, shop

for_each_provider = pytest.mark.parametrize("provider", PROVIDERS)
RENDERED = [
    pytest.param(provider, intent, id=f"{provider}-{intent.name}")
    for intent in intents()
    for provider in intent.objects
]
REFUSED = [
    pytest.param(provider, intent, id=f"{provider}-{intent.name}")
    for intent in intents()
    for provider in intent.refused
]
for_each_rendered = pytest.mark.parametrize(("provider", "intent"), RENDERED)


@for_each_rendered
def test_objects(provider: str, intent: Intent) -> None:
    """They are these, in the order in which they can be applied."""
    found = contents(compiled(intent.routes, provider)["objects"])
    assert found == intent.objects[provider]
    assert list(found) == list(intent.objects[provider])


@pytest.mark.parametrize(("provider", "intent"), REFUSED)
def test_refused(provider: str, intent: Intent) -> None:
    assert problems(intent.routes, provider) == intent.refused[provider]


@pytest.mark.parametrize("intent", intents(), ids=lambda intent: intent.name)
def test_every_provider_has_an_answer(intent: Intent) -> None:
    assert intent.objects and {*intent.objects, *intent.refused} == set(PROVIDERS)
    assert not {*intent.objects} & {*intent.refused}


@for_each_rendered
def test_metadata(provider: str, intent: Intent) -> None:
    labels = {"app.kubernetes.io/managed-by": "atarnet.homelab", "app.kubernetes.io/name": "shop"}
    for item in compiled(intent.routes, provider)["objects"]:
        assert item["metadata"] == {"name": item["metadata"]["name"], "namespace": "shop", "labels": labels}


@for_each_rendered
def test_what_an_object_names_precedes_it(provider: str, intent: Intent) -> None:
    before = {"wildcard-cert", "noop@internal"}
    for item in compiled(intent.routes, provider)["objects"]:
        assert set(named(item)) <= before, item["kind"]
        before |= {item["metadata"]["name"], item.get("spec", {}).get("secretName", "")}


def named(item: Json) -> t.Iterator[str]:
    """Yield the names of other objects of the route in an object."""
    if item["kind"] in ("Secret", "Certificate", "ServersTransport"):
        return
    spec = item["spec"]
    yield from [spec["basicAuth"]["secret"]] if "basicAuth" in spec else []
    yield from [name for key, name in spec.get("tls", {}).items() if key in ("secret", "secretName")]
    yield from [policy["name"] for policy in spec.get("policies", ())]
    for rule in spec.get("routes", ()):
        yield from [middleware["name"] for middleware in rule.get("middlewares", ())]
        yield from [
            service["serversTransport"] for service in rule.get("services", ()) if "serversTransport" in service
        ]


@for_each_provider
def test_the_plan_is_plain_and_repeatable(provider: str) -> None:
    routes = shop({"tls": {"issuer": "internal"}, "sources": ["192.168.50.0/24"]})
    assert json.loads(json.dumps(compiled(routes, provider))) == compiled(routes, provider)


@for_each_provider
def test_hosts(provider: str) -> None:
    routes = {
        "web": {**SHOP, "host": "www.example.org", "public": True, "tls": {"issuer": "letsencrypt"}},
        "own": {**SHOP, "host": "own.example.org", "tls": {"secret": "own"}},
        "any": {**SHOP, "host": "*.lab.example.org"},
    }
    plan = compiled(routes, provider)
    assert plan["provider"] == provider
    assert plan["hosts"] == {
        "www.example.org": {"route": "web", "public": True, "tls": True, "issuer": "letsencrypt"},
        "own.example.org": {"route": "own", "public": False, "tls": True, "issuer": None},
        "*.lab.example.org": {"route": "any", "public": False, "tls": False, "issuer": None},
    }


@for_each_provider
def test_no_route_takes_the_name_of_another_ones_object(provider: str) -> None:
    """Routes may be called as the parts of others are."""
    all_of_it = {**SHOP, **next(intent for intent in intents() if intent.name == "everything").routes["shop"]}
    names = [
        "shop",
        *(f"shop-{part}" for part in ("http", "https", "tls", "users", "rate", "auth", "sources", "upgrade")),
    ]
    routes = {name: {**all_of_it, "host": f"{name}.example.org"} for name in names}
    found = [(item["kind"], item["metadata"]["name"]) for item in compiled(routes, provider)["objects"]]
    assert len(found) == len(set(found))


@for_each_provider
def test_no_routes(provider: str) -> None:
    assert compiled({}, provider) == {"provider": provider, "objects": [], "hosts": {}}
