# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed for a controller follows from the plan, and is the same for both where they are alike."""

from __future__ import annotations

import typing as t

import pytest

from tests.unit.ingress.support import Json, only, plan, rendered

PROVIDERS = ("nginx", "traefik")
for_each_provider = pytest.mark.parametrize("provider", PROVIDERS)
ROUTE = {"host": "shop.example.org", "namespace": "shop", "paths": [{"path": "/", "service": "web", "port": 80}]}
NODES = [
    {"name": "node1", "address": "192.168.20.11", "role": "control_plane"},
    {"name": "node2", "address": "192.168.20.12", "role": "worker"},
    {"name": "node3", "address": "192.168.20.13", "role": "worker"},
]


def pod(objects: t.Iterable[Json]) -> Json:
    """Return the template of the controller's pods."""
    return dict(only(objects, "Deployment")["spec"]["template"])


def test_what_they_share_differs_in_the_pods_it_means() -> None:
    found = [rendered(plan(provider)) for provider in PROVIDERS]
    for kind in ("Namespace", "Service", "PodDisruptionBudget"):
        texts = [str(only(objects, kind)).replace(provider, "?") for provider, objects in zip(PROVIDERS, found)]
        assert texts[0] == texts[1], kind
    names = [only(objects, "Service")["metadata"]["name"] for objects in found]
    assert names == ["ingress", "ingress"], "another one could not have the address before this is gone"


@for_each_provider
def test_the_service_leads_to_its_pods_at_the_plans_address(provider: str) -> None:
    objects = rendered(plan(provider, ingress={"provider": provider, "address": "192.168.20.205"}))
    service, template = only(objects, "Service"), pod(objects)
    assert service["metadata"]["annotations"] == {"metallb.io/loadBalancerIPs": "192.168.20.205"}
    assert service["spec"]["externalTrafficPolicy"] == "Local"
    labels = template["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert only(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"].items() <= labels.items()
    ports = {port["name"]: port["containerPort"] for port in template["spec"]["containers"][0]["ports"]}
    assert [(port["port"], port["targetPort"] in ports) for port in service["spec"]["ports"]] == [
        (80, True),
        (443, True),
    ]


@for_each_provider
@pytest.mark.parametrize(("nodes", "replicas"), [(NODES, 2), (NODES[:2], 1)], ids=["two workers", "one"])
def test_it_runs_on_two_workers_where_there_are_two(provider: str, nodes: list[Json], replicas: int) -> None:
    assert only(rendered(plan(provider, nodes=nodes)), "Deployment")["spec"]["replicas"] == replicas


@for_each_provider
def test_its_account_has_rights_and_its_image_is_the_locks(provider: str) -> None:
    the_plan = plan(provider)
    objects = rendered(the_plan)
    for binding in (item for item in objects if item["kind"].endswith("Binding")):
        assert binding["subjects"][0]["name"] == pod(objects)["spec"]["serviceAccountName"] == provider
        kind = binding["kind"].removesuffix("Binding")
        assert only(objects, kind)["metadata"]["name"] == binding["roleRef"]["name"]
    spec = pod(objects)["spec"]
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        assert container["image"] == the_plan["images"][provider]


@for_each_provider
def test_no_right_is_more_than_its_apis(provider: str) -> None:
    for role in (item for item in rendered(plan(provider)) if item["kind"] in ("ClusterRole", "Role")):
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert "secrets" not in rule["resources"] or {*rule["verbs"]} <= {"get", "list", "watch"}


def test_nginx_settings_are_texts() -> None:
    data = only(rendered(plan("nginx")), "ConfigMap")["data"]
    assert {name: type(value) for name, value in data.items()} == dict.fromkeys(data, str)
    assert data["http2"] == "true" and data["client-max-body-size"] == "0" and data["server-tokens"] == "false"


@pytest.mark.parametrize(
    ("public", "told"),
    [(True, {"set-real-ip-from": "10.244.0.0/16", "real-ip-header": "CF-Connecting-IP"}), (False, {})],
)
def test_pods_are_believed_only_where_the_tunnel_is_needed(public: bool, told: dict[str, str]) -> None:
    data = only(rendered(plan("nginx", routes={"shop": {**ROUTE, "public": public}})), "ConfigMap")["data"]
    assert {name: value for name, value in data.items() if "real-ip" in name} == told


def test_what_is_given_is_laid_over_the_settings() -> None:
    given = {"main-snippets": 'load_module "modules/a.so";', "worker-processes": "4", "a: b": "no\nsecond key: x"}
    data = only(rendered(plan("nginx", given)), "ConfigMap")["data"]
    assert data.items() >= given.items()
    assert {*data} - {*given} == {*only(rendered(plan("nginx")), "ConfigMap")["data"]} - {*given}


def test_nginx_tells_nobody_and_takes_no_snippets() -> None:
    arguments = pod(rendered(plan("nginx")))["spec"]["containers"][0]["args"]
    assert "-enable-telemetry-reporting=false" in arguments
    assert [argument for argument in arguments if "snippets" in argument] == []
