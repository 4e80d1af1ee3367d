# SPDX-License-Identifier: GPL-3.0-or-later
"""What is restored into another namespace becomes claims of its own there, or nothing is touched."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan.choice import Choice, Seen
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan.into import Cluster, choose_into, claim
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan.volumes import (
    Place,
    folder_name,
    volume,
    volume_name,
)

Json = dict[str, t.Any]
SSD, HDD = ({"name": name, "folder": f"/srv/{name}/volumes", "marker": ".homelab-tier"} for name in ("ssd", "hdd"))
HOSTS = {"w1": {"tiers": [SSD]}, "w2": {"tiers": [SSD, HDD]}, "w3": {"tiers": []}}
BACKUPS: dict[str, Json] = {
    "shop/data": {"node": "w1", "tier": "ssd"},
    "shop/web": {"node": "w2", "tier": "hdd"},
    "blog/data": {"node": "gone", "tier": "ssd"},
    "media/music": {"node": "w2", "tier": ""},
    "control-plane/cp1": {"node": "cp1", "tier": ""},
}
FOLDER = folder_name("home", "trial/data")
PATH = f"/srv/ssd/volumes/{FOLDER}"
VOLUME = volume_name(PATH)
MADE: Json = claim("trial/data", "ssd", VOLUME, "shop/data")
NAMESPACE: Json = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "trial"}}


def node(**volumes: str) -> Json:
    """Return what a node tells that has volumes, by NAMESPACE__CLAIM."""
    return {
        "volumes": {name.replace("__", "/"): path for name, path in volumes.items()},
        "refused": {},
        "backups": BACKUPS,
    }


SEEN = {"w1": node(shop__data="/srv/ssd/volumes/pvc-1_shop_data"), "w2": node(), "w3": node()}


def chosen(
    asked: str = "shop/data", to: str = "", into: str = "trial", seen: t.Any = None, placed: t.Any = None, **more: t.Any
) -> Choice:
    """Return the choice of the lab home; *more* are the cluster's claims and namespaces, and volumes that leave it."""
    left = more.get("leaving", ())
    cluster = Cluster.of(more.get("claims", []), more.get("namespaces", []))
    return choose_into("home", asked, to, into, Seen(HOSTS, seen or SEEN, placed or {}, left), cluster)


