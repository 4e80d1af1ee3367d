# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked to be restored means one volume each, or nothing is touched."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan.choice import Choice, Seen, choose
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan.volumes import (
    Place,
    folder_name,
    leaving,
    places,
    volume,
)

BACKUPS: dict[str, t.Any] = {name: {"id": "1"} for name in ("shop/data", "shop/web", "gone/data", "control-plane/cp1")}
W1 = {"volumes": {"shop/data": "/1/data"}, "refused": {}, "backups": BACKUPS}
W2 = {"volumes": {"shop/web": "/2/web"}, "refused": {}, "backups": BACKUPS}
BOTH = {**W2, "volumes": {"shop/data": "/2/data"}}
DATA, WEB = {"volume": "shop/data", "target": "/1/data"}, {"volume": "shop/web", "target": "/2/web"}
OTHER = {"volume": "shop/data", "target": "/2/data"}
SSD, HDD = ({"name": name, "folder": f"/srv/{name}/volumes", "marker": ".homelab-tier"} for name in ("ssd", "hdd"))
HOSTS = {"w1": {"tiers": [SSD]}, "w2": {"tiers": [SSD, HDD]}}


def chosen(asked: str, to: str, seen: t.Any, placed: t.Any = None) -> Choice:
    """Return the choice of the lab home."""
    return choose("home", asked, to, Seen(HOSTS, seen, placed))


@pytest.mark.parametrize(
    ("asked", "to", "seen", "nodes", "absent"),
    [
        ("shop/data", "", {"w1": W1, "w2": W2}, {"w1": [DATA]}, []),
        ("shop", "", {"w1": W1, "w2": W2}, {"w1": [DATA], "w2": [WEB]}, []),
        ("all", "", {"w1": W1, "w2": W2}, {"w1": [DATA], "w2": [WEB]}, ["gone/data"]),
        ("shop/data", "w2", {"w1": W1, "w2": BOTH}, {"w2": [OTHER]}, []),
        ("shop/data", "", {"w1": W1, "w2": {}}, {"w1": [DATA]}, []),
    ],
    ids=["claim", "namespace", "all", "to", "one is away"],
)
def test_chosen(asked: str, to: str, seen: t.Any, nodes: t.Any, absent: list[str]) -> None:
    found = chosen(asked, to, seen)
    assert (found.nodes, found.absent, found.problems) == (nodes, absent, [])


@pytest.mark.parametrize(
    ("asked", "to", "seen", "said"),
    [
        ("shop/dta", "", {"w1": W1, "w2": W2}, 'there is no backup of shop/dta. Did you mean "shop/data"?'),
        ("control-plane/cp1", "", {"w1": W1}, "is the state of the cluster. Run restore_control_plane.yml."),
        ("control-plane", "", {"w1": W1}, "is the state of the cluster. Run restore_control_plane.yml."),
        ("shop/data", "w9", {"w1": W1, "w2": W2}, "w9 is no node with volumes. Use one of w1, w2."),
        ("shop/data", "", {"w1": W1, "w2": BOTH}, "w1 and w2 have a volume of it. Say which is meant by -e to=NODE."),
        ("gone/data", "", {"w1": W1, "w2": W2}, "no node has a volume of it. Start the app there once"),
        ("shop/web", "w1", {"w1": W1, "w2": W2}, "w1 has no volume of it, but w2 has. Start the app"),
        ("shop/web", "", {"w1": W1, "w2": {}}, "no node that answers has a volume of it. w2: it was not asked"),
        (
            "shop/web",
            "",
            {"w1": W1, "w2": {"msg": "no restic"}},
            "no node that answers has a volume of it. w2: no restic",
        ),
        (
            "shop/web",
            "",
            {"w1": W1, "w2": {**W2, "volumes": {}, "refused": {"shop/web": "two folders"}}},
            "two folders.",
        ),
        ("shop/data", "", {"w1": {"msg": "no restic"}, "w2": {}}, "there is no backup of shop/data"),
    ],
    ids=[
        "misspelt",
        "cluster",
        "all of the cluster",
        "node",
        "two",
        "nowhere",
        "not there",
        "away",
        "failed",
        "refused",
        "none answers",
    ],
)
def test_refused(asked: str, to: str, seen: t.Any, said: str) -> None:
    found = chosen(asked, to, seen)
    assert len(found.problems) == 1 and said in found.problems[0], found.problems


def node(*names: str, **backups: dict[str, str]) -> dict[str, t.Any]:
    """Return what a node tells that has these volumes, and what the repository has."""
    told = {name.replace("__", "/"): {"id": "1", **about} for name, about in backups.items()}
    return {"volumes": {name: f"/srv/ssd/volumes/{folder_name('home', name)}" for name in names},
            "refused": {}, "backups": told}  # fmt: skip


ON_W1, ON_W2 = ({"node": name, "tier": tier} for name, tier in (("w1", "ssd"), ("w2", "hdd")))
FOLDER = folder_name("home", "a/b")


