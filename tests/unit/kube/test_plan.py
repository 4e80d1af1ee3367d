# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of desired and live objects, and how it is shown."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kube import diff, inventory, plan
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.inventory import Inventory
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.model import Ref, Wanted, read_objects

Json = dict[str, t.Any]
OURS = "atarnet-homelab/test"
TREE = {"f:data": {"f:k": {}}}


def wanted(value: str = "v", kind: str = "ConfigMap", **more: t.Any) -> Wanted:
    """Return a desired object with one key."""
    metadata = {"name": "a", "namespace": "n"}
    return read_objects(
        [("x", {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": {"k": value}, **more})]
    )[0]


def live(value: str = "v", managers: tuple[str, ...] = (OURS,), kind: str = "ConfigMap", **more: t.Any) -> Json:
    """Return the live object of that name, applied by *managers*."""
    entries = [{"manager": name, "operation": "Apply", "fieldsV1": TREE} for name in managers]
    metadata = {"name": "a", "namespace": "n", "uid": "1", "resourceVersion": "5", "managedFields": entries, **more}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": {"k": value}}


KEY = wanted().ref.key
COMPARISONS: dict[str, tuple[Json | None, str]] = {
    "not there": (None, "missing"),
    "as wanted": (live(), "same"),
    "another value": (live("x"), "doubtful"),
    "as wanted but not ours": (live(managers=("kubectl",)), "doubtful"),
    "being deleted": (live(deletionTimestamp="now"), "missing"),
}


@pytest.mark.parametrize("case", COMPARISONS)
def test_compare(case: str) -> None:
    found, expected = COMPARISONS[case]
    result = plan.compare([wanted()], {KEY: found} if found else {}, Inventory(), OURS)
    assert {name: bool(getattr(result, name)) for name in ("missing", "doubtful", "same")} == {
        name: name == expected for name in ("missing", "doubtful", "same")
    }


def test_what_the_server_rewrote_once_is_no_difference() -> None:
    digest = plan.remembered(wanted("v"), live("rewritten"), OURS)
    seen = Inventory({KEY: wanted().ref}, {str(wanted().ref): digest})
    assert plan.compare([wanted("v")], {KEY: live("rewritten")}, seen, OURS).same
    assert plan.compare([wanted("v")], {KEY: live("drifted")}, seen, OURS).doubtful
    assert plan.compare([wanted("w")], {KEY: live("rewritten")}, seen, OURS).doubtful


def test_nothing_of_a_secret_is_remembered() -> None:
    assert plan.remembered(wanted("YQ==", "Secret"), live("Yg==", kind="Secret"), OURS) == ""


def update(found: Json, answer: Json | None, item: Wanted | None = None) -> list[plan.Change]:
    """Return the updates of one doubtful object."""
    item = item or wanted()
    comparison = plan.Comparison([], [item], [])
    answers = {KEY: answer} if answer is not None else {}
    return plan.updates(comparison, {item.ref.key: found}, {item.ref.key: answers[KEY]} if answers else {}, OURS)[0]


def test_a_dry_run_that_changes_nothing_is_no_update() -> None:
    assert update(live("1"), live("1", generation=7)) == []


def test_an_update_shows_our_fields_only() -> None:
    before, after = live("old"), live("new")
    before["data"]["theirs"] = after["data"]["theirs"] = "x"
    (change,) = update(before, after)
    shown = "apiVersion: v1\ndata:\n  k: {}\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: n\n"
    assert (change.action, change.diff["before"], change.diff["after"]) == (
        "update",
        shown.format("old"),
        shown.format("new"),
    )


def test_taking_over_equal_fields_is_an_update_that_says_so() -> None:
    (change,) = update(live(managers=("kubectl",)), live(managers=("kubectl", OURS)))
    assert (change.action, change.note) == ("update", "takes ownership of fields")


def test_without_an_answer_the_desired_object_is_shown() -> None:
    (change,) = update(live("old"), None)
    assert ("k: v" in change.diff["after"], change.note) == (True, "defaults known after apply")


LEAVERS: dict[str, tuple[Ref, Json | None, bool, str]] = {
    "ours": (Ref("v1", "ConfigMap", "n", "a"), live(), False, "delete"),
    "gone already": (Ref("v1", "ConfigMap", "n", "a"), None, False, "forget"),
    "going already": (Ref("v1", "ConfigMap", "n", "a"), live(deletionTimestamp="now"), False, "forget"),
    "made anew by somebody": (Ref("v1", "ConfigMap", "n", "a"), live(managers=("kubectl",)), False, "forget, keep"),
    "another owner's too": (
        Ref("v1", "ConfigMap", "n", "a"),
        live(managers=(OURS, "atarnet-homelab/other")),
        False,
        "forget, keep",
    ),
    "a namespace": (Ref("v1", "Namespace", "", "a"), live(), False, "keep"),
    "a volume": (Ref("v1", "PersistentVolume", "", "a"), live(), False, "keep"),
    "a claim": (Ref("v1", "PersistentVolumeClaim", "n", "a"), live(), False, "keep"),
    "a definition": (Ref("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "a"), live(), False, "keep"),
    "a namespace by name": (Ref("v1", "Namespace", "", "a"), live(), True, "delete"),
    "a namespace by name, not ours": (Ref("v1", "Namespace", "", "a"), live(managers=()), True, "forget, keep"),
}


@pytest.mark.parametrize("case", LEAVERS)
def test_who_goes(case: str) -> None:
    ref, found, by_name, expected = LEAVERS[case]
    deleted, forgotten, kept = plan.leavers([ref], {ref.key: found} if found else {}, OURS, by_name)
    done = [word for word, given in (("delete", deleted), ("forget", forgotten), ("keep", kept)) if given]
    assert ", ".join(done) == expected


def test_deletion_goes_backwards() -> None:
    refs = [
        Ref("rbac.authorization.k8s.io/v1", "Role", "n", "a"),
        Ref("g.test/v1", "Gadget", "n", "a"),
        Ref("v1", "ConfigMap", "n", "a"),
        Ref("apps/v1", "Deployment", "n", "a"),
    ]
    deleted, _forgotten, _kept = plan.leavers(refs, {ref.key: live() for ref in refs}, OURS, False)
    assert [change.ref.kind for change in deleted] == ["Gadget", "Deployment", "ConfigMap", "Role"]


def test_secrets_are_never_shown() -> None:
    ref = Ref("v1", "Secret", "n", "a")
    entry = diff.entry(
        ref, {"data": {"same": "AA==", "old": "Y2FuYXJ5"}}, {"data": {"same": "AA==", "old": "Y2FuYXJ6"}}
    )
    assert entry["before"] == "data:\n  old: (hidden)\n  same: (unchanged)\n"
    assert entry["after"] == "data:\n  old: (changed)\n  same: (unchanged)\n"


def test_the_inventory_reads_what_it_wrote() -> None:
    refs = [Ref("v1", "Namespace", "", "a"), Ref("apps/v1", "DaemonSet", "n", "b")]
    content = Inventory().with_refs(refs).with_settled({str(refs[1]): "digest", "v1 Pod gone/x": "other"})
    body = inventory.write("test", content).body
    assert body["metadata"]["name"] == "homelab-inventory-test"
    assert body["data"]["objects"] == "apps/v1 DaemonSet n/b\nv1 Namespace a\n"
    assert inventory.read(body) == content
    assert content.settled == {str(refs[1]): "digest"}


def test_an_object_of_a_newer_version_is_the_same_object() -> None:
    old, new = Ref("policy/v1beta1", "PodDisruptionBudget", "n", "a"), Ref("policy/v1", "PodDisruptionBudget", "n", "a")
    assert list(Inventory().with_refs([old]).with_refs([new]).refs.values()) == [new]