def test_claim_volume_and_namespace_are_made_beside_what_is_in_use() -> None:
    found = chosen()
    assert (found.nodes, found.problems) == ({"w1": [{"volume": "shop/data", "target": PATH}]}, [])
    assert found.objects == [NAMESPACE, volume("trial/data", "w1", "ssd", PATH), MADE]
    kept = found.objects[1]
    assert kept["metadata"]["name"] == VOLUME and kept["spec"]["claimRef"]["namespace"] == "trial"
    # It goes with the claim, and the claim with the namespace, as all of the tier do.
    assert kept["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
    assert kept["metadata"]["annotations"] == {"pv.kubernetes.io/provisioned-by": "rancher.io/local-path"}
    assert MADE["metadata"]["annotations"] == {"atarnet.homelab/restored-from": "shop/data"}
    assert kept["spec"]["capacity"]["storage"] == MADE["spec"]["resources"]["requests"]["storage"] == "1Pi"


def test_it_asks_for_as_much_as_the_original_and_leaves_a_namespace_that_is_there() -> None:
    original = claim("shop/data", "ssd", "pvc-1", "", size="5Gi")
    found = chosen(claims=[original], namespaces=[NAMESPACE])
    assert [item["kind"] for item in found.objects] == ["PersistentVolume", "PersistentVolumeClaim"]
    assert found.objects[1]["spec"]["resources"]["requests"]["storage"] == "5Gi"


@pytest.mark.parametrize(
    ("asked", "to", "seen", "nodes"),
    [
        ("shop/data", "w2", SEEN, {"w2": ["shop/data"]}),
        ("shop/data", "", {**SEEN, "w1": {}}, {"w2": ["shop/data"]}),
        ("shop", "", SEEN, {"w1": ["shop/data"], "w2": ["shop/web"]}),
        ("blog", "", SEEN, {"w1": ["blog/data"]}),
        ("blog", "", {**SEEN, "w2": node(trial__data=f"/srv/ssd/volumes/{FOLDER}")}, {"w2": ["blog/data"]}),
    ],
    ids=["to", "its node is away", "namespace", "its node is no more", "files of an ended restore"],
)
def test_the_node(asked: str, to: str, seen: t.Any, nodes: t.Any) -> None:
    found = chosen(asked, to, seen=seen)
    assert found.problems == []
    assert {name: [one["volume"] for one in entries] for name, entries in found.nodes.items()} == nodes


PLACED = {"trial/data": Place("w1", PATH, VOLUME)}


@pytest.mark.parametrize(
    ("claims", "objects"),
    [([], [MADE]), ([MADE], [])],
    ids=["killed after the volume", "killed after the claim"],
)
def test_what_an_ended_restore_made_is_gone_on_with(claims: list[Json], objects: list[Json]) -> None:
    found = chosen(placed=PLACED, claims=claims, namespaces=[NAMESPACE])
    assert (found.nodes, found.problems) == ({"w1": [{"volume": "shop/data", "target": PATH}]}, [])
    assert found.objects == objects


def test_libraries_among_others_are_named() -> None:
    found = chosen("media")
    assert (found.absent, found.problems, found.nodes) == (["media/music"], [], {})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"into": "Trial_1"}, "into=Trial_1 is no DNS label (RFC 1123). Write, for example, -e into=trial."),
        ({"into": "kube-system"}, "into=kube-system is a namespace of the platform. Give -e into= another"),
        ({"into": "homelab-probe-w1"}, "is a namespace of the platform"),
        ({"into": "shop"}, "shop/data is of that namespace itself. Give -e into= another namespace, or leave it out"),
        ({"asked": "all"}, "blog/data and shop/data would be one claim. Restore them one by one"),
        ({"asked": "control-plane/cp1"}, "is the state of the cluster. Run restore_control_plane.yml."),
        ({"asked": "shop/dta"}, 'there is no backup of shop/dta. Did you mean "shop/data"?'),
        ({"to": "w9"}, "w9 is no node with volumes. Use one of w1, w2, w3."),
        ({"to": "w3"}, "it was on the tier ssd, which no node that answers has. Add it to homelab_storage."),
        ({"asked": "media/music"}, "its backup tells no tier, as those of libraries do not. Restore it in place."),
        ({"claims": [claim("trial/data", "ssd", "pvc-9", "")]}, "there is a claim trial/data. Delete it, or give"),
        ({"claims": [claim("trial/data", "ssd", "pvc-9", "blog/data")], "placed": PLACED}, "there is a claim"),
        ({"claims": [MADE]}, "there is a claim trial/data. Delete it"),
        ({"claims": [MADE], "placed": PLACED, "to": "w2"}, "trial/data is on w1 already. Delete the claim"),
        ({"claims": [MADE], "placed": PLACED, "seen": {**SEEN, "w1": {}}}, "is on w1, which does not answer: it was"),
        ({"placed": {"trial/data": Place("w1", "/x/y", "pvc-9")}}, "w1 has files of a claim trial/data at /x/y."),
        ({"seen": {**SEEN, "w2": node(trial__data="/x/z")}}, "w2 has files of a claim trial/data at /x/z. Remove"),
        (
            {"seen": {**SEEN, "w2": {**node(), "refused": {"trial/data": "it has 2 folders"}}}},
            "w2: it has 2 folders. Remove these",
        ),
        ({"leaving": {VOLUME}}, f"{VOLUME}, which was its volume, is left by its claim, and may be removed with its"),
        (
            {"namespaces": [{"metadata": {"name": "trial", "deletionTimestamp": "2026-08-01T00:00:00Z"}}]},
            "the namespace trial is being deleted. Run again when it is gone, or give another one.",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value),
)
def test_refused(given: Json, said: str) -> None:
    found = chosen(**given)
    assert len(found.problems) == 1 and said in found.problems[0], found.problems


def test_without_a_cluster_there_are_no_claims() -> None:
    found = choose_into("home", "shop/data", "", "trial", Seen(HOSTS, SEEN), Cluster())
    assert "no cluster answers" in found.problems[0] and found.objects == []
