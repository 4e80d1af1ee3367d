# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps an object from being ready, found in realistic pods, claims, conditions and events."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.causes import find_cause
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.errors import ApiError
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.model import Ref

Json = dict[str, t.Any]


@dataclass
class Cluster:
    """An API with some objects, of which events name the object they are about."""

    objects: list[Json] = field(default_factory=list)
    log_lines: str = ""

    def get(self, ref: Ref) -> Json | None:
        """Return the object of that kind and name."""
        return next((o for o in self.objects if (o["kind"], o["metadata"]["name"]) == (ref.kind, ref.name)), None)

    def list_all(self, ref: Ref, query: t.Mapping[str, str] = {}) -> list[Json]:
        """Return the objects of that kind; of events those that the field selector asks for."""
        found = [item for item in self.objects if item["kind"] == ref.kind]
        asked = dict(part.split("=") for part in query.get("fieldSelector", "").split(",") if part)
        name, sort = asked.get("involvedObject.name"), asked.get("type")
        return [item for item in found if name in (None, item.get("about")) and sort in (None, item.get("type"))]

    def log(self, namespace: str, pod: str, container: str, previous: bool) -> str:
        """Return the last lines, of the crashed container and no other."""
        return self.log_lines if previous else ""


def event(about: str, message: str, sort: str = "Warning", moment: str = "2026-01-01T00:00:00Z") -> Json:
    """Return an event about the object of that name."""
    seen = {"type": sort, "message": message, "lastTimestamp": moment}
    return {"apiVersion": "v1", "kind": "Event", "metadata": {"name": f"{about}.1"}, "about": about, **seen}


def pod(name: str = "web-1", phase: str = "Pending", conditions: tuple[Json, ...] = (), **container: t.Any) -> Json:
    """Return a pod with at most one container."""
    containers = [{"name": "app", **container}] if container else []
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "n"},
        "spec": {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]},
        "status": {"phase": phase, "conditions": list(conditions), "containerStatuses": containers},
    }


def node(name: str, ready: str = "", message: str = "") -> Json:
    """Return a node that says so of itself; nothing when ready is empty."""
    conditions = [{"type": "Ready", "status": ready, "message": message}] if ready else []
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"conditions": conditions}}


def workload(kind: str = "Deployment", *conditions: Json) -> Json:
    """Return a workload whose pods carry app=web."""
    return {
        "apiVersion": "batch/v1" if kind == "Job" else "apps/v1",
        "kind": kind,
        "metadata": {"name": "web", "namespace": "n", "uid": "1"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
        "status": {"conditions": list(conditions)},
    }


def replica_set(name: str, created: str) -> Json:
    """Return a ReplicaSet."""
    metadata = {"name": name, "namespace": "n", "creationTimestamp": created}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata}


def claim(storage_class: str = "", phase: str = "Pending") -> Json:
    """Return the claim "data"."""
    spec = {"storageClassName": storage_class} if storage_class else {}
    metadata = {"name": "data", "namespace": "n"}
    status = {"phase": phase}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": spec,
        "status": status,
    }


