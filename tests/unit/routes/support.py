# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes for the tests: one called shop with changes, or several, for a provider."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from pathlib import Path

import yaml
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.problems import Findings
from ansible_collections.atarnet.homelab.plugins.module_utils._routes import plan, rules

HERE = Path(__file__).resolve().parent
Json = dict[str, t.Any]
PATH = {"path": "/", "service": "web", "port": 80}
SHOP: Json = {"host": "shop.example.org", "namespace": "shop", "paths": [PATH]}


def shop(changes: t.Mapping[str, t.Any]) -> Json:
    """Return homelab_routes with one route, shop, with *changes*; null takes a key out."""
    return {"shop": {name: value for name, value in {**SHOP, **changes}.items() if value is not None}}


def problems(routes: t.Any, provider: str) -> list[str]:
    """Return what is wrong with *routes*, as the user reads it."""
    findings = Findings()
    rules.check_routes({"homelab_routes": routes}, provider, findings)
    return [str(problem) for problem in findings.problems]


def compiled(routes: Json, provider: str) -> Json:
    """Return plan["routes"]; nothing may be wrong with *routes*."""
    findings = Findings()
    sound = rules.check_routes({"homelab_routes": routes}, provider, findings)
    assert [str(problem) for problem in findings.problems] == []
    return plan.compile_routes(sound, provider)


@dataclass(frozen=True)
class Intent:
    """A route, and by provider the objects it becomes, or what the provider refuses it with."""

    name: str
    routes: Json
    objects: dict[str, Json]
    refused: dict[str, list[str]]


def intents() -> list[Intent]:
    """Return those of the folder intents, by file name."""
    return [_intent(path) for path in sorted((HERE / "intents").glob("*.yml"))]


def _intent(path: Path) -> Intent:
    entry = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Intent(
        name=path.stem,
        routes=shop(entry["route"]),
        objects={provider: entry[provider] for provider in rules.PROVIDERS if provider in entry},
        refused={
            provider: entry[f"{provider}_refuses"] for provider in rules.PROVIDERS if f"{provider}_refuses" in entry
        },
    )


def contents(objects: t.Iterable[Json]) -> Json:
    """Return what is in objects besides their metadata, by "Kind name"."""
    common = ("apiVersion", "kind", "metadata")
    return {
        f"{item['kind']} {item['metadata']['name']}": item.get("spec")
        or {name: value for name, value in item.items() if name not in common}
        for item in objects
    }
