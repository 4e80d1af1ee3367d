# SPDX-License-Identifier: GPL-3.0-or-later
"""What homelab_storage becomes: classes, and the volumes and claims of libraries."""

from __future__ import annotations

from tests.unit.storage.support import MUSIC, TIERS, only, plan

DEFAULT = "storageclass.kubernetes.io/is-default-class"


def test_nothing_is_asked_for() -> None:
    assert plan({})["storage"] is None


def test_each_node_has_the_folders_of_its_tiers() -> None:
    found = plan({"tiers": TIERS})["storage"]
    assert found["hosts"] == {
        "node2": {"folders": ["/srv/ssd", "/srv/hdd"], "mounts": ["/srv/ssd"]},
        "node3": {"folders": ["/srv/hdd"], "mounts": []},
    }
    assert found["paths"] == [
        {"node": "node2", "paths": ["/srv/ssd/volumes", "/srv/hdd/volumes"]},
        {"node": "node3", "paths": ["/srv/hdd/volumes"]},
    ]


def test_a_tier_is_a_class_of_its_nodes_and_folder() -> None:
    ssd, hdd = plan({"tiers": TIERS})["storage"]["objects"]
    assert [one["metadata"]["annotations"][DEFAULT] for one in (ssd, hdd)] == ["true", "false"]
    for one, nodes, folder in ((ssd, ["node2"], "/srv/ssd/volumes"), (hdd, ["node2", "node3"], "/srv/hdd/volumes")):
        assert one["parameters"] == {"nodePath": folder}
        assert one["allowedTopologies"][0]["matchLabelExpressions"][0]["values"] == nodes
        assert one["volumeBindingMode"] == "WaitForFirstConsumer"
        assert (one["reclaimPolicy"], one["allowVolumeExpansion"]) == ("Delete", False)
        assert one["metadata"]["annotations"]["defaultVolumeType"] == "local"


def test_a_library_is_bound_to_its_claim_and_its_node() -> None:
    objects = plan({"libraries": [MUSIC, {**MUSIC, "name": "songs", "folder": "/srv/songs", "writable": True}]})
    found = objects["storage"]["objects"]
    assert [item["metadata"]["name"] for item in found if item["kind"] == "Namespace"] == ["media"]
    volume, claim = only(found, "PersistentVolume", "library-music"), only(found, "PersistentVolumeClaim", "music")
    assert volume["spec"]["claimRef"]["name"] == claim["metadata"]["name"]
    assert volume["spec"]["claimRef"]["namespace"] == claim["metadata"]["namespace"] == "media"
    assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
    assert volume["spec"]["local"] == {"path": "/srv/hdd/My Music"}
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    (term,) = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term["matchExpressions"][0]["values"] == ["node2"]
    for item in (volume, claim):
        assert (item["spec"]["storageClassName"], item["spec"]["accessModes"]) == ("", ["ReadOnlyMany"])
    assert only(found, "PersistentVolume", "library-songs")["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_pods_mount_libraries_read_only_unless_they_are_writable() -> None:
    found = plan({"libraries": [MUSIC, {**MUSIC, "name": "songs", "folder": "/srv/songs", "writable": True}]})
    policy = only(found["storage"]["objects"], "MutatingAdmissionPolicy")
    assert '["media/music"]' in policy["spec"]["matchConditions"][0]["expression"]
    binding = only(found["storage"]["objects"], "MutatingAdmissionPolicyBinding")
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    writable = plan({"libraries": [{**MUSIC, "writable": True}]})["storage"]["objects"]
    assert [item["kind"] for item in writable] == ["Namespace", "PersistentVolume", "PersistentVolumeClaim"]


def test_libraries_alone_have_no_tier() -> None:
    found = plan({"libraries": [MUSIC]})["storage"]
    assert (found["tiers"], found["hosts"], found["paths"]) == ([], {}, [])
