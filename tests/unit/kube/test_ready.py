# SPDX-License-Identifier: GPL-3.0-or-later
"""When an object is ready, and why it is not."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._kube.ready import readiness

Json = dict[str, t.Any]


def an_object(api_version: str, kind: str, spec: Json, status: Json, generation: int = 2) -> Json:
    """Return a live object."""
    metadata = {"name": "a", "namespace": "n", "generation": generation}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec, "status": status}


def deployment(**status: t.Any) -> Json:
    """Return a Deployment of two replicas."""
    return an_object("apps/v1", "Deployment", {"replicas": 2}, {"observedGeneration": 2, **status})


def daemon_set(kind: str = "RollingUpdate", **status: t.Any) -> Json:
    """Return a DaemonSet."""
    return an_object("apps/v1", "DaemonSet", {"updateStrategy": {"type": kind}}, {"observedGeneration": 2, **status})


def stateful_set(partition: int = 0, **status: t.Any) -> Json:
    """Return a StatefulSet of three replicas."""
    spec = {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": partition}}}
    return an_object("apps/v1", "StatefulSet", spec, {"observedGeneration": 2, **status})


def conditions(api_version: str, kind: str, *given: Json, **spec: t.Any) -> Json:
    """Return an object with conditions."""
    return an_object(api_version, kind, spec, {"conditions": list(given)})


def condition(name: str, status: str = "True", **more: str) -> Json:
    """Return one condition."""
    return {"type": name, "status": status, **more}


CRD = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
BALANCED = {"type": "LoadBalancer"}
CASES: dict[str, tuple[Json, str]] = {
    "nobody saw it": (an_object("apps/v1", "Deployment", {}, {}), "no controller has seen it yet"),
    "an old status": (
        an_object("apps/v1", "Deployment", {}, {"observedGeneration": 1, "availableReplicas": 1}),
        "the controller has not seen its last change yet",
    ),
    "updating": (deployment(replicas=2, updatedReplicas=1, availableReplicas=2), "1 of 2 replicas updated"),
    "old ones left": (deployment(replicas=3, updatedReplicas=2, availableReplicas=2), "1 old replicas still run"),
    "unavailable": (deployment(replicas=2, updatedReplicas=2, availableReplicas=1), "1 of 2 replicas available"),
    "available": (deployment(replicas=2, updatedReplicas=2, availableReplicas=2), ""),
    "scaled to none": (an_object("apps/v1", "Deployment", {"replicas": 0}, {"observedGeneration": 2}), ""),
    "no node for a daemon": (daemon_set(desiredNumberScheduled=0), ""),
    "a daemon updating": (
        daemon_set(desiredNumberScheduled=3, updatedNumberScheduled=1, numberAvailable=3),
        "1 of 3 pods updated",
    ),
    "a daemon updated by hand": (daemon_set("OnDelete", desiredNumberScheduled=3, numberAvailable=3), ""),
    "a daemon missing": (
        daemon_set(desiredNumberScheduled=3, updatedNumberScheduled=3, numberAvailable=2),
        "2 of 3 pods available",
    ),
    "a set starting": (stateful_set(updatedReplicas=3, readyReplicas=1), "1 of 3 replicas ready"),
    "a set with a partition": (stateful_set(2, updatedReplicas=1, readyReplicas=3), ""),
    "a job running": (
        an_object("batch/v1", "Job", {"completions": 2}, {"succeeded": 1}),
        "1 of 2 runs completed",
    ),
    "a job done": (conditions("batch/v1", "Job", condition("Complete")), ""),
    "a job suspended": (conditions("batch/v1", "Job", suspend=True), ""),
    "a definition accepted": (conditions(*CRD, condition("Established")), ""),
    "a definition new": (conditions(*CRD), "condition Established is not set yet"),
    "a pod not ready": (
        conditions("v1", "Pod", condition("Ready", "False", reason="ContainersNotReady")),
        "condition Ready is False (ContainersNotReady)",
    ),
    "a claim that is bound": (an_object("v1", "PersistentVolumeClaim", {}, {"phase": "Bound"}), ""),
    "a claim that waits": (an_object("v1", "PersistentVolumeClaim", {}, {}), "it is not bound to a volume"),
    "a load balancer with an address": (
        an_object("v1", "Service", BALANCED, {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}),
        "",
    ),
    "a load balancer without one": (
        an_object("v1", "Service", BALANCED, {"loadBalancer": {}}),
        "no address was given to it",
    ),
    "a service of a cluster address": (an_object("v1", "Service", {"type": "ClusterIP"}, {"loadBalancer": {}}), ""),
    "a rollout that is paused": (
        an_object("apps/v1", "Deployment", {"replicas": 1, "paused": True}, {"observedGeneration": 2}),
        "0 of 1 replicas updated, its rollout is paused",
    ),
    "a kind without a rule": (an_object("v1", "ConfigMap", {}, {}), ""),
    "another group's deployment": (an_object("other.test/v1", "Deployment", {}, {}), ""),
}


@pytest.mark.parametrize("case", CASES)
def test_readiness(case: str) -> None:
    live, waits = CASES[case]
    assert (readiness(live).waits, readiness(live).failed) == (waits, False)


def test_waiting_for_the_hopeless_ends_at_once() -> None:
    job = readiness(conditions("batch/v1", "Job", condition("Failed", message="BackoffLimitExceeded")))
    names = readiness(conditions(*CRD, condition("NamesAccepted", "False", message="taken")))
    assert (job.waits, job.failed) == ("the job failed: BackoffLimitExceeded", True)
    assert (names.waits, names.failed) == ("its names are not accepted: taken", True)


CLAIMS: dict[str, tuple[str, Json, Json, str, bool]] = {
    "nobody uses it yet": ("late", {}, {"phase": "Pending"}, "", False),
    "its pod has a node": (
        "late",
        {"volume.kubernetes.io/selected-node": "node-1"},
        {"phase": "Pending"},
        "it is not bound to a volume",
        False,
    ),
    "bound at once": ("fast", {}, {"phase": "Pending"}, "it is not bound to a volume", False),
    "lost": ("late", {}, {"phase": "Lost"}, "its volume is lost", True),
}


@pytest.mark.parametrize("case", CLAIMS)
def test_claims_of_a_class_that_waits_for_a_pod(case: str) -> None:
    name, annotations, status, waits, failed = CLAIMS[case]
    claim = an_object("v1", "PersistentVolumeClaim", {"storageClassName": name}, status)
    claim["metadata"]["annotations"] = annotations
    state = readiness(claim, late_classes={"late"})
    assert (state.waits, state.failed) == (waits, failed)


def test_a_condition_of_an_older_generation_does_not_count() -> None:
    old = conditions("x.test/v1", "Thing", {**condition("Ready"), "observedGeneration": 1})
    assert readiness(old, {"Thing": "Ready"}).waits == "condition Ready does not tell of its last change yet"
    new = conditions("x.test/v1", "Thing", {**condition("Ready"), "observedGeneration": 2})
    assert readiness(new, {"Thing": "Ready"}).waits == ""


def test_conditions_of_ones_own() -> None:
    certificate = conditions("cert-manager.io/v1", "Certificate", condition("Ready", "False", message="no issuer"))
    assert readiness(certificate).waits == ""
    assert readiness(certificate, {"Certificate": "Ready"}).waits == "condition Ready is False (no issuer)"
