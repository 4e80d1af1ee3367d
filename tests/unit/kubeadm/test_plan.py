# SPDX-License-Identifier: GPL-3.0-or-later
"""What each host has to do, decided from what was seen on all of them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kubeadm.config import desired_hashes
from ansible_collections.atarnet.homelab.plugins.module_utils._kubeadm.model import (
    Cluster,
    KubeadmError,
    Observation,
    parse_cluster,
)
from ansible_collections.atarnet.homelab.plugins.module_utils._kubeadm.plan import Step, plan_cluster

ROLES = {"cp1": "control_plane", "cp2": "control_plane", "w1": "worker", "w2": "worker"}


def make_cluster(*names: str, **changes: t.Any) -> Cluster:
    plan: dict[str, t.Any] = {
        "name": "lab",
        "endpoint": {"host": "api.lab.home.arpa", "port": 6443},
        "prefixes": {"node": "10.0.0.0/24", "pod": "10.244.0.0/16", "service": "10.96.0.0/16"},
        "cluster_domain": "cluster.local",
        "dns_address": "10.96.0.10",
        "images": {"etcd": "registry.k8s.io/etcd:3.6.14-0"},
        "kubernetes": {
            "version": "1.36.4",
            "kubelet_config": {},
            "kube_proxy_config": {},
            "preflight_ignore": ["SystemVerification"],
            "cgroup_driver": "systemd",
            **changes,
        },
        "nodes": {name: {"address": f"10.0.0.{index + 11}", "role": ROLES[name]} for index, name in enumerate(names)},
        "pod_nodes": [name for name in names if ROLES[name] == "worker"],
    }
    return parse_cluster(plan)


CLUSTER = make_cluster("cp1", "w1", "w2")
LEFT = {"manifests": "m", "kubelet_file": "k"}
STAMP = {"version": "1.36.4", "applied": desired_hashes(CLUSTER), "left": LEFT}


def blank(name: str) -> Observation:
    return Observation(name)


def member(name: str, **more: t.Any) -> Observation:
    facts: dict[str, t.Any] = {
        "kubelet_conf": True,
        "kubelet_active": True,
        "ca_sha256": "ca",
        "stamp": STAMP,
        "hashes": LEFT,
    }
    return Observation(name, **{**facts, **more})


def serving(name: str, *nodes: str, **more: t.Any) -> Observation:
    api = {
        node: {"uid": node, "version": "v1.36.4", "ready": True, "control_plane": node.startswith("cp")}
        for node in nodes
    }
    return member(name, **{"api_nodes": api, "etcd_data": True, "manifests": ("kube-apiserver.yaml",), **more})


def by_name(*seen: Observation) -> dict[str, Observation]:
    return {item.name: item for item in seen}


def kinds(steps: dict[str, list[Step]]) -> dict[str, list[str]]:
    return {name: [step.kind for step in own] for name, own in steps.items()}


PLANS: dict[str, tuple[list[Observation], str, dict[str, list[str]]]] = {
    "blank hosts": (
        [blank("cp1"), blank("w1"), blank("w2")],
        "cp1",
        {"cp1": ["init", "invite"], "w1": ["join"], "w2": ["join"]},
    ),
    "all as planned": ([serving("cp1", "cp1", "w1", "w2"), member("w1"), member("w2")], "cp1", {}),
    "a stopped kubelet": (
        [serving("cp1", "cp1", "w1", "w2"), member("w1", kubelet_active=False), member("w2")],
        "cp1",
        {"w1": ["start"]},
    ),
    "a stopped kubelet beside a living API": (
        [serving("cp1", "cp1", "w1", "w2", kubelet_active=False), member("w1"), member("w2")],
        "cp1",
        {"cp1": ["start"]},
    ),
    "a stopped kubelet with an outdated file": (
        [
            serving("cp1", "cp1", "w1", "w2"),
            member("w1", kubelet_active=False, hashes={**LEFT, "kubelet_file": "other"}),
            member("w2"),
        ],
        "cp1",
        {"w1": ["start", "reconfigure"]},
    ),
    "one new worker": (
        [serving("cp1", "cp1", "w1"), member("w1"), blank("w2")],
        "cp1",
        {"cp1": ["invite"], "w2": ["join"]},
    ),
    "an unreachable worker is nobody's business": ([serving("cp1", "cp1", "w1"), member("w1")], "cp1", {}),
    "init was interrupted": (
        [Observation("cp1", ca_sha256="ca", manifests=("etcd.yaml",)), blank("w1"), blank("w2")],
        "cp1",
        {"cp1": ["init", "invite"], "w1": ["join"], "w2": ["join"]},
    ),
    "init was interrupted after the API came up": (
        [serving("cp1", stamp={}), blank("w1"), blank("w2")],
        "cp1",
        {"cp1": ["init", "invite"], "w1": ["join"], "w2": ["join"]},
    ),
    "a control plane was restored, its workers go on": (
        [Observation("cp1", ca_sha256="ca", etcd_data=True), member("w1"), member("w2")],
        "cp1",
        {"cp1": ["init"]},
    ),
    "join was interrupted": (
        [serving("cp1", "cp1", "w2"), Observation("w1", bootstrap_conf=True, ca_sha256="ca"), member("w2")],
        "cp1",
        {"cp1": ["invite"], "w1": ["join"]},
    ),
    "a node object was deleted": (
        [serving("cp1", "cp1", "w2"), member("w1"), member("w2")],
        "cp1",
        {"cp1": ["invite"], "w1": ["join"]},
    ),
    "the API is down: recovered, members left alone": (
        [serving("cp1", api_nodes=None, api_cause="connection refused"), member("w1"), member("w2")],
        "cp1",
        {"cp1": ["recover"]},
    ),
    "a manifest was changed by hand": (
        [serving("cp1", "cp1", "w1", "w2", hashes={**LEFT, "manifests": "x"}), member("w1"), member("w2")],
        "cp1",
        {"cp1": ["reconfigure"]},
    ),
    "a worker's kubelet file was changed by hand": (
        [serving("cp1", "cp1", "w1", "w2"), member("w1", hashes={**LEFT, "kubelet_file": "x"}), member("w2")],
        "cp1",
        {"w1": ["reconfigure"]},
    ),
}


@pytest.mark.parametrize(("seen", "acting", "expected"), PLANS.values(), ids=PLANS)
def test_plan(seen: list[Observation], acting: str, expected: dict[str, list[str]]) -> None:
    planned = plan_cluster(CLUSTER, by_name(*seen))
    assert planned.acting == acting
    assert kinds(planned.steps) == expected


def test_acting_control_plane_is_the_one_that_answers_not_the_first() -> None:
    cluster = make_cluster("cp1", "cp2", "w1")
    down = member("cp1", api_cause="refused", manifests=("kube-apiserver.yaml",))
    planned = plan_cluster(cluster, by_name(down, serving("cp2", "cp1", "cp2", "w1"), member("w1")))
    assert planned.acting == "cp2"


def test_new_control_plane_is_joined_by_the_living_one() -> None:
    cluster = make_cluster("cp1", "cp2")
    stamp = {**STAMP, "applied": desired_hashes(cluster)}
    planned = plan_cluster(cluster, by_name(blank("cp1"), serving("cp2", "cp2", stamp=stamp)))
    assert kinds(planned.steps) == {"cp1": ["join"], "cp2": ["invite"]}
    assert planned.steps["cp2"][0].guests == ("cp1",)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"kubelet_config": {"maxPods": 50}}, {"cp1": ("kubelet",), "w1": ("kubelet",), "w2": ("kubelet",)}),
        ({"kube_proxy_config": {"mode": "iptables"}}, {"cp1": ("kube_proxy",)}),
    ],
    ids=["kubelet settings reach every node", "kube-proxy is one object of the cluster"],
)
def test_changed_input_reconfigures_the_part_it_is_about(
    changes: dict[str, t.Any], expected: dict[str, tuple[str, ...]]
) -> None:
    seen = by_name(serving("cp1", "cp1", "w1", "w2"), member("w1"), member("w2"))
    planned = plan_cluster(make_cluster("cp1", "w1", "w2", **changes), seen)
    assert {name: steps[0].parts for name, steps in planned.steps.items()} == expected


REFUSALS: dict[str, tuple[Cluster, list[Observation], str]] = {
    "an unseen control plane may hold the cluster": (
        make_cluster("cp1", "cp2", "w1"),
        [blank("cp2"), blank("w1")],
        r"cp1 could not be observed.*Bring the host back",
    ),
    "two authorities": (
        make_cluster("cp1", "cp2"),
        [member("cp1", ca_sha256="a", etcd_data=True), member("cp2", ca_sha256="b", etcd_data=True)],
        r"cp1, cp2 carry different certificate authorities.*Reset the wrong one",
    ),
    "a control plane that the input forgot": (
        CLUSTER,
        [serving("cp1", "cp1", "cp2", "w1"), member("w1"), member("w2")],
        r"Leaving cp1 as the only control plane: the cluster has cp2 as well\. Reset it",
    ),
    "a worker of another cluster": (
        CLUSTER,
        [serving("cp1", "cp1"), member("w1", ca_sha256="other"), blank("w2")],
        r"Joining w1: .*another cluster\. Reset it first",
    ),
    "another version": (
        make_cluster("cp1", version="1.36.3"),
        [serving("cp1", "cp1")],
        r"cp1: it runs Kubernetes 1\.36\.4.*asks for 1\.36\.3.*Set the version back",
    ),
    "a control plane that lost its disk": (
        CLUSTER,
        [blank("cp1"), member("w1"), member("w2")],
        r"cp1: it is blank, and w1, w2 belong to a cluster.*restore_control_plane.*reset\.yml --limit w1,w2",
    ),
    "half a restore": (
        CLUSTER,
        [Observation("cp1", ca_sha256="ca", restoring=True), member("w1"), member("w2")],
        r"cp1: a restore of its control plane did not come to its end.*restore_control_plane\.yml again",
    ),
}


@pytest.mark.parametrize(("cluster", "seen", "message"), REFUSALS.values(), ids=REFUSALS)
def test_refusals_name_cause_and_fix(cluster: Cluster, seen: list[Observation], message: str) -> None:
    with pytest.raises(KubeadmError, match=message):
        plan_cluster(cluster, by_name(*seen))


def test_interrupted_init_passes_over_its_own_leftovers_only() -> None:
    fresh = plan_cluster(CLUSTER, by_name(blank("cp1"))).steps["cp1"][0]
    resumed = plan_cluster(CLUSTER, by_name(Observation("cp1", ca_sha256="ca"))).steps["cp1"][0]
    assert fresh.resume == ()
    assert "Port-6443" in resumed.resume
    assert "Swap" not in resumed.resume


def test_phases_split_the_steps_between_the_acting_control_plane_and_the_others() -> None:
    planned = plan_cluster(CLUSTER, by_name(blank("cp1"), blank("w1"), blank("w2")))
    assert [step.kind for step in planned.of("cp1", "control_plane")] == ["init", "invite"]
    assert planned.of("cp1", "join") == []
    assert [step.kind for step in planned.of("w1", "join")] == ["join"]
    assert planned.of("w1", "control_plane") == []
