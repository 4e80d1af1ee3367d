# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting on a real API server whose controllers are played by hand: it ends when all is ready, or hopeless."""

from __future__ import annotations

import threading
import time
import typing as t

import pytest

from tests.integration.kube.hand import (
    APPS,
    BATCH,
    Hand,
    claim,
    gadget,
    gadgets,
    labelled,
    service,
    storage_class,
    web,
)


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
    assert f"{lab.namespace}/unused: not ready after 0 s: it is not bound to a volume" in late["msg"]
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

    kinds = ["daemonsets", "deployments", "jobs", "persistentvolumeclaims", "services", "statefulsets"]
    agent = f"atarnet-homelab/{lab.owner}"

    def begun() -> list[str]:
        events = [one for one in lab.server.audit()[start:] if (one["userAgent"], one["verb"]) == (agent, "watch")]
        return sorted(one["objectRef"]["resource"] for one in events if one["stage"] == "ResponseStarted")

    def once_all_are_watched() -> None:
        deadline = time.monotonic() + 50
        while begun() != kinds and time.monotonic() < deadline:
            time.sleep(0.2)
        controllers()

    worker = threading.Thread(target=once_all_are_watched)
    worker.start()
    done = lab.apply(objects, wait=True, wait_timeout=60)
    worker.join()
    assert done.get("msg") is None
    assert begun() == kinds
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


# what is not ready: whether a custom resource of the set, or of somebody else's kind, is made all the same
ORDER = {
    "an operator holds up its own kinds": (web, True, False),
    "an application may need what the custom resource makes": (web, False, True),
    "a load balancer needs its pool": (lambda: service(type="LoadBalancer"), True, True),
}


@pytest.mark.parametrize("case", ORDER)
def test_what_is_waited_for_before_custom_resources(lab: t.Any, case: str) -> None:
    make, own, made = ORDER[case]
    group = f"{lab.owner}.test"
    definition, one = gadgets(group), gadget(group, "one", 1)
    if not own:
        lab.apply([definition], owner=f"{lab.owner}-kinds")
    wanted = [lab.namespace_object(), make(), one, *([definition] if own else [])]
    late = lab.apply(wanted, wait=True, wait_timeout=1)
    assert f"{make()['kind']} {lab.namespace}/web: not ready after 1 s" in late["msg"]
    assert lab.server.exists(lab.path("gadgets", "one", f"/apis/{group}/v1")) == made


def test_conditions_of_ones_own_are_watched(lab: t.Any) -> None:
    group = f"{lab.owner}.test"
    objects = [lab.namespace_object(), gadgets(group), gadget(group, "one", 1)]
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    path = lab.path("gadgets", "one", f"/apis/{group}/v1")
    lab.apply(objects)
    timer = threading.Timer(1.0, lab.server.patch, (path, ready))
    timer.start()
    done = lab.apply(objects, wait={"conditions": {"Gadget": "Ready"}}, wait_timeout=30)
    timer.join()
    assert (done.get("msg"), done["changed"]) == (None, False)
