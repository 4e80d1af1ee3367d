# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose objects are touched: pruning, removal, conflicts; and what the server's refusals read like."""

from __future__ import annotations

import json
import typing as t
import urllib.error

import pytest


def config_map(name: str, **data: str) -> dict[str, t.Any]:
    """Return a ConfigMap of the default namespace of the task."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def actions(result: dict[str, t.Any]) -> list[str]:
    """Return 'action name' of every change."""
    assert "failed" not in result, result["msg"]
    return [f"{change['action']} {change['object'].split('/')[-1].split()[-1]}" for change in result["changes"]]


def inventory_of(lab: t.Any) -> list[str]:
    """Return the lines of the owner's inventory."""
    path = f"/api/v1/namespaces/kube-system/configmaps/homelab-inventory-{lab.owner}"
    return list(lab.server.call("GET", path)["data"]["objects"].splitlines())


def test_prune_takes_only_what_is_ours(lab: t.Any) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    lab.apply([lab.namespace_object(), config_map("one"), config_map("two"), config_map("shared", a="1"), claim])
    lab.server.call("POST", lab.path("configmaps", "").rstrip("/"), config_map("by-hand"))
    assert actions(lab.apply([config_map("shared", more="x")], owner=f"{lab.owner}-other")) == ["update shared"]
    checked = lab.apply([config_map("one")], check=True)
    done = lab.apply([config_map("one")])
    assert actions(checked) == actions(done) == ["delete two"]
    assert sorted(done["kept"]) == [
        f"v1 ConfigMap {lab.namespace}/shared: it belongs to atarnet-homelab/{lab.owner}-other",
        f"v1 Namespace {lab.namespace}: a Namespace is never pruned",
        f"v1 PersistentVolumeClaim {lab.namespace}/data: a PersistentVolumeClaim is never pruned",
    ]
    names = {item["metadata"]["name"] for item in lab.server.call("GET", lab.path("configmaps", "")[:-1])["items"]}
    assert names == {"one", "shared", "by-hand"}


def test_an_object_somebody_made_anew_is_not_pruned(lab: t.Any) -> None:
    lab.apply([lab.namespace_object(), config_map("one"), config_map("two")])
    lab.server.call("DELETE", lab.path("configmaps", "two"))
    lab.server.call("POST", lab.path("configmaps", "").rstrip("/"), config_map("two"))
    done = lab.apply([lab.namespace_object(), config_map("one")])
    assert actions(done) == []
    assert lab.server.exists(lab.path("configmaps", "two"))
    assert inventory_of(lab) == [f"v1 ConfigMap {lab.namespace}/one", f"v1 Namespace {lab.namespace}"]


def test_without_prune_the_inventory_remembers(lab: t.Any) -> None:
    lab.apply([lab.namespace_object(), config_map("one"), config_map("two")])
    assert actions(lab.apply([lab.namespace_object(), config_map("one")], prune=False)) == []
    assert actions(lab.apply([lab.namespace_object(), config_map("one")])) == ["delete two"]


def test_absent_removes_all_but_what_is_protected(lab: t.Any) -> None:
    lab.apply([lab.namespace_object(), config_map("one"), config_map("two")])
    assert actions(lab.apply([], state="absent", check=True)) == ["delete one", "delete two"]
    assert actions(lab.apply([], state="absent", wait=True)) == ["delete one", "delete two"]
    assert actions(lab.apply([], state="absent")) == []
    assert actions(lab.apply([lab.namespace_object()], state="absent")) == [f"delete {lab.namespace}"]
    assert not lab.server.exists(f"/api/v1/namespaces/kube-system/configmaps/homelab-inventory-{lab.owner}")


def test_what_failed_is_in_the_inventory_and_goes_later(lab: t.Any) -> None:
    bad = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "bad"}, "spec": {"ports": []}}
    failed = lab.apply([lab.namespace_object(), config_map("one"), bad])
    assert failed["failed"] and failed["changed"]
    assert [change["object"] for change in failed["changes"]] == [
        f"v1 Namespace {lab.namespace}",
        f"v1 ConfigMap {lab.namespace}/one",
    ]
    assert f"v1 ConfigMap {lab.namespace}/one" in inventory_of(lab)
    assert actions(lab.apply([lab.namespace_object()])) == ["delete one"]


def test_a_conflict_names_the_other_manager_and_force_takes_over(lab: t.Any) -> None:
    objects = [lab.namespace_object(), config_map("one", colour="green")]
    lab.apply(objects)
    lab.server.patch(lab.path("configmaps", "one"), {"data": {"colour": "red"}}, manager="kubectl-edit")
    for check in (True, False):
        failed = lab.apply(objects, check=check)
        assert failed["msg"] == (
            f'Checking v1 ConfigMap {lab.namespace}/one: field .data.colour belongs to field manager "kubectl-edit". '
            "Leave the field out, or set force_conflicts: true to take it over."
        )
    assert actions(lab.apply(objects, force_conflicts=True)) == ["update one"]
    assert lab.server.call("GET", lab.path("configmaps", "one"))["data"] == {"colour": "green"}


