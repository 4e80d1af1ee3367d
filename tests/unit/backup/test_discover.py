# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's volumes are found by their folders; what cannot be told is refused by name, and stops no other."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup import backup, discover, model, record

from tests.unit.backup.node import Node

MARKER = ".homelab-tier"
ONE, TWO = "0a1b2c3d-0000-4000-8000-000000000001", "0a1b2c3d-0000-4000-8000-000000000002"
SSD, HDD = (model.Tier(name, f"/srv/{name}/volumes", MARKER) for name in ("ssd", "hdd"))


def wanted(**changes: t.Any) -> model.Wanted:
    """Return what a node with two tiers is asked for."""
    tiers = [{"name": tier.name, "folder": tier.folder, "marker": tier.marker} for tier in (SSD, HDD)]
    data = {"lab": "home", "node": "n", "repository": {"url": "/r", "password_file": "/p"}, "tiers": tiers}
    return model.parse({**data, **changes})


def folder(namespace: str, claim: str, uid: str = ONE) -> str:
    """Return the name that the provisioner gives a volume's folder."""
    return f"pvc-{uid}_{namespace}_{claim}"


def nobody(_path: str) -> str:
    """Tell that nobody has a folder."""
    return ""


@pytest.mark.parametrize(
    ("name", "claim"),
    [
        (folder("shop", "data"), "shop/data"),
        (folder("shop", "data-web-0"), "shop/data-web-0"),
        (folder("shop", "a.b"), "shop/a.b"),
        (f"pvc-{ONE}_shop", ""),
        (f"pvc-{ONE}_shop_data_more", ""),
        ("pvc-nothing_shop_data", ""),
        ("lost+found", ""),
        (MARKER, ""),
    ],
)
def test_a_folder_names_its_claim(name: str, claim: str) -> None:
    assert discover.claim_of(name) == claim


def test_what_a_drill_has_apps_probe_is_not_backed_up() -> None:
    here = [folder(f"{model.PROBES}w1", "data"), folder("shop", "data")]
    found = discover.choose(wanted(), {SSD: here, HDD: []}, nobody)
    assert ([volume.name for volume in found.volumes], found.refused, found.notes) == (["shop/data"], {}, [])


def test_volumes_of_all_tiers_are_found_with_their_hooks_and_without_what_is_left_out() -> None:
    hook = {"claim": "shop/data", "type": "sqlite", "database": "shop.db"}
    asked = wanted(
        hooks=[hook, {**hook, "claim": "elsewhere/data"}],
        leave_out=["media/cache"],
        volumes=[{"name": "media/films", "path": "/srv/hdd/films"}],
    )
    here = {SSD: [MARKER, folder("shop", "data")], HDD: [folder("media", "cache"), folder("media", "index")]}
    found = discover.choose(asked, here, nobody)
    assert {volume.name: volume.path for volume in found.volumes} == {
        "media/films": "/srv/hdd/films",
        "media/index": f"{HDD.folder}/{folder('media', 'index')}",
        "shop/data": f"{SSD.folder}/{folder('shop', 'data')}",
    }
    assert {volume.name for volume in found.volumes if volume.hook} == {"shop/data"}
    assert (found.refused, found.notes) == ({}, [])


def test_what_no_claim_has_is_told() -> None:
    found = discover.choose(wanted(), {SSD: ["by-hand", ".hidden"]}, nobody)
    assert found.notes == [f"{SSD.folder}/by-hand is no folder of a claim, and is not backed up"]


@pytest.mark.parametrize(
    ("used", "chosen", "said"),
    [
        ((), "", "has 2 folders and none of them is in use"),
        ((ONE,), ONE, ""),
        ((TWO,), TWO, ""),
        ((ONE, TWO), "", "has 2 folders and several are in use"),
    ],
    ids=["none", "the first", "the second", "both"],
)
def test_of_two_folders_the_one_in_use_counts(used: tuple[str, ...], chosen: str, said: str) -> None:
    here = {SSD: [folder("shop", "data", ONE)], HDD: [folder("shop", "data", TWO), folder("shop", "more")]}

    def in_use(path: str) -> str:
        return "process 1" if any(uid in path for uid in used) else ""

    found = discover.choose(wanted(), here, in_use)
    volumes = {volume.name: volume.path for volume in found.volumes}
    assert volumes.pop("shop/more") and ("shop/data" in volumes) == bool(chosen)
    if chosen:
        assert chosen in volumes["shop/data"] and len(found.notes) == 1 and "former claim" in found.notes[0]
    else:
        assert said in found.refused["shop/data"] and "Start the app" in found.refused["shop/data"]


@pytest.fixture
def tiers(tmp_path: Path) -> list[dict[str, str]]:
    """Two tiers with a volume each."""
    made = []
    for name in ("ssd", "hdd"):
        place = tmp_path / name / "volumes"
        volume = place / folder("shop", name)
        volume.mkdir(parents=True)
        (volume / "file").write_text(name, encoding="ascii")
        (place / MARKER).touch()
        made.append({"name": name, "folder": str(place), "marker": MARKER})
    return made


def test_a_disk_that_is_away_is_told_and_stops_no_other(node: Node, tiers: list[dict[str, str]]) -> None:
    metrics = node.root / "backup.prom"
    asked = node.wanted(tiers=tiers, metrics_file=str(metrics))
    first = backup.run(asked, node.places)
    assert sorted(first.volumes) == ["shop/hdd", "shop/ssd"] and not first.failed
    os.unlink(f"{tiers[1]['folder']}/{MARKER}")
    second = backup.run(asked, node.places)
    assert sorted(second.volumes) == ["shop/ssd"] and list(second.failed) == ["tier hdd"]
    assert "its disk is away" in second.failed["tier hdd"] and second.snapshot
    known = record.load(node.places)
    assert known["shop/hdd"]["failed"] == 1 and known["shop/hdd"]["success"] == known["shop/hdd"]["success"]
    assert 'homelab_backup_failed{volume="shop/hdd"} 1' in metrics.read_text()
    assert 'homelab_backup_failed{volume="tier hdd"} 1' in metrics.read_text()
    (Path(tiers[1]["folder"]) / MARKER).touch()
    assert not backup.run(asked, node.places).failed
    assert 'volume="tier hdd"' not in metrics.read_text()


def test_a_volume_that_is_gone_is_forgotten(node: Node, tiers: list[dict[str, str]]) -> None:
    asked = node.wanted(tiers=tiers)
    backup.run(asked, node.places)
    place = Path(tiers[1]["folder"]) / folder("shop", "hdd")
    (place / "file").unlink()
    place.rmdir()
    assert not backup.run(asked, node.places).failed
    assert list(json.loads(Path(node.places.record).read_text())) == ["shop/ssd"]
