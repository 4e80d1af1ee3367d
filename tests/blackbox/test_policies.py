# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reaches whom: what pods in namespaces with and without a default denial see of each other and of the rest."""

from __future__ import annotations

import json
import time
import typing as t
from collections.abc import Iterator

import pytest

from lab.inventory import inventory
from tests.support.lab import TOOLBOX, SiteRun, kubectl, kubectl_json, lab_record, look_from, on_node, run_playbook

# guarded has a route, and may reach served, whose pods may reach each other; stranger is nobody's business.
GUARDED, SERVED, STRANGER = "guarded", "served", "stranger"
HOST = "guarded.example.org"
INPUT = {
    "homelab_namespaces": {GUARDED: {"reaches": [SERVED]}, SERVED: {"reaches": [SERVED]}},
    "homelab_routes": {
        "guarded": {"host": HOST, "namespace": GUARDED, "paths": [{"path": "/", "service": "echo", "port": 80}]},
    },
}
# Connects to each of its arguments at once, HOST:PORT by TCP, udp:HOST for a question to a DNS server.
PROBE = """
import json, socket, sys, threading
NAME = b"".join(bytes([len(part)]) + part for part in b"kubernetes.default.svc.cluster.local".split(b"."))
QUESTION = bytes.fromhex("abcd01000001000000000000") + NAME + bytes.fromhex("0000010001")
found = {}
def tried(place):
    try:
        if place.startswith("udp:"):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                one.settimeout(2)
                one.sendto(QUESTION, (place[4:], 53))
                one.recvfrom(512)
        else:
            host, port = place.rsplit(":", 1)
            socket.create_connection((host, int(port)), 2).close()
        found[place] = True
    except OSError:
        found[place] = False
threads = [threading.Thread(target=tried, args=[place]) for place in sys.argv[1:]]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps(found))
"""
# From its first moment on, once in 0.1 s, whether the place it is given lets it in.
NEWBORN = """
import socket, sys, time
began = time.monotonic()
while time.monotonic() < began + 8:
    try:
        socket.create_connection((sys.argv[1], 80), 0.3).close()
        print(f"{time.monotonic() - began:.2f}", flush=True)
    except OSError:
        pass
    time.sleep(0.1)
"""
# How long a pod may be open at its start: until its address is known and the engine has seen it.
NEWBORN_S = 5.0


def objects(namespace: str) -> list[dict[str, t.Any]]:
    """Return two pods on different nodes, and their Service."""
    server = "cd /tmp; echo here > index.html; exec python3 -m http.server 8080"
    container = {
        "name": "echo",
        "image": TOOLBOX,
        "command": ["sh", "-c", server],
        "readinessProbe": {"httpGet": {"port": 8080, "path": "/"}, "periodSeconds": 1},
    }
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "echo"}},
    }
    pod = {"terminationGracePeriodSeconds": 1, "containers": [container], "topologySpreadConstraints": [spread]}
    metadata = {"name": "echo", "namespace": namespace}
    template = {"metadata": {"labels": {"app": "echo"}}, "spec": pod}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "echo"}}, "template": template},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": {"app": "echo"}, "ports": [{"port": 80, "targetPort": 8080}]},
        },
    ]


def platform(**more: t.Any) -> SiteRun:
    """Run the playbook with these inputs; it must succeed."""
    run = run_playbook("-e", json.dumps(more), playbook="playbooks/platform.yml")
    assert run.code == 0, run.output[-3000:]
    return run


