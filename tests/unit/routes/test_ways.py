# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Service a request reaches: by the intent, and by the objects as their controller's documentation reads them."""

from __future__ import annotations

import re
import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._routes.rules import PROVIDERS

from tests.unit.routes.support import Json, compiled

ROUTES = {
    "shop": {
        "host": "shop.example.org",
        "namespace": "one",
        "paths": [
            {"path": "/", "service": "root", "port": 80},
            {"path": "/api", "service": "api", "port": 80},
            {"path": "/api", "match": "exact", "service": "docs", "port": 80},
            {"path": "/api/v1/", "service": "v1", "port": 80},
            {"path": "/api/", "match": "exact", "service": "slash", "port": 80},
            {"path": "/healthz", "match": "exact", "service": "health", "port": 80},
        ],
    },
    "some": {"host": "*.example.org", "namespace": "two", "paths": [{"path": "/api", "service": "some", "port": 80}]},
    "more": {
        "host": "*.apps.example.org",
        "namespace": "two",
        "paths": [{"path": "/", "service": "more", "port": 80}, {"path": "/a.b/c", "service": "dot", "port": 80}],
    },
    "away": {"host": "away.apps.example.org", "namespace": "two", "redirect": {"to": "http://shop.example.org"}},
}
REQUESTS = {
    "shop.example.org/": "root",
    "shop.example.org/apis": "root",
    "shop.example.org/api": "docs",
    "shop.example.org/api/": "slash",
    "shop.example.org/api/v": "api",
    "shop.example.org/api/v1": "v1",
    "shop.example.org/api/v1/": "v1",
    "shop.example.org/api/v1/x/y": "v1",
    "shop.example.org/api/v11": "api",
    "shop.example.org/healthz": "health",
    "shop.example.org/healthz/": "root",
    "shop.example.org/API": "root",
    "x.example.org/api": "some",
    "x.example.org/api/x": "some",
    "x.example.org/": "",
    "x.y.example.org/api": "some",
    "example.org/api": "",
    "xexample.org/api": "",
    "x.apps.example.org/api": "more",
    "x.y.apps.example.org/": "more",
    "x.apps.example.org/a.b/c/d": "dot",
    "x.apps.example.org/axb/c": "more",
    "away.apps.example.org/api": "http://shop.example.org",
    "x.away.apps.example.org/": "more",
}


def by_nginx(objects: t.Sequence[Json], host: str, path: str) -> str:
    """server_name: the name, else the longest wildcard; location: "=", else the longest prefix."""
    servers = {item["spec"]["host"]: item["spec"] for item in objects if item["kind"] == "VirtualServer"}
    wildcards = [name for name in servers if name.startswith("*") and host.endswith(name[1:])]
    spec = servers.get(host) or servers.get(max(wildcards, key=len, default=""))
    if spec is None:
        return ""
    actions = {route["path"]: route["action"] for route in spec["routes"]}
    assert len(actions) == len(spec["routes"]), "nginx refuses a location that is there twice"
    prefixes = [place for place in actions if path.startswith(place)]
    action = actions.get(f"={path}") or actions.get(max(prefixes, key=len, default=""))
    if action is None:
        return ""
    if "redirect" in action:
        return str(action["redirect"]["url"]).removesuffix("${request_uri}")
    return str(next(item["service"] for item in spec["upstreams"] if item["name"] == action["proxy"]["upstream"]))


def by_traefik(objects: t.Sequence[Json], host: str, path: str) -> str:
    """Of the rules that match, the one with the highest priority."""
    rules = [rule for item in objects if item["kind"] == "IngressRoute" for rule in item["spec"]["routes"]]
    hits = sorted(
        (rule["priority"], rule["services"][0]["name"]) for rule in rules if matches(rule["match"], host, path)
    )
    assert len({priority for priority, _name in hits}) == len(hits), "which one comes first would be chance"
    redirects = {
        item["spec"]["redirectRegex"]["replacement"] for item in objects if "redirectRegex" in item.get("spec", {})
    }
    found = hits[-1][1] if hits else ""
    return str(next(iter(redirects)).removesuffix("${1}")) if found == "noop@internal" else found


def matches(rule: str, host: str, path: str) -> bool:
    """Judge a rule, whose matchers stand beside && and || and in parentheses."""
    judges: dict[str, t.Callable[[str], bool]] = {
        "Host": lambda text: host == text,
        "HostRegexp": lambda text: re.search(text, host) is not None,
        "Path": lambda text: path == text,
        "PathPrefix": path.startswith,
    }
    judged = re.sub(r"(\w+)\(`([^`]*)`\)", lambda match: str(judges[match[1]](match[2])), rule)
    return bool(eval(judged.replace("&&", "and").replace("||", "or"), {}))


JUDGES = {"nginx": by_nginx, "traefik": by_traefik}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("request_", "service"), REQUESTS.items(), ids=REQUESTS)
def test_way(provider: str, request_: str, service: str) -> None:
    host, slash, path = request_.partition("/")
    assert JUDGES[provider](compiled(ROUTES, provider)["objects"], host, slash + path) == service


def test_ways_are_all_used() -> None:
    names = {path["service"] for route in ROUTES.values() for path in t.cast("Json", route).get("paths", ())}
    assert names < set(REQUESTS.values())
