# SPDX-License-Identifier: GPL-3.0-or-later
"""kube_apply against a real API server: no-ops write nothing, checks tell what the run does, drift is mended."""

from __future__ import annotations

import copy
import typing as t

import pytest

from tests.integration.kube.hand import gadgets

Objects = list[dict[str, t.Any]]

CONTAINER = {
    "name": "app",
    "image": "example.test/app:1",
    "ports": [{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}],
    "env": [{"name": "Z", "value": "1"}, {"name": "A", "value": "2"}],
    "resources": {"requests": {"cpu": "1000m", "memory": "64Mi"}, "limits": {"memory": "1024Mi"}},
    "securityContext": {},
    "livenessProbe": {"httpGet": {"path": "/", "port": 80}},
    "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
}
POD = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {
        "containers": [CONTAINER],
        "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "1024Mi"}}],
        "tolerations": [{"operator": "Exists"}],
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "affinity": {},
    },
}


def mixed(lab: t.Any) -> Objects:
    """Return objects of many kinds, with much that the server defaults, rewrites or drops."""
    labels = {"app": "web"}
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}
    return [
        lab.namespace_object(),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1\n2\n"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}, "stringData": {"key": "canary-4711"}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "labels": {}},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 80}]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "creationTimestamp": None},
            "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": copy.deepcopy(POD)},
            "status": {},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "agent"},
            "spec": {"selector": {"matchLabels": labels}, "template": copy.deepcopy(POD)},
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": "reader"},
            "rules": [rule],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "reader"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": lab.namespace}],
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "web"},
            "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"ports": [{"port": 80}]}]},
        },
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": "tick"},
            "spec": {
                "schedule": "0 0 * * *",
                "jobTemplate": {"spec": {"template": {"spec": {**POD["spec"], "restartPolicy": "Never"}}}},
            },
        },
    ]


