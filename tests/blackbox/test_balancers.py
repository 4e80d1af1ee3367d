# SPDX-License-Identifier: GPL-3.0-or-later
"""A Service of type LoadBalancer as the LAN sees it: curl and ARP from the segments, from a pool of the plan."""

from __future__ import annotations

import json
import time
import typing as t
from collections.abc import Iterator

import pytest

from lab import state
from tests.support.lab import TOOLBOX, kubectl, kubectl_json, lab, lab_record, look_from, on_node

NAMESPACE = "balancers"
# Says on which node it runs and who asks.
SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{os.environ['NODE']} {self.client_address[0]}".encode())
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""
# Longer than the speakers take to miss one of theirs and to tell the LAN.
TAKEN_OVER_WITHIN_S = 30.0


def balancer(name: str, policy: str, **metadata: t.Any) -> dict[str, t.Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE, **metadata},
        "spec": {
            "type": "LoadBalancer",
            "externalTrafficPolicy": policy,
            "selector": {"app": "who"},
            "ports": [{"port": 80, "targetPort": 8080}],
        },
    }


def in_pool(number: int) -> str:
    """Return an address of the pool; flows of the plan lead to the first, which the routes' controller has."""
    return state.address(lab_record().prefix, state.POOL_OFFSETS[0] + number)


def objects() -> list[dict[str, t.Any]]:
    container = {
        "name": "who",
        "image": TOOLBOX,
        "command": ["python3", "-c", SERVER],
        "env": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "readinessProbe": {"httpGet": {"port": 8080, "path": "/"}, "periodSeconds": 1},
    }
    pods = {
        "metadata": {"labels": {"app": "who"}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "who", "namespace": NAMESPACE},
            "spec": {"selector": {"matchLabels": {"app": "who"}}, "template": pods},
        },
        balancer("front", "Local", annotations={"metallb.io/loadBalancerIPs": in_pool(5)}),
        balancer("any", "Cluster"),
        balancer("elsewhere", "Cluster", annotations={"metallb.io/loadBalancerIPs": "192.0.2.7"}),
    ]


@pytest.fixture(scope="module", autouse=True)
def _services() -> Iterator[None]:
    try:
        kubectl(
            "apply", "--filename", "-", document=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects()})
        )
        kubectl("--namespace", NAMESPACE, "rollout", "status", "daemonset/who", "--timeout=120s")
        yield
    finally:
        kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")


def address(name: str) -> str:
    """Return the address a Service has got; "" for none."""
    given = kubectl_json("--namespace", NAMESPACE, "get", "service", name)["status"].get("loadBalancer", {})
    return str(given.get("ingress", [{"ip": ""}])[0]["ip"])


def curl(segment: str, place: str) -> list[str]:
    """Return the node that answered to somebody in *segment* and who it was asked by; nothing without an answer."""
    return look_from(segment, "sh", "-c", f"curl -sS -m 5 http://{place}/ || true").split()


def member(segment: str) -> str:
    return state.address(lab_record().segments[segment], state.PROBE_OFFSET)


def announcer(place: str) -> str:
    """Return the node that answers for an address in the cluster's segment, as ARP tells it."""
    seen = look_from("cluster", "sh", "-c", f"ping -c 1 -W 2 {place} > /dev/null; ip neigh show {place}").split()
    links = {name: on_node(name, "cat /sys/class/net/*/address").split() for name in ("cp1", "w1", "w2")}
    return next((name for name, found in links.items() if set(found) & set(seen)), "")


def test_each_gets_an_address_of_the_pool_or_none() -> None:
    assert address("front") == in_pool(5)
    assert address("any") in [in_pool(number) for number in range(1, 20)]
    assert address("elsewhere") == ""


def test_a_pod_sees_who_asks() -> None:
    assert curl("cluster", in_pool(5))[1:] == [member("cluster")]


@pytest.mark.parametrize(
    ("segment", "answers"), [("users", True), ("management", True), ("cluster", True), ("iot", False)]
)
def test_flows_say_who_reaches_an_address(segment: str, answers: bool) -> None:
    """No flow leads to the second one from another segment."""
    assert (curl(segment, in_pool(0)) != []) == answers
    assert (curl(segment, in_pool(5)) != []) == (segment == "cluster")


def test_another_node_takes_over_when_the_one_that_announces_is_lost() -> None:
    lost = announcer(in_pool(5))
    assert lost in ("w1", "w2")
    lab("node", "stop", lost)
    try:
        began, found = time.monotonic(), []
        while time.monotonic() < began + TAKEN_OVER_WITHIN_S and not found:
            found = curl("cluster", in_pool(5))
        seconds = time.monotonic() - began
        print(f"balancer taken_over_after={seconds:.1f}")
        assert found[:1] == [{"w1": "w2", "w2": "w1"}[lost]]
    finally:
        lab("node", "start", lost)
        kubectl("wait", "--for=condition=Ready", f"node/{lost}", "--timeout=120s")
