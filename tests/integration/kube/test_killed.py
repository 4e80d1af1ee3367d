# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller is killed at random moments of apply and prune: the next run converges and nothing is orphaned."""

from __future__ import annotations

import os
import random
import signal
import time
import typing as t

MOMENTS = 20
SEED = 20261124
KINDS = ("ConfigMap", "Secret", "ServiceAccount", "Service")
PLURALS = {"ConfigMap": "configmaps", "Secret": "secrets", "ServiceAccount": "serviceaccounts", "Service": "services"}
LABEL = "kill-test"


def item(number: int, value: str) -> dict[str, t.Any]:
    """Return one small object; its kind follows from its number."""
    kind = KINDS[number % len(KINDS)]
    content: dict[str, t.Any] = {
        "ConfigMap": {"data": {"value": value}},
        "Secret": {"stringData": {"value": value}},
        "ServiceAccount": {"automountServiceAccountToken": value == "one"},
        "Service": {"spec": {"selector": {"app": value}, "ports": [{"port": 80}]}},
    }[kind]
    metadata = {"name": f"k{number}", "labels": {LABEL: "yes"}}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **content}


def kill_after(seconds: float, act: t.Callable[[], t.Any]) -> bool:
    """Run *act* in a process of its own and kill it after so many seconds; return whether it was still at work."""
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def live_names(lab: t.Any) -> set[tuple[str, str]]:
    """Return kind and name of every object of the test."""
    return {
        (kind, found["metadata"]["name"])
        for kind, plural in PLURALS.items()
        for found in lab.server.call("GET", f"/api/v1/namespaces/{lab.namespace}/{plural}?labelSelector={LABEL}%3Dyes")[
            "items"
        ]
    }


def test_killed_at_random_moments(lab: t.Any) -> None:
    lab.apply([lab.namespace_object()])
    sets = [
        [lab.namespace_object(), *(item(number, "one") for number in range(60))],
        [lab.namespace_object(), *(item(number, "two" if number % 3 else "one") for number in range(30, 90))],
    ]
    started = time.monotonic()
    lab.apply(sets[0])
    whole = time.monotonic() - started
    randomness = random.Random(SEED)
    killed = 0
    for moment in range(MOMENTS):
        wanted = sets[(moment + 1) % 2]
        killed += kill_after(randomness.uniform(0.0, whole), lambda wanted=wanted: lab.apply(wanted))
        done = lab.apply(wanted)
        assert "failed" not in done, (SEED, moment, done)
        expected = {(one["kind"], one["metadata"]["name"]) for one in wanted[1:]}
        assert live_names(lab) == expected, (SEED, moment)
        again = lab.apply(wanted)
        assert (again["changed"], again["requests"]["write"]) == (False, 0), (SEED, moment)
        inventory = lab.server.call("GET", f"/api/v1/namespaces/kube-system/configmaps/homelab-inventory-{lab.owner}")[
            "data"
        ]["objects"]
        listed = {(line.split()[1], line.rpartition("/")[2]) for line in inventory.splitlines() if "/" in line}
        assert listed == expected, (SEED, moment)
    assert killed >= MOMENTS // 2, f"only {killed} of {MOMENTS} runs were killed at work"
