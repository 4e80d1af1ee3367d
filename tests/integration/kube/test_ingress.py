# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role ingress installs, judged by the API server."""

from __future__ import annotations

import copy
import typing as t
import urllib.error

import pytest

from tests.unit.ingress.support import only, plan, rendered

# Kinds that need definitions.
CUSTOM = ("TLSOption",)


def built_in(provider: str) -> list[dict[str, t.Any]]:
    """Return what is installed for a controller, without what needs definitions."""
    return [item for item in rendered(plan(provider)) if item["kind"] not in CUSTOM]


def admitted(lab: t.Any, spec: dict[str, t.Any]) -> bool:
    """Return whether the namespace of the controllers would take a pod."""
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "ingress"}, "spec": spec}
    try:
        lab.server.call("POST", "/api/v1/namespaces/ingress/pods?dryRun=All", body)
    except urllib.error.HTTPError as exc:
        if exc.code != 403 or b"PodSecurity" not in exc.read():
            raise
        return False
    return True


def test_one_controller_takes_the_place_of_the_other(lab: t.Any) -> None:
    """By the server's own validation, strict about fields; a second run rests, and of the other one nothing is left."""
    for provider, other in (("traefik", "nginx"), ("nginx", "traefik"), ("traefik", "nginx")):
        objects = built_in(provider)
        done = lab.apply(objects, namespace=None)
        assert done.get("msg") is None and done["changed"]
        lab.assert_rests(objects, namespace=None)
        made = [change["object"] for change in done["changes"] if change["action"] != "delete"]
        gone = {change["object"] for change in done["changes"] if change["action"] == "delete"}
        assert not any(f"/{other}" in name or f"homelab-{other}" in name for name in made)
        assert not any("Service ingress/ingress" in name for name in gone), "its address would be given anew"
        deployments = lab.server.call("GET", "/apis/apps/v1/namespaces/ingress/deployments")["items"]
        assert [item["metadata"]["name"] for item in deployments] == [provider]
        assert not lab.server.exists(f"/apis/rbac.authorization.k8s.io/v1/clusterroles/homelab-{other}")
    lab.apply([], namespace=None)


@pytest.mark.parametrize("provider", ["nginx", "traefik"])
def test_pods_are_restricted_as_their_namespace_asks(lab: t.Any, provider: str) -> None:
    objects = built_in(provider)
    assert lab.apply(objects, namespace=None).get("msg") is None
    spec = only(objects, "Deployment")["spec"]["template"]["spec"]
    assert admitted(lab, spec)
    worse = copy.deepcopy(spec)
    worse["containers"][0]["securityContext"]["capabilities"]["add"] = ["NET_ADMIN"]
    assert not admitted(lab, worse)
    lab.apply([], namespace=None)