@pytest.mark.parametrize(
    ("to", "seen", "nodes"),
    [
        ("", {"w1": node(a__b=ON_W1), "w2": node()}, {"w1": f"/srv/ssd/volumes/{FOLDER}"}),
        ("w2", {"w1": node(a__b=ON_W1), "w2": node()}, {"w2": f"/srv/ssd/volumes/{FOLDER}"}),
        ("", {"w1": {}, "w2": node(a__b=ON_W1)}, {"w2": f"/srv/ssd/volumes/{FOLDER}"}),
        ("", {"w1": node(a__b={"node": "gone", "tier": "hdd"}), "w2": node()}, {"w2": f"/srv/hdd/volumes/{FOLDER}"}),
        ("", {"w1": node("a/b", a__b=ON_W1), "w2": node()}, {"w1": f"/srv/ssd/volumes/{FOLDER}"}),
    ],
    ids=["where it was", "elsewhere", "its node is away", "its node is no more", "the files are there"],
)
def test_a_claim_without_a_volume_is_given_one(to: str, seen: t.Any, nodes: dict[str, str]) -> None:
    found = chosen("all", to, seen, {})
    ((name, path),) = nodes.items()
    assert (found.nodes, found.problems) == ({name: [{"volume": "a/b", "target": path}]}, [])
    tier = path.split("/")[2]
    assert found.objects == [volume("a/b", name, tier, path)]
    spec = found.objects[0]["spec"]
    assert (spec["claimRef"]["namespace"], spec["claimRef"]["name"]) == ("a", "b")
    assert (spec["storageClassName"], spec["local"]["path"]) == (tier, path)
    assert found.objects[0]["metadata"]["name"] == FOLDER[:40]


def test_one_whose_disk_is_another_gets_its_files_back_where_they_were() -> None:
    placed = {"a/b": Place("w1", "/srv/ssd/volumes/old", "pvc-1")}
    seen = {"w1": node(a__b=ON_W2), "w2": node()}
    found = chosen("a/b", "", seen, placed)
    assert (found.nodes, found.objects) == ({"w1": [{"volume": "a/b", "target": "/srv/ssd/volumes/old"}]}, [])
    assert "Delete the claim, and the volume pvc-1" in chosen("a/b", "w2", seen, placed).problems[0]
    away = chosen("a/b", "", {"w1": {}, "w2": node(a__b=ON_W1)}, placed)
    assert away.problems == ["a/b: it is on w1, which does not answer: it was not asked; is it reachable?"]


def test_a_claim_of_the_cluster_with_its_files_is_given_none() -> None:
    seen = {"w1": node("a/b", a__b=ON_W1), "w2": node()}
    assert chosen("all", "", seen, {"a/b": Place("w1", "/x", "pvc-1")}).objects == []


@pytest.mark.parametrize(
    ("backup", "placed", "said"),
    [
        ({"node": "w1", "tier": "tape"}, {}, "it was on the tier tape, which no node that answers has"),
        ({"node": "w1", "tier": ""}, {}, "no node has a volume of it. Start the app there once"),
        (ON_W1, None, "no node has a volume of it. Start the app there once"),
    ],
    ids=["no such tier", "a folder", "no cluster"],
)
def test_where_none_can_be_made_it_is_refused(backup: t.Any, placed: t.Any, said: str) -> None:
    found = chosen("a/b", "", {"w1": node(a__b=backup), "w2": node()}, placed)
    assert said in found.problems[0] and found.objects == []


@pytest.mark.parametrize("names", [(), ("a/b",)], ids=["another was there before", "its folder is there yet"])
def test_nothing_is_put_where_a_deleted_claim_takes_its_files_along(names: tuple[str, ...]) -> None:
    left = volume("a/b", "w1", "ssd", f"/srv/ssd/volumes/{FOLDER}")
    bound = {**left, "spec": {**left["spec"], "claimRef": {**left["spec"]["claimRef"], "uid": "1"}}}
    # Nobody has written down yet that its claim is gone.
    gone = leaving([bound], [])
    assert gone == leaving([{**left, "status": {"phase": "Released"}}], []) == {FOLDER[:40]}
    assert leaving([bound], ["a/b"]) == leaving([left], []) == set()
    assert places([bound], []) == {} and list(places([bound], ["a/b"])) == list(places([left], [])) == ["a/b"]
    found = choose("home", "a/b", "", Seen(HOSTS, {"w1": node(*names, a__b=ON_W1), "w2": node()}, {}, gone))
    assert (found.nodes, found.objects) == ({}, [])
    assert f"a/b: {FOLDER[:40]}, which was its volume, is left by its claim" in found.problems[0]


def test_places_are_those_of_local_volumes_that_somebody_has() -> None:
    made = {"status": {"phase": "Available"}, **volume("a/b", "w1", "ssd", "/srv/ssd/volumes/pvc-1_a_b")}
    kept = {**volume("a/c", "w1", "ssd", "/x"), "status": {"phase": "Released"}}
    share = {**volume("a/d", "w1", "ssd", "/x"), "spec": {"nfs": {}, "claimRef": {"namespace": "a", "name": "d"}}}
    assert places([made, kept, share], []) == {"a/b": Place("w1", "/srv/ssd/volumes/pvc-1_a_b", "pvc-1")}