FAST = {"kind": "StorageClass", "metadata": {"name": "fast"}, "provisioner": "topolvm.io"}
LOCAL = {"kind": "StorageClass", "metadata": {"name": "local"}, "provisioner": "rancher.io/local-path"}
MAKER = "helper-pod-create-pvc-7"
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "n"}}
CERTIFICATE = {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": "web", "namespace": "n"}}
PULL = {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "none:1"'}}
CONFIG = {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "x" not found'}}
LOOP = {"waiting": {"reason": "CrashLoopBackOff"}}
EXIT = {"terminated": {"exitCode": 3, "reason": "Error"}}
KILLED = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
RUNS = {"running": {}}
READY = {"type": "Ready", "status": "True"}
NO_NETWORK = "container runtime network not ready: cni plugin not initialized"
TAINTED = "0/3 nodes are available: 3 node(s) had untolerated taint {node.kubernetes.io/not-ready: }."
WHOLE = "0/3 nodes are available: 3 Insufficient cpu."
UNBOUND = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."
QUOTA = 'Error creating: pods "web-1" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2'
HOOK = 'Error creating: Internal error occurred: failed calling webhook "w.test": connection refused'
PROBE = "Readiness probe failed: HTTP probe failed with statuscode: 503"
WAITING = "Waiting for a volume to be created by the external provisioner 'topolvm.io'"


def unscheduled(message: str) -> Json:
    """Return the condition of a pod without a node."""
    return {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}


CASES: dict[str, tuple[Json, Cluster, str]] = {
    "image": (
        workload(),
        Cluster([pod(state=PULL)]),
        'pod web-1: container app waits: ImagePullBackOff: Back-off pulling image "none:1"',
    ),
    "configuration": (
        workload(),
        Cluster([pod(state=CONFIG)]),
        'pod web-1: container app waits: CreateContainerConfigError: secret "x" not found',
    ),
    "crash loop": (
        workload(),
        Cluster([pod(state=LOOP, lastState=EXIT)], "no config\nbye"),
        "pod web-1: container app ended with exit code 3 (Error), its last words: no config\nbye",
    ),
    "crash without words": (
        workload(),
        Cluster([pod(state=KILLED)]),
        "pod web-1: container app ended with exit code 137 (OOMKilled), its last words: nothing",
    ),
    "probe": (
        workload(),
        Cluster([pod(phase="Running", state=RUNS, ready=False), event("web-1", PROBE)]),
        f"pod web-1: container app runs but is not ready: {PROBE}",
    ),
    "the latest of two events": (
        workload(),
        Cluster(
            [
                pod(phase="Running", state=RUNS, ready=False),
                event("web-1", PROBE, moment="2026-01-01T00:00:02Z"),
                event("web-1", "Failed to attach", moment="2026-01-01T00:00:01Z"),
            ]
        ),
        f"pod web-1: container app runs but is not ready: {PROBE}",
    ),
    "no room": (
        workload(),
        Cluster([pod(conditions=(unscheduled(WHOLE),))]),
        f"pod web-1 is not scheduled: {WHOLE}",
    ),
    "no node that is ready": (
        workload(),
        Cluster(
            [pod(conditions=(unscheduled(TAINTED),)), node("w2", "False", NO_NETWORK), node("w3"), node("w1", "True")]
        ),
        f"pod web-1 is not scheduled: {TAINTED.rstrip('.')}; node w2 is not ready: {NO_NETWORK}; "
        "node w3 is not ready: its kubelet has not reported yet",
    ),
    "no volume": (
        workload("StatefulSet"),
        Cluster([pod(conditions=(unscheduled(UNBOUND),)), claim("fast"), FAST, event("data", WAITING, "Normal")]),
        f"pod web-1 is not scheduled: {UNBOUND.rstrip('.')}; "
        f"claim data is Pending (class fast, provisioner topolvm.io): {WAITING}",
    ),
    "a volume that cannot be mounted": (
        workload(),
        Cluster(
            [
                pod(state={"waiting": {"reason": "ContainerCreating"}}),
                event("web-1", "MountVolume.SetUp failed for volume data: not found"),
            ]
        ),
        "pod web-1 is Pending: MountVolume.SetUp failed for volume data: not found",
    ),
    "evicted": (
        workload(),
        Cluster([{**pod(), "status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on disk"}}]),
        "pod web-1 is Failed: Evicted: The node was low on disk",
    ),
    "only one of two is ill": (
        workload(),
        Cluster([pod("web-2", "Running", (READY,)), pod(state=PULL)]),
        'pod web-1: container app waits: ImagePullBackOff: Back-off pulling image "none:1"',
    ),
    "quota, told by a condition": (
        workload("Deployment", {"type": "ReplicaFailure", "status": "True", "message": QUOTA[16:]}),
        Cluster(),
        f"it has no pods: {QUOTA[16:]}",
    ),
    "quota, told of the newest ReplicaSet": (
        workload(),
        Cluster(
            [
                replica_set("web-b", "2026-01-02T00:00:00Z"),
                replica_set("web-a", "2026-01-01T00:00:00Z"),
                event("web-b", QUOTA),
                event("web-a", "an old story"),
            ]
        ),
        f"it has no pods: {QUOTA}",
    ),
    "quota, told of a set with some pods": (
        workload("StatefulSet"),
        Cluster([pod("web-0", "Running", (READY,)), event("web", QUOTA)]),
        QUOTA,
    ),
    "quota, told of a job": (workload("Job"), Cluster([event("web", QUOTA)]), f"it has no pods: {QUOTA}"),
    "a webhook nobody answers for": (workload("DaemonSet"), Cluster([event("web", HOOK)]), f"it has no pods: {HOOK}"),
    "a rollout without a word": (
        workload("Deployment", {"type": "Progressing", "status": "False", "message": "timed out progressing"}),
        Cluster(),
        "it has no pods: timed out progressing",
    ),
    "no pods and no word": (workload(), Cluster(), "it has no pods"),
    "all well": (workload(), Cluster([pod("web-1", "Running", (READY,))]), ""),
    "a claim that is being provisioned": (
        claim("fast"),
        Cluster([FAST, event("data", WAITING, "Normal")]),
        f"claim data is Pending (class fast, provisioner topolvm.io): {WAITING}",
    ),
    "a claim whose provisioner failed": (
        claim("fast"),
        Cluster([FAST, event("data", "no space left"), event("data", WAITING, "Normal", "2026-02-02T00:00:00Z")]),
        "claim data is Pending (class fast, provisioner topolvm.io): no space left",
    ),
    "a claim whose volume cannot be made by a pod": (
        {**claim("local"), "metadata": {"name": "data", "namespace": "n", "uid": "7"}},
        Cluster([LOCAL, event("data", "made in vain"), pod(MAKER), event(MAKER, "/srv/ssd is not a directory")]),
        "claim data is Pending (class local, provisioner rancher.io/local-path): made in vain; "
        f"pod {MAKER} is Pending: /srv/ssd is not a directory",
    ),
    "a claim of a class that is not there": (
        claim("fast"),
        Cluster([]),
        "claim data is Pending (class fast does not exist)",
    ),
    "a claim without a class": (
        claim(),
        Cluster([event("data", "no persistent volumes available for this claim", "Normal")]),
        "claim data is Pending (it names no class, and no class was the default): "
        "no persistent volumes available for this claim",
    ),
    "a load balancer out of addresses": (
        SERVICE,
        Cluster([event("web", 'Failed to allocate IP for "n/web": no available IPs')]),
        'Failed to allocate IP for "n/web": no available IPs',
    ),
    "no load balancer": (
        SERVICE,
        Cluster(),
        "no controller of load balancers has said a word about it. Install one, or choose another type",
    ),
    "a custom resource": (
        CERTIFICATE,
        Cluster([event("web", "issuer not found")]),
        "issuer not found",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_causes(case: str) -> None:
    live, cluster, told = CASES[case]
    ref = Ref(live["apiVersion"], live["kind"], "n", live["metadata"]["name"])
    assert find_cause(t.cast(t.Any, cluster), ref, live) == told


def test_a_selector_of_expressions_finds_the_pods() -> None:
    asked: list[str] = []

    class Asked(Cluster):
        def list_all(self, ref: Ref, query: t.Mapping[str, str] = {}) -> list[Json]:
            asked.append(query.get("labelSelector", ""))
            return []

    live = workload("DaemonSet")
    live["spec"]["selector"]["matchExpressions"] = [
        {"key": "tier", "operator": "In", "values": ["a", "b"]},
        {"key": "zone", "operator": "NotIn", "values": ["c"]},
        {"key": "old", "operator": "DoesNotExist"},
        {"key": "new", "operator": "Exists"},
    ]
    find_cause(t.cast(t.Any, Asked()), Ref("apps/v1", "DaemonSet", "n", "web"), live)
    assert asked[0] == "app=web,tier in (a,b),zone notin (c),!old,new"


def test_a_cause_that_cannot_be_read_says_so() -> None:
    class Forbidden(Cluster):
        def list_all(self, ref: Ref, query: t.Mapping[str, str] = {}) -> list[Json]:
            raise ApiError("Listing Pod in n", 403, {"message": "pods is forbidden"})

    told = find_cause(t.cast(t.Any, Forbidden()), Ref("apps/v1", "Deployment", "n", "web"), workload())
    assert told.startswith("its cause cannot be read: Listing Pod in n: pods is forbidden.")
