# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose objects are touched: pruning, removal, conflicts."""

from __future__ import annotations

import typing as t

from tests.integration.kube.hand import claim, gadgets


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
    sets = [config_map("one"), config_map("two"), config_map("shared", a="1")]
    lab.apply([lab.namespace_object(), *sets, claim("data")])
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


def test_protected_kinds_go_only_by_name(lab: t.Any) -> None:
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": lab.owner},
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}},
    }
    protected = [lab.namespace_object(), gadgets(f"{lab.owner}.test"), volume, claim("data")]
    lab.apply([*protected, config_map("one")])
    pruned = lab.apply([config_map("one")])
    assert (actions(pruned), len(pruned["kept"])) == ([], 4)
    checked, done = lab.apply(protected, state="absent", check=True), lab.apply(protected, state="absent")
    assert actions(checked) == actions(done)
    assert sorted(actions(done)) == sorted(
        ["delete data", f"delete {lab.owner}", f"delete gadgets.{lab.owner}.test", f"delete {lab.namespace}"]
    )


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
