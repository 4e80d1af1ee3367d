# SPDX-License-Identifier: GPL-3.0-or-later
"""What the real server's refusals read like: the object, the field and the reason, and no word of a secret."""

from __future__ import annotations

import json
import time
import typing as t
from pathlib import Path

import pytest

from tests.integration.kube.hand import web


def config_map(name: str, **data: str) -> dict[str, t.Any]:
    """Return a ConfigMap of the default namespace of the task."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def service(name: str, **spec: t.Any) -> dict[str, t.Any]:
    """Return a Service."""
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


REFUSALS = {
    "a missing namespace": (
        {**config_map("a"), "metadata": {"name": "a", "namespace": "nowhere"}},
        'Applying v1 ConfigMap nowhere/a: namespace "nowhere" does not exist. '
        "Add the Namespace to the objects or create it first.",
    ),
    "an unknown field": (
        service("a", portz=[]),
        "v1 Service {space}/a: field .spec.portz is not declared in the kind's schema. Correct its name or remove it.",
    ),
    "a wrong type": (
        service("a", ports="x"),
        "v1 Service {space}/a: field .spec.ports: expected list, got &{{x}}. Correct the field's type.",
    ),
    "an invalid value": (
        service("a", ports=[{"port": 99999}]),
        "v1 Service {space}/a: field spec.ports[0].port: Invalid value: 99999: must be between 1 and 65535",
    ),
    "an unknown kind": (
        {"apiVersion": "nothing.test/v1", "kind": "Thing", "metadata": {"name": "a", "namespace": "x"}},
        "Finding nothing.test/v1 Thing x/a: the server knows no kind Thing in nothing.test/v1. "
        "Install its CustomResourceDefinition first, or add it to the objects.",
    ),
    "a repeated port": (
        service("a", ports=[{"port": 80}, {"port": 80}]),
        'v1 Service {space}/a: field .spec.ports: duplicate entries for key [port=80,protocol="TCP"]. '
        "Keep one of them.",
    ),
    "an object too large for a ConfigMap": (
        config_map("a", text="x" * 1_100_000),
        "v1 ConfigMap {space}/a: Too long: may not be more than 1048576 bytes. "
        "Split the object, or keep its large values elsewhere.",
    ),
    "an object too large for the server": (
        config_map("a", text="x" * 3_200_000),
        "v1 ConfigMap {space}/a: Request entity too large: limit is 3145728. "
        "Split the object, or keep its large values elsewhere.",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals_name_object_field_and_reason(lab: t.Any, case: str) -> None:
    lab.apply([lab.namespace_object()])
    wanted, message = REFUSALS[case]
    failed = lab.apply([lab.namespace_object(), wanted])
    assert message.format(space=lab.namespace) in failed["msg"]


def test_a_field_that_never_changes_is_told_in_the_check(lab: t.Any) -> None:
    fixed = {**config_map("one", a="1"), "immutable": True}
    lab.apply([lab.namespace_object(), fixed])
    failed = lab.apply([lab.namespace_object(), {**config_map("one", a="2"), "immutable": True}], check=True)
    assert "field data: Forbidden: field is immutable when `immutable` is set. Delete the object" in failed["msg"]


def test_no_answer_of_the_server_prints_a_secret(lab: t.Any) -> None:
    lab.apply([lab.namespace_object()])
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": "canary-not-json-4711"},
    }
    failed = lab.apply([lab.namespace_object(), secret])
    assert failed["failed"]
    assert "canary" not in json.dumps(failed)
    secret["stringData"] = {".dockerconfigjson": '{"auths": {"canary-host-4711": {}}}'}
    assert "canary" not in json.dumps([lab.apply([lab.namespace_object(), secret]), lab.apply([secret], check=True)])


def test_a_quota_is_named(lab: t.Any) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"pods": "0"}}}
    lab.apply([lab.namespace_object(), quota])
    used = {"status": {"hard": {"pods": "0"}, "used": {"pods": "0"}}}
    lab.server.patch(lab.path("resourcequotas", "few/status"), used)
    containers = [{"name": "app", "image": "example.test/app:1"}]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": containers}}
    for check, attempt in ((True, "Checking"), (False, "Applying")):
        assert lab.apply([lab.namespace_object(), quota, pod], check=check)["msg"] == (
            f'{attempt} v1 Pod {lab.namespace}/a: pods "a" is forbidden: exceeded quota: few, requested: pods=1, '
            "used: pods=0, limited: pods=0. Ask for less, or raise the ResourceQuota few of the namespace."
        )


def test_the_level_of_pod_security_is_named(lab: t.Any) -> None:
    space = lab.namespace_object()
    space["metadata"]["labels"] = {"pod-security.kubernetes.io/enforce": "baseline"}
    spec = {"hostNetwork": True, "containers": [{"name": "app", "image": "example.test/app:1"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec}
    failed = lab.apply([space, pod])
    assert 'violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)' in failed["msg"]
    assert failed["msg"].endswith("Meet that level, or change the pod-security labels of the namespace.")


def test_a_namespace_that_ends_is_told(lab: t.Any) -> None:
    lab.apply([lab.namespace_object(), config_map("a")])
    lab.server.call("DELETE", f"/api/v1/namespaces/{lab.namespace}")
    failed = lab.apply([config_map("a"), config_map("b")], prune=False)
    assert f"unable to create new content in namespace {lab.namespace} because it is being terminated" in failed["msg"]
    assert failed["msg"].endswith("Wait until the namespace is gone, add it to the objects and run again.")


def test_a_policy_that_denies_is_named(lab: t.Any) -> None:
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": lab.owner},
        "spec": {
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": lab.namespace}},
                "resourceRules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["configmaps"],
                    }
                ],
            },
            "validations": [{"expression": "'owner' in object.data", "message": "no owner is named"}],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": lab.owner},
        "spec": {"policyName": lab.owner, "validationActions": ["Deny"]},
    }
    lab.apply([lab.namespace_object(), policy, binding])
    end = time.monotonic() + 30
    while "failed" not in (refused := lab.apply([config_map("a", colour="green")], check=True, prune=False)):
        assert time.monotonic() < end, "the policy never came into force"
        time.sleep(0.1)
    assert refused["msg"] == (
        f'Checking v1 ConfigMap {lab.namespace}/a: ValidatingAdmissionPolicy "{lab.owner}" denied it: '
        "no owner is named. Change the object to what the ValidatingAdmissionPolicy demands."
    )


def test_a_missing_right_is_named(lab: t.Any, tmp_path: Path) -> None:
    def rights(*verbs: str) -> None:
        rule = {"apiGroups": ["*"], "resources": ["*"], "verbs": list(verbs)}
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": lab.owner}}
        binding = {
            **role,
            "kind": "ClusterRoleBinding",
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": lab.owner},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "member"}],
        }
        granted = lab.apply([{**role, "rules": [rule]}, binding], owner=f"{lab.owner}-rights")
        assert "failed" not in granted, granted["msg"]

    admin, objects = lab.kubeconfig, [lab.namespace_object(), web()]
    member = lab.server.write_kubeconfig(tmp_path / "member.conf", token=lab.server.member)
    lab.kubeconfig = member
    name = f"homelab-inventory-{lab.owner}"
    assert lab.apply(objects)["msg"] == (
        f'Reading v1 ConfigMap kube-system/{name}: configmaps "{name}" is forbidden: User "member" cannot get resource '
        '"configmaps" in API group "" in the namespace "kube-system". '
        "Give the kubeconfig's user that right, or lift what forbids it."
    )
    lab.kubeconfig = admin
    rights("get", "list", "create", "patch", "delete")
    lab.kubeconfig = member
    end = time.monotonic() + 30
    while "cannot get" in (failed := lab.apply(objects, wait=True, wait_timeout=5)["msg"]):
        assert time.monotonic() < end, "the rights never came into force"
        time.sleep(0.1)
    assert failed == (
        f'Watching Deployment in {lab.namespace}: deployments.apps "web" is forbidden: User "member" cannot watch '
        f'resource "deployments" in API group "apps" in the namespace "{lab.namespace}". '
        "Give the kubeconfig's user that right, or lift what forbids it."
    )


def test_a_stranger_is_told_so(lab: t.Any, tmp_path: Path) -> None:
    lab.kubeconfig = lab.server.write_kubeconfig(tmp_path / "stranger.conf", token="nobody-4711")
    assert lab.apply([lab.namespace_object()])["msg"] == (
        f"Reading v1 ConfigMap kube-system/homelab-inventory-{lab.owner}: the API server refused the credentials. "
        "Renew the user's certificate or token in the kubeconfig."
    )
