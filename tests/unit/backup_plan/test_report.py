# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that is not saved is named, with the reason; nothing that is saved is."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan.report import render, report

Json = dict[str, t.Any]
TIERS = [{"name": "ssd", "folder": "/srv/ssd/volumes", "marker": ".homelab-tier"}]
PLAN: Json = {
    "repository": {"url": "rest:https://backup.example.org/lab"},
    "hosts": {name: {"tiers": TIERS, "hooks": [{"claim": "shop/data"}]} for name in ("w1", "w2")},
    "not_saved": {"media/cache": "homelab_backup.leave_out names it"},
    "not_saved_tiers": {"hdd": "homelab_backup.leave_out_tiers names its tier"},
    "forget": "",
    "elsewhere": None,
}
SAVED = {"volume": "shop/data", "path": "/x", "method": "btrfs", "because": "", "hook": "postgres"}
WELL: Json = {"volumes": [SAVED], "failed_volumes": {}}
NONE: Json = {"volumes": [], "failed_volumes": {}}


def claim(name: str, kind: str = "ssd", volume: str = "") -> Json:
    """Return a PersistentVolumeClaim NAMESPACE/CLAIM of a class, with its volume."""
    namespace, _slash, own = name.partition("/")
    return {"metadata": {"namespace": namespace, "name": own}, "spec": {"storageClassName": kind, "volumeName": volume}}


def volume(name: str, node: str) -> Json:
    """Return a PersistentVolume of a node."""
    terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}]
    return {"metadata": {"name": name}, "spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}}


def test_all_is_well() -> None:
    found = report(PLAN, {"w1": WELL, "w2": NONE}, [claim("shop/data", volume="a")], [volume("a", "w1")], {})
    assert [(one["volume"], one["node"]) for one in found.saved] == [("shop/data", "w1")]
    assert (found.not_saved, found.failed, found.doubts) == (PLAN["not_saved"], {}, [])
    text = render("home", PLAN, found, None)
    assert "home: 1 volumes would be saved to rest:https://backup.example.org/lab" in text
    assert "  shop/data on w1: btrfs and a dump (postgres)" in text
    assert "media/cache: homelab_backup.leave_out names it" in text


@pytest.mark.parametrize(
    ("asked", "volumes", "said"),
    [
        (claim("a/b", "nfs", "v"), [volume("v", "w1")], "it is of the class nfs, and only volumes of the tiers"),
        (claim("a/b", "", "v"), [volume("v", "w1")], "it is of no class"),
        (claim("a/b", "hdd", "v"), [volume("v", "w1")], "homelab_backup.leave_out_tiers names its tier"),
        (claim("a/b"), [], "it has no volume yet"),
        (claim("a/b", volume="v"), [volume("v", "w3")], "it is on w3, which did not answer"),
        (claim("a/b", volume="v"), [volume("v", "w1")], "no folder of it was found on w1"),
        (claim("homelab-probe-w1/b", volume="v"), [volume("v", "w1")], "a drill that was killed left it"),
    ],
    ids=["class", "no class", "tier", "pending", "node", "folder", "probe"],
)
def test_a_claim_that_is_not_saved_is_named(asked: Json, volumes: list[Json], said: str) -> None:
    found = report(PLAN, {"w1": WELL, "w2": NONE}, [asked], volumes, {})
    name = f"{asked['metadata']['namespace']}/{asked['metadata']['name']}"
    assert said in found.not_saved[name] and found.failed == {}


def test_what_failed_is_named() -> None:
    failed = {"shop/data": "the dump is empty", "tier ssd": "its disk is away"}
    found = report(
        PLAN, {"w1": {"volumes": [SAVED], "failed_volumes": failed}, "w2": {"msg": "no repository"}}, [], [], {}
    )
    assert found.failed == {
        "shop/data": "the dump is empty",
        "tier ssd of w1": "its disk is away",
        "node w2": "no repository",
    }
    assert found.saved == [] and "FAILED:\n  shop/data: the dump is empty" in render("home", PLAN, found, False)
    assert "is it reachable?" in report(PLAN, {"w1": WELL}, [], [], {}).failed["node w2"]


def test_a_hook_of_no_claim_is_told_once_all_nodes_were_asked() -> None:
    assert "homelab_backup.hooks has one for shop/data" in report(PLAN, {"w1": NONE, "w2": NONE}, [], [], {}).doubts[0]
    assert report(PLAN, {"w1": NONE}, [], [], {}).doubts == []


def test_who_forgets_is_told_where_nodes_may_not() -> None:
    plan = {**PLAN, "forget": "restic forget --prune --keep-daily 7"}
    assert "restic forget --prune --keep-daily 7" in render("home", plan, report(plan, {"w1": WELL}, [], [], {}), True)


ELSEWHERE: Json = {
    "node": "w1",
    "repository": {"url": "s3:https://far.example.org/lab"},
    "forget": "",
    "doubts": ["both are here"],
}
COPIED: Json = {"snapshots": [{"id": "1"}, {"id": "2"}], "count": 5, "last_success": 1785553234}


@pytest.mark.parametrize(("changed", "verb"), [(True, "copied"), (None, "would be copied")])
def test_the_copy_is_told(changed: bool | None, verb: str) -> None:
    plan = {**PLAN, "elsewhere": {**ELSEWHERE, "forget": "restic forget --keep-monthly 6"}}
    found = report(plan, {"w1": WELL, "w2": NONE}, [], [], {"w1": COPIED, "w2": {"skipped": True}})
    assert (found.copied, found.failed) == ({"snapshots": 2, "count": 5}, {})
    lines = render("home", plan, found, changed).splitlines()
    assert f"2 snapshots {verb} to s3:https://far.example.org/lab, which had 5" in lines
    assert "  both are here" in lines
    assert lines[-2:] == ["nor do they in the copy:", "  restic forget --keep-monthly 6"]


@pytest.mark.parametrize(
    ("copied", "said"),
    [
        ({}, "w1 was not asked; is it reachable? No complete one is known."),
        ({"w1": {"msg": "No.", "last_success": 0}}, "No. No complete one is known."),
        (
            {"w1": {"msg": "No.", "last_success": 1785553234}},
            "No. The last complete one is of 2026-08-01 03:00 UTC.",
        ),
    ],
    ids=["silent", "never", "old"],
)
def test_a_copy_that_failed_is_named_with_its_age(copied: dict[str, Json], said: str) -> None:
    plan = {**PLAN, "elsewhere": ELSEWHERE}
    found = report(plan, {"w1": WELL, "w2": NONE}, [], [], copied)
    assert (found.failed, found.copied) == ({"the copy": said}, {})
