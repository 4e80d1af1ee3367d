# SPDX-License-Identifier: GPL-3.0-or-later
"""A watch outlives what goes wrong with it, at the cost of one request each."""

from __future__ import annotations

import copy
import threading
import typing as t

import pytest

from tests.integration.kube.hand import web
from tests.integration.kube.proxy import EXPIRED, SLIP, Fault

EVENT_410 = b'{"type": "ERROR", "object": %b}\n' % EXPIRED
WATCH, WATCH_LIST = r"^GET .*/deployments\?.*watch=true", r"^GET .*/deployments\?limit"
# what: (the fault, watches begun, lists made until the Deployment was ready)
WATCHES: dict[str, tuple[list[Fault], int, int]] = {
    "nothing": ([], 1, 1),
    "never opened": ([Fault(WATCH, cut="request")], 2, 1),
    "cut at once": ([Fault(WATCH, cut="answer")], 2, 1),
    "cut in the middle of a change": ([Fault(WATCH, cut="body")], 2, 1),
    "expired when asked": ([Fault(WATCH, status=410, body=EXPIRED)], 2, 2),
    "expired on the way": ([Fault(WATCH, status=200, body=EVENT_410)], 2, 2),
    "throttled": ([Fault(WATCH, 2, status=429, headers={"Retry-After": "1"})], 3, 1),
    "unavailable, lists too": ([Fault(WATCH, status=503), Fault(WATCH_LIST, status=500, body=SLIP)], 2, 2),
}


@pytest.mark.parametrize("case", WATCHES)
def test_a_watch_outlives(lab: t.Any, proxy: t.Any, case: str) -> None:
    faults, watches, lists = WATCHES[case]
    lab.apply([lab.namespace_object(), web()])
    proxy.faults = copy.deepcopy(faults)
    status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "unavailableReplicas": 1}
    ready = {**status, "availableReplicas": 1, "readyReplicas": 1, "unavailableReplicas": None}
    path = lab.path("deployments", "web/status", "/apis/apps/v1")
    steps = [(0.5, status), (1.0, ready)]
    timers = [threading.Timer(moment, lab.server.patch, (path, {"status": told})) for moment, told in steps]
    for timer in timers:
        timer.start()
    done = lab.apply([lab.namespace_object(), web()], wait=True, wait_timeout=30)
    for timer in timers:
        timer.join()
    assert (done.get("msg"), done["changed"]) == (None, False)
    seen = [line for line in proxy.seen if "/deployments?" in line]
    assert sum("watch=true" in line for line in seen) == watches
    assert sum("watch=true" not in line for line in seen) == lists
    # The inventory, the namespace and the Deployment; then what was just counted.
    # A list that was tried twice is one read, as every retried request.
    retried = sum(what.match == WATCH_LIST for what in faults)
    assert done["requests"]["read"] == 3 + len(seen) - retried