def test_an_object_made_by_hand_is_adopted_once(lab: t.Any) -> None:
    lab.apply([lab.namespace_object()])
    lab.server.call("POST", lab.path("configmaps", "").rstrip("/"), config_map("one", colour="green"))
    objects = [lab.namespace_object(), config_map("one", colour="green")]
    first = lab.apply(objects)
    assert (actions(first), first["notes"]) == (
        ["update one"],
        [f"v1 ConfigMap {lab.namespace}/one: takes ownership of fields"],
    )
    assert actions(lab.apply(objects)) == []


def test_an_object_that_is_being_deleted_is_made_anew(lab: t.Any) -> None:
    held = config_map("one")
    held["metadata"]["finalizers"] = ["test.example/hold"]
    lab.apply([lab.namespace_object(), held])
    lab.server.call("DELETE", lab.path("configmaps", "one"))
    late = lab.apply([lab.namespace_object(), config_map("one")], wait=True, wait_timeout=1)
    assert late["msg"] == (
        f"Waiting for the end of v1 ConfigMap {lab.namespace}/one: still there after 1 s, held by test.example/hold. "
        "Make whoever set the finalizer finish, then run again."
    )
    lab.server.patch(lab.path("configmaps", "one"), {"metadata": {"finalizers": None}})
    assert actions(lab.apply([lab.namespace_object(), config_map("one")])) == ["create one"]


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


def test_a_wait_ends_with_the_cause(lab: t.Any) -> None:
    labels = {"app": "web"}
    pod_spec = {"containers": [{"name": "app", "image": "example.test/none:1"}]}
    web = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod_spec}},
    }
    lab.apply([lab.namespace_object(), web])
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1", "labels": labels}, "spec": pod_spec}
    try:
        lab.server.call("POST", lab.path("pods", "").rstrip("/"), pod)
    except urllib.error.HTTPError as exc:
        raise AssertionError(exc.read()) from exc
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "example.test/none:1"'}
    status = {"name": "app", "state": {"waiting": waiting}, "ready": False, "restartCount": 0}
    lab.server.patch(
        lab.path("pods", "web-1/status"),
        {"status": {"phase": "Pending", "containerStatuses": [{**status, "image": "", "imageID": ""}]}},
    )
    told = {"status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "unavailableReplicas": 1}}
    lab.server.patch(lab.path("deployments", "web/status", "/apis/apps/v1"), told)
    late = lab.apply([lab.namespace_object(), web], wait=True, wait_timeout=1)
    assert late["changes"] == []
    assert late["msg"] == (
        f"Waiting for apps/v1 Deployment {lab.namespace}/web: not ready after 1 s: 0 of 1 replicas available; "
        'pod web-1: container app waits: ImagePullBackOff: Back-off pulling image "example.test/none:1". '
        "Remove the cause and run again."
    )
    ready = {"status": {**told["status"], "availableReplicas": 1, "readyReplicas": 1, "unavailableReplicas": None}}
    lab.server.patch(lab.path("deployments", "web/status", "/apis/apps/v1"), ready)
    good = lab.apply([lab.namespace_object(), web], wait=True)
    assert (good["changed"], good["requests"]) == (False, {"read": 3, "dry_run": 0, "write": 0})


def test_a_changed_definition_and_its_objects_go_together(lab: t.Any) -> None:
    group = f"{lab.owner}.test"

    def definition(**fields: str) -> dict[str, t.Any]:
        properties = {name: {"type": kind} for name, kind in fields.items()}
        schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}
        version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
        names = {"plural": "gadgets", "singular": "gadget", "kind": "Gadget", "listKind": "GadgetList"}
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"gadgets.{group}"},
            "spec": {"group": group, "scope": "Cluster", "names": names, "versions": [version]},
        }

    def gadget(**spec: t.Any) -> dict[str, t.Any]:
        return {"apiVersion": f"{group}/v1", "kind": "Gadget", "metadata": {"name": "one"}, "spec": spec}

    assert len(actions(lab.apply([gadget(a="1"), definition(a="string")]))) == 2
    later = [definition(a="string", b="integer"), gadget(a="1", b=2)]
    checked, done = lab.apply(later, check=True), lab.apply(later)
    assert checked["diff"] == done["diff"]
    assert actions(done) == [f"update gadgets.{group}", "update one"]
    assert actions(lab.apply(later)) == []
    assert actions(lab.apply([], state="absent")) == ["delete one"]
