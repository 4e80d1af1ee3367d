# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of a cluster names everything that is not well, and nothing that is."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._status.picture import picture, pod_trouble, render

PLAN: dict[str, t.Any] = {
    "name": "lab",
    "domain": "lab.home.arpa",
    "kubeconfig": "/home/me/.kube/lab.conf",
    "endpoint": {"host": "api.lab.home.arpa", "port": 6443},
    "nodes": {
        "cp1": {"role": "control_plane", "address": "10.0.0.11"},
        "w1": {"role": "worker", "address": "10.0.0.12"},
    },
    "ingress": {"provider": "traefik", "address": "10.0.0.200"},
    "routes": {"hosts": {"shop.example.org": {}}},
}


def node(name: str, ready: str = "True", message: str = "") -> dict[str, t.Any]:
    condition = {"type": "Ready", "status": ready, "message": message}
    return {
        "metadata": {"name": name},
        "status": {"nodeInfo": {"kubeletVersion": "v1.36.4"}, "conditions": [condition]},
    }


def pod(phase: str, *conditions: dict[str, str], waiting: dict[str, str] | None = None) -> dict[str, t.Any]:
    status: dict[str, t.Any] = {"phase": phase, "conditions": list(conditions)}
    if waiting:
        status["containerStatuses"] = [{"name": "c", "state": {"waiting": waiting}}]
    return {"metadata": {"namespace": "kube-system", "name": "p"}, "spec": {}, "status": status}


READY = {"type": "Ready", "status": "True"}
UNREADY = {"type": "Ready", "status": "False", "message": "containers with unready status: [c]"}
UNSCHEDULED = {"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available"}

PODS: dict[str, tuple[dict[str, t.Any], str]] = {
    "running": (pod("Running", READY), ""),
    "ended well": (pod("Succeeded"), ""),
    "image missing": (
        pod("Pending", UNREADY, waiting={"reason": "ImagePullBackOff", "message": "not found"}),
        "pod kube-system/p: container c waits: ImagePullBackOff not found",
    ),
    "no room": (pod("Pending", UNSCHEDULED), "pod kube-system/p: not scheduled: 0/2 nodes are available"),
    "probe fails": (pod("Running", UNREADY), "pod kube-system/p: not ready: containers with unready status: [c]"),
    "just made": (pod("Pending"), "pod kube-system/p: not ready: starting"),
}


@pytest.mark.parametrize(("seen", "expected"), PODS.values(), ids=PODS)
def test_pod_trouble(seen: dict[str, t.Any], expected: str) -> None:
    assert pod_trouble(seen) == expected


def test_a_well_cluster_has_no_problem() -> None:
    seen = picture(PLAN, [node("cp1"), node("w1")], [pod("Running", READY), pod("Running", READY)])
    assert seen["problems"] == []
    assert seen["pods"] == {"Running": 2}
    assert "no problem found" in render(PLAN, seen)


def deployment(updated: int) -> dict[str, t.Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": "kube-system", "name": "coredns", "generation": 2},
        "spec": {"replicas": 2},
        "status": {"observedGeneration": 2, "replicas": 2, "updatedReplicas": updated, "availableReplicas": 2},
    }


@pytest.mark.parametrize(
    ("updated", "away", "problems"),
    [
        (2, (), []),
        (1, (), ["Deployment kube-system/coredns: 1 of 2 replicas updated"]),
        (1, ("w1",), []),
    ],
    ids=["over", "going on", "not to be expected while a host is away"],
)
def test_a_rollout_that_is_not_over_is_named(updated: int, away: tuple[str, ...], problems: list[str]) -> None:
    nodes = [node("cp1"), node("w1")]
    assert picture(PLAN, nodes, [], [deployment(updated)], away=away)["problems"] == problems


@pytest.mark.parametrize(
    ("nodes", "problem"),
    [
        ([node("cp1")], "node w1: has not joined the cluster"),
        ([node("cp1"), node("w1", "False", "cni plugin not initialized")], "node w1: not ready: cni plugin"),
        ([node("cp1"), node("w1", "Unknown", "Kubelet stopped posting")], "node w1: not ready: Kubelet stopped"),
        ([node("cp1"), node("w1"), node("x9")], "node x9: is in the cluster but not in homelab_nodes"),
    ],
    ids=["missing", "no network", "silent", "stranger"],
)
def test_each_trouble_of_a_node_is_named(nodes: list[dict[str, t.Any]], problem: str) -> None:
    seen = picture(PLAN, nodes, [])
    assert len(seen["problems"]) == 1
    assert seen["problems"][0].startswith(problem)
    assert problem in render(PLAN, seen)


def test_the_way_in_is_told_where_there_is_one() -> None:
    seen = picture(PLAN, [], [])
    assert "  routes: 1 by traefik at 10.0.0.200\n" in render(PLAN, seen)
    assert "routes" not in render({**PLAN, "ingress": None, "routes": None}, seen)


def test_a_waiting_pod_is_explained_by_its_newest_warning() -> None:
    waiting = pod("Pending", UNREADY, waiting={"reason": "ContainerCreating"})
    waiting["metadata"]["uid"] = "1"
    events = [
        {"type": "Warning", "involvedObject": {"uid": "1"}, "lastTimestamp": "1", "reason": "Old", "message": "gone"},
        {
            "type": "Warning",
            "involvedObject": {"uid": "1"},
            "lastTimestamp": "2",
            "reason": "Failed",
            "message": "no CNI",
        },
        {"type": "Warning", "involvedObject": {"uid": "2"}, "lastTimestamp": "3", "reason": "Other", "message": "x"},
    ]
    problems = picture(PLAN, [node("cp1"), node("w1")], [waiting], events=events)["problems"]
    assert problems == ["pod kube-system/p: not ready: containers with unready status: [c] (Failed: no CNI)"]


def test_a_host_that_could_not_be_reached_is_shown_and_not_waited_for() -> None:
    stuck = pod("Running", UNREADY)
    stuck["spec"]["nodeName"] = "w1"
    seen = picture(PLAN, [node("cp1"), node("w1", "Unknown", "Kubelet stopped posting")], [stuck], away={"w1"})
    assert seen["problems"] == []
    assert "NOT READY (node w1: not ready: Kubelet stopped posting)" in render(PLAN, seen)
