# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting on a real API server whose controllers are played by hand: it ends when all is ready, or with the cause."""

from __future__ import annotations

import threading
import time
import typing as t

import pytest

from tests.integration.kube.hand import APPS, BATCH, Hand, claim, container, labelled, service, storage_class, web

SEEN = {"observedGeneration": 1, "replicas": 1}
QUOTA = 'pods "web-1" is forbidden: exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=2'
HOOK = 'Error creating: Internal error occurred: failed calling webhook "check.test": connection refused'
NO_NODE = "0/3 nodes are available: 3 Insufficient memory."
NO_VOLUME = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."
PROBE = "Readiness probe failed: HTTP probe failed with statuscode: 503"
LATE = "not ready after 0 s: "


def unscheduled(hand: Hand, message: str) -> None:
    """Play a scheduler that finds no node."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    hand.pod(conditions=[condition])


def without_volume(hand: Hand) -> None:
    """Play a scheduler and a provisioner that wait for a volume."""
    unscheduled(hand, NO_VOLUME)
    hand.event(hand.lab.path("persistentvolumeclaims", "data"), "no space left in the pool")


def crashing(hand: Hand) -> None:
    """Play a kubelet whose container crashes."""
    ended = {"exitCode": 2, "reason": "Error", "message": "cannot read settings"}
    waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
    hand.pod(containerStatuses=container(state=waiting, lastState={"terminated": ended}))


def unhealthy(hand: Hand) -> None:
    """Play a kubelet whose probe fails."""
    hand.pod(containerStatuses=container(state={"running": {}}))
    hand.event(hand.lab.path("pods", "web-1"), PROBE)


def over_quota(hand: Hand) -> None:
    """Play a Deployment controller that may not make pods."""
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": QUOTA}
    hand.status("deployments", "web", APPS, **{**SEEN, "replicas": 0}, conditions=[failure])


CAUSES: dict[str, tuple[t.Callable[[], dict[str, t.Any]], t.Callable[[Hand], t.Any], str]] = {
    "no controller": (web, lambda hand: None, "no controller has seen it yet; it has no pods"),
    "no node": (
        web,
        lambda hand: unscheduled(hand, NO_NODE),
        f"no controller has seen it yet; pod web-1 is not scheduled: {NO_NODE[:-1]}",
    ),
    "an image": (
        web,
        lambda hand: hand.pod(
            containerStatuses=container(state={"waiting": {"reason": "ErrImagePull", "message": "not found"}})
        ),
        "no controller has seen it yet; pod web-1: container app waits: ErrImagePull: not found",
    ),
    "a crash": (
        web,
        crashing,
        "no controller has seen it yet; pod web-1: container app ended with exit code 2 (Error), "
        "its last words: cannot read settings",
    ),
    "a probe": (
        web,
        unhealthy,
        f"no controller has seen it yet; pod web-1: container app runs but is not ready: {PROBE}",
    ),
    "a quota": (web, over_quota, f"0 of 1 replicas updated; it has no pods: {QUOTA}"),
    "a quota of a set": (
        lambda: labelled("StatefulSet", serviceName="web"),
        lambda hand: hand.event(hand.lab.path("statefulsets", "web", APPS), QUOTA),
        f"no controller has seen it yet; it has no pods: {QUOTA}",
    ),
    "a quota of a job": (
        lambda: labelled("Job", api_version="batch/v1", pod={"restartPolicy": "Never"}),
        lambda hand: hand.event(hand.lab.path("jobs", "web", BATCH), QUOTA),
        f"0 of 1 runs completed; it has no pods: {QUOTA}",
    ),
    "a webhook": (
        lambda: labelled("DaemonSet"),
        lambda hand: hand.event(hand.lab.path("daemonsets", "web", APPS), HOOK),
        f"no controller has seen it yet; it has no pods: {HOOK}",
    ),
    "a volume of a pod": (
        web,
        without_volume,
        f"no controller has seen it yet; pod web-1 is not scheduled: {NO_VOLUME[:-1]}; claim data is Pending "
        "(class {space}-fast, provisioner disks.example.test): no space left in the pool",
    ),
    "a claim": (
        lambda: claim("mine"),
        lambda hand: hand.event(hand.lab.path("persistentvolumeclaims", "mine"), "none is free", "Normal"),
        "it is not bound to a volume; claim mine is Pending (it names no class, and no class was the default): "
        "none is free",
    ),
    "a load balancer nobody runs": (
        lambda: service(type="LoadBalancer"),
        lambda hand: None,
        "no address was given to it; no controller of load balancers has said a word about it. "
        "Install one, or choose another type",
    ),
    "a load balancer without addresses": (
        lambda: service(type="LoadBalancer"),
        lambda hand: hand.event(hand.lab.path("services", "web"), "Failed to allocate IP: no available IPs"),
        "no address was given to it; Failed to allocate IP: no available IPs",
    ),
}


@pytest.mark.parametrize("case", CAUSES)
def test_a_wait_ends_with_the_cause(lab: t.Any, case: str) -> None:
    make, play, told = CAUSES[case]
    fast, data = storage_class(f"{lab.namespace}-fast", "Immediate"), claim("data", f"{lab.namespace}-fast")
    objects = [lab.namespace_object(), fast, data, make()]
    lab.apply(objects)
    play(Hand(lab))
    # The claim of the pod is waited for as well, except where it is not what this case is about.
    if case != "a volume of a pod":
        Hand(lab).status("persistentvolumeclaims", "data", phase="Bound")
    late = lab.apply(objects, wait=True, wait_timeout=0)
    ref = f"{make()['apiVersion']} {make()['kind']} {lab.namespace}/{make()['metadata']['name']}"
    expected = f"Waiting for {ref}: {LATE}{told.format(space=lab.namespace)}. Remove the cause and run again."
    assert expected in late["msg"].splitlines()
    assert (late["failed"], late["changes"]) == (True, [])


def test_claims_wait_for_a_volume_but_not_for_a_pod(lab: t.Any) -> None:
    hand, late_class = Hand(lab), f"{lab.namespace}-late"
    objects = [
        lab.namespace_object(),
        storage_class(late_class, "WaitForFirstConsumer"),
        claim("unused", late_class),
        claim("bound"),
    ]
    lab.apply(objects)
    hand.status("persistentvolumeclaims", "bound", phase="Bound")
    assert lab.apply(objects, wait=True, wait_timeout=0).get("msg") is None
    # Now a pod was given a node, so the volume is being made.
    selected = {"metadata": {"annotations": {"volume.kubernetes.io/selected-node": "node-1"}}}
    lab.server.patch(lab.path("persistentvolumeclaims", "unused"), selected)
    late = lab.apply(objects, wait=True, wait_timeout=0)
    assert f"{lab.namespace}/unused: {LATE}it is not bound to a volume" in late["msg"]
    hand.status("persistentvolumeclaims", "unused", phase="Lost")
    started = time.monotonic()
    lost = lab.apply(objects, wait=True, wait_timeout=30)
    assert f"{lab.namespace}/unused: its volume is lost" in lost["msg"]
    assert time.monotonic() - started < 10


def test_many_kinds_become_ready_in_one_wait(lab: t.Any) -> None:
    hand, start = Hand(lab), len(lab.server.audit())
    objects = [
        lab.namespace_object(),
        claim("mine"),
        service(type="LoadBalancer"),
        {**service(), "metadata": {"name": "plain"}},
        labelled("Deployment"),
        labelled("Deployment", "more"),
        labelled("DaemonSet"),
        labelled("StatefulSet", serviceName="web"),
        labelled("Job", api_version="batch/v1", pod={"restartPolicy": "Never"}),
    ]

    def controllers() -> None:
        one = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "readyReplicas": 1}
        nodes = {"currentNumberScheduled": 1, "desiredNumberScheduled": 1, "numberReady": 1, "numberMisscheduled": 0}
        daemons = {"observedGeneration": 1, **nodes, "updatedNumberScheduled": 1, "numberAvailable": 1}
        done = {"lastTransitionTime": "2026-01-01T00:00:00Z", "status": "True", "reason": "", "message": ""}
        hand.status("persistentvolumeclaims", "mine", phase="Bound")
        hand.status("services", "web", loadBalancer={"ingress": [{"ip": "192.0.2.1"}]})
        for name in ("web", "more"):
            hand.status("deployments", name, APPS, **one)
        hand.status("daemonsets", "web", APPS, **daemons)
        hand.status("statefulsets", "web", APPS, **one)
        hand.status(
            "jobs",
            "web",
            BATCH,
            startTime="2026-01-01T00:00:00Z",
            completionTime="2026-01-01T00:00:01Z",
            succeeded=1,
            conditions=[{"type": "SuccessCriteriaMet", **done}, {"type": "Complete", **done}],
        )

    timer = threading.Timer(3.0, controllers)
    timer.start()
    done = lab.apply(objects, wait=True, wait_timeout=60)
    timer.join()
    assert done.get("msg") is None
    agent = f"atarnet-homelab/{lab.owner}"
    watches = [entry for entry in lab.server.audit()[start:] if (entry["userAgent"], entry["verb"]) == (agent, "watch")]
    begun = [entry["objectRef"]["resource"] for entry in watches if entry["stage"] == "ResponseStarted"]
    assert sorted(begun) == [
        "daemonsets",
        "deployments",
        "jobs",
        "persistentvolumeclaims",
        "services",
        "statefulsets",
    ]
    again = lab.apply(objects, wait=True)
    assert (again["changed"], again["requests"]) == (False, {"read": 8, "dry_run": 0, "write": 0})


def test_a_failed_job_ends_the_waiting_for_all_others(lab: t.Any) -> None:
    hand = Hand(lab)
    objects = [
        lab.namespace_object(),
        labelled("Deployment"),
        labelled("Job", "once", "batch/v1", pod={"restartPolicy": "Never"}),
    ]

    def controller() -> None:
        failed = {"lastTransitionTime": "2026-01-01T00:00:00Z", "status": "True", "reason": "BackoffLimitExceeded"}
        conditions = [
            {"type": kind, **failed, "message": "Job has reached the specified backoff limit"}
            for kind in ("FailureTarget", "Failed")
        ]
        hand.status("jobs", "once", BATCH, startTime="2026-01-01T00:00:00Z", failed=1, conditions=conditions)

    timer, started = threading.Timer(2.0, controller), time.monotonic()
    timer.start()
    failed = lab.apply(objects, wait=True, wait_timeout=120)
    timer.join()
    assert failed["msg"] == (
        f"Waiting for batch/v1 Job {lab.namespace}/once: the job failed: Job has reached the specified backoff limit; "
        "it has no pods. Remove the cause and run again."
    )
    assert time.monotonic() - started < 60