@pytest.fixture(scope="module")
def pods() -> Iterator[dict[str, list[str]]]:
    """The names of each namespace's two pods, under the policies of INPUT until the last test."""
    spaces = (GUARDED, SERVED, STRANGER)
    try:
        platform(**INPUT)
        items = [item for space in spaces for item in objects(space)]
        kubectl("apply", "--filename", "-", document=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        for space in spaces:
            kubectl("--namespace", space, "rollout", "status", "deployment/echo", "--timeout=120s")
        yield {space: names(space) for space in spaces}
    finally:
        try:
            if "homelab-deny" in kubectl("--namespace", GUARDED, "get", "networkpolicies"):
                platform()
        finally:
            kubectl("delete", "namespace", *spaces, "--ignore-not-found", "--timeout=120s")


def names(space: str) -> list[str]:
    found = kubectl_json("--namespace", space, "get", "pods", "--selector", "app=echo")["items"]
    assert len({item["spec"]["nodeName"] for item in found}) == 2
    return [item["metadata"]["name"] for item in found]


def seen(space: str, pod: str, *places: str) -> dict[str, bool]:
    """Tell which places a pod reaches."""
    told = kubectl("--namespace", space, "exec", pod, "--", "python3", "-c", PROBE, *places)
    return dict(json.loads(told))


def service(space: str) -> str:
    return f"echo.{space}:80"


def node(name: str) -> str:
    return lab_record().nodes[name].address


def address() -> str:
    """Return where routes are served."""
    return lab_record().ingress


def curl(segment: str) -> str:
    return look_from(
        segment, "sh", "-c", f"curl -sS -m 5 -H 'Host: {HOST}' http://{address()}/index.html || true"
    ).strip()


def test_a_pod_reaches_what_is_declared_and_nothing_else(pods: dict[str, list[str]]) -> None:
    wanted = {
        service(GUARDED): False,
        service(SERVED): True,
        service(STRANGER): False,
        "udp:10.96.0.10": True,
        "10.96.0.10:53": True,
        "kubernetes.default:443": False,
        f"{node('cp1')}:6443": False,
        f"{node('w1')}:10250": False,
        f"{node('w2')}:10250": False,
        f"{node('w1')}:53": False,
        f"udp:{node('w2')}": False,
        f"{address()}:80": False,
    }
    for pod in pods[GUARDED]:
        assert seen(GUARDED, pod, *wanted) == wanted


def test_nobody_who_is_not_declared_reaches_it(pods: dict[str, list[str]]) -> None:
    for pod in pods[STRANGER]:
        wanted = {service(GUARDED): False, service(SERVED): False, service(STRANGER): True, f"{address()}:80": True}
        assert seen(STRANGER, pod, *wanted) == wanted
    assert seen(SERVED, pods[SERVED][0], service(GUARDED), service(SERVED)) == {
        service(GUARDED): False,
        service(SERVED): True,
    }


def test_the_same_pods_reach_each_other_where_nothing_is_denied(pods: dict[str, list[str]]) -> None:
    """What is refused above is refused by policies, and by nothing else."""
    wanted = {"kubernetes.default:443": True, f"{node('w1')}:10250": True, f"{node('w2')}:10250": True}
    assert seen(STRANGER, pods[STRANGER][0], *wanted) == wanted


def test_a_route_leads_into_it(pods: dict[str, list[str]]) -> None:
    assert curl("users") == "here"


def test_a_second_run_changes_nothing(pods: dict[str, list[str]]) -> None:
    assert platform(**INPUT).changed_tasks() == []


def test_a_new_pod_is_guarded_within_moments(pods: dict[str, list[str]]) -> None:
    spec: dict[str, t.Any] = {
        "restartPolicy": "Never",
        "containers": [
            {"name": "newborn", "image": TOOLBOX, "command": ["python3", "-c", NEWBORN, f"echo.{STRANGER}"]},
        ],
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "newborn", "namespace": GUARDED}, "spec": spec}
    kubectl("apply", "--filename", "-", document=json.dumps(pod))
    wait = ["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/newborn", "--timeout=120s"]
    kubectl("--namespace", GUARDED, *wait)
    moments = [float(line) for line in kubectl("--namespace", GUARDED, "logs", "newborn").split()]
    open_s = max(moments, default=0.0)
    print(f"policies newborn_open_s={open_s:.1f}")
    assert open_s < NEWBORN_S, moments


def test_an_engine_that_is_killed_opens_nothing(pods: dict[str, list[str]]) -> None:
    engine = "crictl ps --quiet --name kube-network-policies | xargs crictl inspect"
    place = {
        item["metadata"]["name"]: item["spec"]["nodeName"]
        for item in kubectl_json("--namespace", GUARDED, "get", "pods", "--selector", "app=echo")["items"]
    }
    pod = pods[GUARDED][0]
    on_node(place[pod], f"kill -9 {json.loads(on_node(place[pod], engine))['info']['pid']}")
    assert seen(GUARDED, pod, service(STRANGER), "kubernetes.default:443") == {
        service(STRANGER): False,
        "kubernetes.default:443": False,
    }
    end = time.monotonic() + 60
    while not seen(GUARDED, pod, service(SERVED))[service(SERVED)]:
        assert time.monotonic() < end, "it does not come back"
    assert not seen(GUARDED, pod, service(STRANGER))[service(STRANGER)]


def test_a_flow_of_the_plan_opens_the_way(pods: dict[str, list[str]]) -> None:
    network = inventory(lab_record())["all"]["vars"]["homelab_network"]
    network["flows"].append({"from": "pods", "to": ["dns", "ingress"]})
    run = platform(**INPUT, homelab_network=network)
    changed = {change["object"] for change in run.changes()["cp1"]}
    for name in ("homelab-flows", "homelab-published"):
        assert f"networking.k8s.io/v1 NetworkPolicy {GUARDED}/{name}" in changed
    wanted = {f"{node('w1')}:53": True, f"udp:{node('w2')}": True, f"{address()}:80": True, service(STRANGER): False}
    end = time.monotonic() + 15
    while (found := seen(GUARDED, pods[GUARDED][0], *wanted)) != wanted and time.monotonic() < end:
        time.sleep(1)
    assert found == wanted


def test_without_a_denial_all_is_open_again(pods: dict[str, list[str]]) -> None:
    platform()
    end = time.monotonic() + 15
    while not (found := seen(GUARDED, pods[GUARDED][0], service(STRANGER))[service(STRANGER)]):
        if time.monotonic() > end:
            break
    assert found
