# SPDX-License-Identifier: GPL-3.0-or-later
"""A wait that ends in vain tells the cause: from real pods, claims, conditions and events, written by hand."""

from __future__ import annotations

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


def test_no_last_words_tell_a_secret(lab: t.Any) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "canary-4711"}}
    objects = [lab.namespace_object(), secret, web()]
    lab.apply(objects)
    ended = {"exitCode": 1, "reason": "Error", "message": "login failed with canary-4711 (Y2FuYXJ5LTQ3MTE=)"}
    Hand(lab).pod(containerStatuses=container(state={"terminated": ended}))
    late = lab.apply(objects, wait=True, wait_timeout=0)
    assert "its last words: login failed with (hidden) ((hidden)). Remove the cause" in late["msg"]
