# SPDX-License-Identifier: GPL-3.0-or-later
"""Which namespaces deny by default, and what each is allowed beside the plan's flows."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._lab import plan
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.namespaces import PLATFORM

from tests.negative.cases import HERE, laid_over, read_yaml, the_lock
from tests.unit.network.support import Json, parsed

BASELINE = ["homelab-deny", "homelab-dns", "homelab-ingress", "homelab-monitoring", "homelab-flows"]


def route(namespace: str) -> Json:
    paths = [{"path": "/", "service": "web", "port": 80}]
    return {"host": f"{namespace}.example.org", "namespace": namespace, "paths": paths}


def policies(network: Json | None = None, **values: t.Any) -> Json:
    """Return plan["policies"] of tests/negative/network.yml with *network* laid over it."""
    given = {f"homelab_{name}": value for name, value in values.items()}
    base = {
        **read_yaml(HERE / "base.yml"),
        "homelab_network": laid_over(read_yaml(HERE / "network.yml"), network or {}),
    }
    found: Json = plan.compile_plan(parsed({**base, **given}), the_lock())["policies"]
    return found


def of(found: Json, namespace: str) -> dict[str, Json]:
    """Return the specs of a namespace's policies by name."""
    return {
        item["metadata"]["name"]: item["spec"]
        for item in found["objects"]
        if item["metadata"].get("namespace") == namespace
    }


def peers(*names: str) -> list[Json]:
    return [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}} for name in names]


def test_nothing_is_guarded_where_nothing_is_named() -> None:
    assert policies() == {"namespaces": [], "objects": []}


def test_the_namespaces_of_routes_and_those_of_the_input_are_guarded() -> None:
    found = policies(
        ingress={"provider": "traefik"},
        routes={"shop": route("shop"), "blog": route("blog"), "open": route("open")},
        namespaces={"databases": {}, "open": {"default_deny": False}},
    )
    assert found["namespaces"] == ["blog", "databases", "shop"]
    made = [item["metadata"]["name"] for item in found["objects"] if item["kind"] == "Namespace"]
    assert made == found["namespaces"]
    for name in made:
        assert list(of(found, name)) == BASELINE


@pytest.mark.parametrize("name", PLATFORM)
def test_a_route_into_the_platform_does_not_cut_it_off(name: str) -> None:
    found = policies(ingress={"provider": "traefik"}, routes={"its": route(name)})
    assert found == {"namespaces": [], "objects": []}


def test_a_namespace_comes_before_its_policies() -> None:
    kinds = [item["kind"] for item in policies(namespaces={"a": {}, "b": {}})["objects"]]
    assert kinds == [kind for _name in "ab" for kind in ("Namespace", *["NetworkPolicy"] * len(BASELINE))]


def test_who_reaches_another_is_let_out_here_and_in_there() -> None:
    found = policies(
        namespaces={
            "shop": {"reaches": ["databases", "elsewhere"]},
            "jenkins": {"reaches": ["databases"], "default_deny": False},
            "databases": {},
        }
    )
    assert of(found, "shop")["homelab-reaches"]["egress"] == [{"to": peers("databases", "elsewhere")}]
    assert of(found, "shop")["homelab-reaches"]["policyTypes"] == ["Egress"]
    assert of(found, "databases")["homelab-reached"]["ingress"] == [{"from": peers("jenkins", "shop")}]
    assert "homelab-reached" not in of(found, "shop") and "homelab-reaches" not in of(found, "databases")
    assert of(found, "jenkins") == {}


def test_pods_of_one_namespace_reach_each_other_where_that_is_declared() -> None:
    own = of(policies(namespaces={"blog": {"reaches": ["blog"]}}), "blog")
    assert own["homelab-reaches"]["egress"] == [{"to": peers("blog")}]
    assert own["homelab-reached"]["ingress"] == [{"from": peers("blog")}]


@pytest.mark.parametrize(
    ("address", "allowed"), [("192.168.20.200", True), ("192.168.20.201", False)], ids=["that address", "another one"]
)
def test_a_flow_to_the_ingress_leads_to_its_pods(address: str, allowed: bool) -> None:
    """kube-proxy puts the pod's address in the place of the Service's before any policy is asked."""
    network = {
        "services": {"ingress": {"segment": "cluster", "addresses": [address], "ports": ["tcp/443"]}},
        "flows": [{"from": "pods", "to": "ingress"}],
    }
    found = policies(network, ingress={"provider": "traefik", "address": "192.168.20.200"}, namespaces={"shop": {}})
    own = of(found, "shop")
    assert ("homelab-published" in own) == allowed
    if allowed:
        assert own["homelab-published"]["egress"] == [{"to": peers("ingress")}]
