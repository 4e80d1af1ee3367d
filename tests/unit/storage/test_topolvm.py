# SPDX-License-Identifier: GPL-3.0-or-later
"""What tiers of topolvm become: pools by node, classes of volumes and snapshots, and the values of the chart."""

from __future__ import annotations

import typing as t

import pytest

from tests.unit.storage.support import HARDWARE, POOLS, TIERS, Json, only, plan, rendered

MIXED = [*POOLS, {"name": "old", "folder": "/srv/old", "nodes": ["node3"]}]


@pytest.fixture(name="of", scope="module")
def _of() -> Json:
    return plan({"tiers": MIXED}, HARDWARE)


def device_class(name: str, group: str, ratio: float) -> Json:
    thin = {"name": "pool", "overprovision-ratio": ratio}
    return {"name": name, "volume-group": group, "type": "thin", "thin-pool": thin}


def test_each_node_has_the_pools_of_its_tiers(of: Json) -> None:
    found = of["storage"]["topolvm"]
    ssd = device_class("ssd", "homelab-ssd", 2.0)
    assert found["nodes"] == ["node2", "node3"]
    assert found["daemons"] == [
        {"nodes": ["node2"], "classes": [ssd, device_class("hdd", "homelab-hdd", 1.0)]},
        {"nodes": ["node3"], "classes": [ssd, device_class("spare", "debian-vg", 2.0)]},
    ]


def test_nodes_that_are_alike_share_a_daemon() -> None:
    disks = [{"name": node, "disks": [{"serial": node, "tier": "ssd"}]} for node in ("node2", "node3")]
    found = plan({"tiers": POOLS[:1]}, {"hosts": disks})["storage"]["topolvm"]["daemons"]
    assert [daemon["nodes"] for daemon in found] == [["node2", "node3"]]


def test_only_groups_of_the_users_own_get_a_pool_of_a_size(of: Json) -> None:
    assert of["storage"]["topolvm"]["pools"] == {"node3": [{"group": "debian-vg", "size": 3 << 39}]}


def test_folders_beside_pools_are_local_paths(of: Json) -> None:
    assert (of["storage"]["tiers"], list(of["storage"]["hosts"])) == (["old"], ["node3"])
    assert only(of["storage"]["objects"], "StorageClass")["metadata"]["name"] == "old"


def test_classes_wait_for_pods_and_let_volumes_grow(of: Json) -> None:
    classes = [one for one in of["storage"]["topolvm"]["objects"] if one["kind"] == "StorageClass"]
    assert [one["metadata"]["name"] for one in classes] == ["ssd", "hdd", "spare"]
    for one in classes:
        assert one["provisioner"] == "topolvm.io"
        assert one["parameters"]["topolvm.io/device-class"] == one["metadata"]["name"]
        assert (one["volumeBindingMode"], one["allowVolumeExpansion"]) == ("WaitForFirstConsumer", True)
    defaults = [one["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] for one in classes]
    assert defaults == ["true", "false", "false"]


def test_snapshots_have_a_class_of_this_driver(of: Json) -> None:
    found = only(of["storage"]["topolvm"]["objects"], "VolumeSnapshotClass")
    assert (found["driver"], found["deletionPolicy"]) == ("topolvm.io", "Delete")


def test_without_a_pool_there_is_no_topolvm() -> None:
    assert plan({"tiers": TIERS})["storage"]["topolvm"] is None


def values(of: Json) -> Json:
    """Return the values that the chart is installed with."""
    (found,) = rendered(of, "topolvm.yaml.j2")
    return found


def affinity(of: Json) -> list[str]:
    (term,) = of["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    (match,) = term["matchExpressions"]
    assert (match["key"], match["operator"]) == ("kubernetes.io/hostname", "In")
    return list(match["values"])


def test_the_chart_is_told_the_plans_pools_and_nodes(of: Json) -> None:
    found, daemons = values(of), of["storage"]["topolvm"]["daemons"]
    told = [found["lvmd"], *found["lvmd"]["additionalConfigs"]]
    assert [one["deviceClasses"] for one in told] == [daemon["classes"] for daemon in daemons]
    assert [affinity(one["affinity"]) for one in told] == [daemon["nodes"] for daemon in daemons]
    assert affinity(found["node"]["affinity"]) == of["storage"]["topolvm"]["nodes"]
    assert f"{found['image']['repository']}:{found['image']['tag']}" == of["images"]["topolvm"]


def test_classes_are_ours_and_the_chart_needs_no_certificate(of: Json) -> None:
    found = values(of)
    assert found["storageClasses"] == []
    assert found["webhook"]["podMutatingWebhook"]["enabled"] is False


def test_everything_has_a_limit(of: Json) -> None:
    resources: dict[str, t.Any] = values(of)["resources"]
    assert {"lvmd", "topolvm_node", "topolvm_controller", "csi_snapshotter", "csi_provisioner"} <= set(resources)
    assert all({"cpu", "memory"} <= set(one["requests"]) and "memory" in one["limits"] for one in resources.values())


def test_no_node_has_two_controllers(of: Json) -> None:
    alone = {**of, "pod_nodes": ["node2"]}
    assert [values(one)["controller"]["replicaCount"] for one in (of, alone)] == [2, 1]


def test_the_controller_of_snapshots_has_no_right_beyond_them(of: Json) -> None:
    objects = rendered(of, "snapshots.yaml.j2")
    assert only(objects, "Namespace")["metadata"]["name"] == of["storage"]["topolvm"]["namespace"]
    rules = only(objects, "ClusterRole")["rules"]
    for rule in rules:
        assert (
            "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]] and "secrets" not in rule["resources"]
        )
    pod = only(objects, "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == of["images"]["snapshot_controller"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
