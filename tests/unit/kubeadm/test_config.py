# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may carry pods: nobody but workers, unless there are none. Who elects a leader: more than one."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.atarnet.homelab.plugins.module_utils._kubeadm.config import init_documents, join_document
from ansible_collections.atarnet.homelab.plugins.module_utils._kubeadm.model import CONTROL_PLANE, Cluster

from tests.unit.kubeadm.test_plan import CLUSTER


def all_control_planes() -> Cluster:
    nodes = {name: replace(node, role=CONTROL_PLANE) for name, node in CLUSTER.nodes.items()}
    return replace(CLUSTER, nodes=nodes, pod_nodes=frozenset(nodes))


def test_with_workers_kubeadm_keeps_pods_off_control_planes() -> None:
    for node in CLUSTER.nodes.values():
        for document in (init_documents(CLUSTER, node)[0], join_document(CLUSTER, node)):
            assert "taints" not in document["nodeRegistration"]


def test_without_workers_control_planes_carry_pods() -> None:
    cluster = all_control_planes()
    for node in cluster.nodes.values():
        for document in (init_documents(cluster, node)[0], join_document(cluster, node)):
            assert document["nodeRegistration"]["taints"] == []


def test_controllers_elect_a_leader_where_there_is_more_than_one() -> None:
    for cluster, told in ((CLUSTER, "false"), (all_control_planes(), None)):
        (node, *_others) = cluster.nodes.values()
        document = init_documents(cluster, node)[1]
        for part in ("controllerManager", "scheduler"):
            arguments = {one["name"]: one["value"] for one in document[part]["extraArgs"]}
            assert arguments.get("leader-elect") == told and arguments["profiling"] == "false"