def definition(group: str) -> dict[str, t.Any]:
    """Return a CustomResourceDefinition with a set, a keyed list, an atomic list, defaults and free fields."""
    item = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string"}, "mode": {"type": "string", "default": "x"}},
    }
    spec = {
        "type": "object",
        "properties": {
            "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
            "parts": {
                "type": "array",
                "items": item,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
            "steps": {"type": "array", "items": copy.deepcopy(item)},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    return gadgets(group, spec)


def gadget(group: str) -> dict[str, t.Any]:
    """Return an object of that definition."""
    spec = {
        "tags": ["b", "a"],
        "parts": [{"name": "two"}, {"name": "one", "mode": "y"}],
        "steps": [{"name": "first"}],
        "free": {"size": "1000m", "list": [1, 2]},
    }
    return {"apiVersion": f"{group}/v1", "kind": "Gadget", "metadata": {"name": "one"}, "spec": spec}


def facts(result: dict[str, t.Any]) -> tuple[t.Any, t.Any, t.Any]:
    """Return what a check and the run after it have to agree on."""
    assert "failed" not in result, result["msg"]
    return result["changed"], result["changes"], result["diff"]


def test_a_second_run_sends_nothing_but_reads(lab: t.Any) -> None:
    objects = [*mixed(lab), definition(f"{lab.owner}.test"), gadget(f"{lab.owner}.test")]
    first = lab.apply(objects)
    assert (first.get("msg"), len(first["changes"])) == (None, 12)
    start = len(lab.server.audit())
    second = lab.apply(objects)
    assert facts(second) == (False, [], [])
    assert lab.mutating(start) == []
    assert second["requests"] == {"read": 13 + 1, "dry_run": 0, "write": 0}


def test_check_tells_exactly_what_the_run_does_and_writes_nothing(lab: t.Any) -> None:
    group = f"{lab.owner}.test"
    objects = [*mixed(lab), definition(group), gadget(group)]
    start = len(lab.server.audit())
    checked = lab.apply(objects, check=True)
    assert all("dryRun=All" in sent for sent in lab.mutating(start))
    assert not lab.server.exists(f"/api/v1/namespaces/{lab.namespace}")
    assert facts(lab.apply(objects)) == facts(checked)

    objects[1]["data"] = {"b": "2"}
    objects[2]["stringData"]["key"] = "canary-4712"
    objects[4]["spec"]["template"]["spec"]["containers"][0]["env"].reverse()
    objects[-1]["spec"]["tags"] = ["c"]
    changed = [*objects[:8], *objects[9:]]
    version = lab.server.call("GET", lab.path("configmaps", "settings"))["metadata"]["resourceVersion"]
    checked = lab.apply(changed, check=True)
    assert lab.server.call("GET", lab.path("configmaps", "settings"))["metadata"]["resourceVersion"] == version
    done = lab.apply(changed)
    assert facts(done) == facts(checked)
    assert [(change["action"], change["object"].split("/")[-1]) for change in done["changes"]] == [
        ("update", "settings"),
        ("update", "token"),
        ("update", "web"),
        ("update", "one"),
        ("delete", "web"),
    ]
    assert facts(lab.apply(changed)) == (False, [], [])


FOREIGN = {
    "a label we do not own": ("configmaps", "settings", "/api/v1", {"metadata": {"labels": {"by": "hand"}}}),
    "a key we do not own": ("configmaps", "settings", "/api/v1", {"data": {"more": "x"}}),
    "a sidecar": (
        "deployments",
        "web",
        "/apis/apps/v1",
        {"spec": {"template": {"metadata": {"annotations": {"injected": "yes"}}}}},
    ),
    "a pause": ("deployments", "web", "/apis/apps/v1", {"spec": {"paused": True}}),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_what_others_add_is_no_change(lab: t.Any, case: str) -> None:
    objects = mixed(lab)
    lab.apply(objects)
    plural, name, base, patch = FOREIGN[case]
    lab.server.patch(lab.path(plural, name, base), patch)
    lab.assert_rests(objects)


DRIFT = {
    "a value": ("configmaps", "settings", "/api/v1", {"data": {"a": "changed"}}),
    "a removed key": ("configmaps", "settings", "/api/v1", {"data": {"a": None}}),
    "a secret": ("secrets", "token", "/api/v1", {"data": {"key": "YW5vdGhlcg=="}}),
    "an image": ("cronjobs", "tick", "/apis/batch/v1", {"spec": {"schedule": "1 1 * * *"}}),
    "replicas": ("deployments", "web", "/apis/apps/v1", {"spec": {"replicas": 5}}),
    "an atomic list": ("roles", "reader", "/apis/rbac.authorization.k8s.io/v1", {"rules": []}),
    "a selector": ("services", "web", "/api/v1", {"spec": {"selector": {"app": "other"}}}),
}


@pytest.mark.parametrize("case", DRIFT)
def test_drift_of_our_fields_is_found_and_mended(lab: t.Any, case: str) -> None:
    objects = mixed(lab)
    lab.apply(objects)
    plural, name, base, patch = DRIFT[case]
    lab.server.patch(lab.path(plural, name, base), patch)
    checked = lab.apply(objects, check=True, force_conflicts=True)
    done = lab.apply(objects, force_conflicts=True)
    assert facts(done) == facts(checked)
    assert [change["action"] for change in done["changes"]] == ["update"]
    assert facts(lab.apply(objects)) == (False, [], [])


def test_replicas_belong_to_the_autoscaler_once_it_scaled(lab: t.Any) -> None:
    objects = mixed(lab)
    lab.apply(objects)
    scale = lab.path("deployments", "web/scale", "/apis/apps/v1")
    lab.server.patch(scale, {"spec": {"replicas": 7}}, manager="kube-controller-manager")
    lab.assert_rests(objects)
    objects[4]["spec"]["template"]["spec"]["containers"][0]["image"] = "example.test/app:2"
    assert lab.apply(objects)["changed"]
    assert lab.server.call("GET", lab.path("deployments", "web", "/apis/apps/v1"))["spec"]["replicas"] == 7


def test_a_field_that_left_the_object_goes(lab: t.Any) -> None:
    objects = mixed(lab)
    lab.apply(objects)
    del objects[4]["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]
    done = lab.apply(objects)
    assert "livenessProbe" in done["diff"][0]["before"]
    assert "livenessProbe" not in done["diff"][0]["after"]


def test_a_thousand_objects_cost_two_pages(lab: t.Any) -> None:
    objects = [lab.namespace_object()]
    objects += [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"item-{number}"}, "data": {"n": str(number)}}
        for number in range(1000)
    ]
    assert lab.apply(objects)["requests"]["write"] == 1002
    second = lab.apply(objects)
    # One for the inventory, one for the namespace, and 1001 config maps (with kube-root-ca none here) in pages of 500.
    assert (second["changed"], second["requests"]) == (False, {"read": 4, "dry_run": 0, "write": 0})
