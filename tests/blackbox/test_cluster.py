# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster as foreign clients see it: kubectl, curl, dig, nft, etcdctl."""

from __future__ import annotations

import json
import subprocess
import time
import typing as t
from collections.abc import Iterator

import pytest

from tests.support.lab import NODES, TOOLBOX, kubectl, kubectl_json, on_node

NAMESPACE = "blackbox"
OBJECTS: list[dict[str, t.Any]] = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
    {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "echo", "namespace": NAMESPACE},
        "spec": {
            "selector": {"matchLabels": {"app": "echo"}},
            "template": {
                "metadata": {"labels": {"app": "echo"}},
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "tolerations": [{"operator": "Exists"}],
                    "containers": [
                        {
                            "name": "echo",
                            "image": TOOLBOX,
                            "command": [
                                "sh",
                                "-c",
                                "echo $NODE > /tmp/index.html; cd /tmp; exec python3 -m http.server 8080",
                            ],
                            "env": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
                            "readinessProbe": {"httpGet": {"port": 8080, "path": "/index.html"}, "periodSeconds": 1},
                        }
                    ],
                },
            },
        },
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "echo", "namespace": NAMESPACE},
        "spec": {"selector": {"app": "echo"}, "ports": [{"port": 80, "targetPort": 8080}]},
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "echo-headless", "namespace": NAMESPACE},
        "spec": {"clusterIP": "None", "selector": {"app": "echo"}, "ports": [{"port": 8080}]},
    },
]


class Pod(t.NamedTuple):
    """A pod of the echo DaemonSet."""

    name: str
    node: str
    address: str


@pytest.fixture(scope="module")
def pods() -> Iterator[dict[str, Pod]]:
    """One echo pod on each node, by the node's name."""
    items = {"apiVersion": "v1", "kind": "List", "items": OBJECTS}
    try:
        kubectl("apply", "--filename", "-", document=json.dumps(items))
        kubectl("--namespace", NAMESPACE, "rollout", "status", "daemonset/echo", "--timeout=120s")
        found = kubectl_json("--namespace", NAMESPACE, "get", "pods", "--selector", "app=echo")["items"]
        yield {
            item["spec"]["nodeName"]: Pod(item["metadata"]["name"], item["spec"]["nodeName"], item["status"]["podIP"])
            for item in found
        }
    finally:
        kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")


def inside(pod: Pod, *command: str) -> str:
    return kubectl("--namespace", NAMESPACE, "exec", pod.name, "--", *command).strip()


def test_three_nodes_are_ready() -> None:
    nodes = kubectl_json("get", "nodes")["items"]
    ready = {
        node["metadata"]["name"]: condition["status"]
        for node in nodes
        for condition in node["status"]["conditions"]
        if condition["type"] == "Ready"
    }
    assert ready == dict.fromkeys(NODES, "True")


def test_a_pod_runs_on_each_node(pods: dict[str, Pod]) -> None:
    assert sorted(pods) == sorted(NODES)


@pytest.mark.parametrize("source", NODES)
def test_pods_reach_pods_on_every_other_node(pods: dict[str, Pod], source: str) -> None:
    answers = {
        node: inside(pods[source], "curl", "-sS", "-m", "5", f"http://{pods[node].address}:8080/index.html")
        for node in NODES
    }
    assert answers == {node: node for node in NODES}


@pytest.mark.parametrize("source", NODES)
def test_a_service_answers_by_address_and_by_name(pods: dict[str, Pod], source: str) -> None:
    address = kubectl_json("--namespace", NAMESPACE, "get", "service", "echo")["spec"]["clusterIP"]
    for host in (address, f"echo.{NAMESPACE}.svc.cluster.local", "echo"):
        assert inside(pods[source], "curl", "-sS", "-m", "5", f"http://{host}/index.html") in NODES


def test_a_service_spreads_over_its_pods(pods: dict[str, Pod]) -> None:
    script = "for i in $(seq 30); do curl -sS -m 5 http://echo/index.html; done"
    assert set(inside(pods["w1"], "sh", "-c", script).split()) == set(NODES)


def test_a_service_answers_on_the_node_itself(pods: dict[str, Pod]) -> None:
    address = kubectl_json("--namespace", NAMESPACE, "get", "service", "echo")["spec"]["clusterIP"]
    script = f"import urllib.request as r; print(r.urlopen('http://{address}/index.html', timeout=5).read().decode())"
    assert on_node("w2", f'python3 -c "{script}"').strip() in NODES


def test_dns_knows_the_api(pods: dict[str, Pod]) -> None:
    assert inside(pods["w1"], "dig", "+short", "kubernetes.default.svc.cluster.local") == "10.96.0.1"


def test_headless_service_names_every_pod(pods: dict[str, Pod]) -> None:
    answer = inside(pods["w2"], "dig", "+short", f"echo-headless.{NAMESPACE}.svc.cluster.local")
    assert sorted(answer.split()) == sorted(pod.address for pod in pods.values())


def test_unknown_name_is_nxdomain(pods: dict[str, Pod]) -> None:
    assert "NXDOMAIN" in inside(pods["w1"], "dig", "nothing.default.svc.cluster.local")


def test_logs_come_over_an_approved_serving_certificate(pods: dict[str, Pod]) -> None:
    for pod in pods.values():
        assert "GET /index.html" in kubectl("--namespace", NAMESPACE, "logs", pod.name)
        subject = on_node(pod.node, "openssl x509 -noout -issuer -in /var/lib/kubelet/pki/kubelet-server-current.pem")
        assert "kubernetes" in subject


def test_secrets_are_encrypted_in_etcd() -> None:
    kubectl("create", "secret", "generic", "sealed", "--namespace", "default", "--from-literal=word=plain-to-see")
    try:
        pki = "/etc/kubernetes/pki/etcd"
        files = [f"--cacert={pki}/ca.crt", f"--cert={pki}/server.crt", f"--key={pki}/server.key"]
        read = ["etcdctl", *files, "get", "/registry/secrets/default/sealed"]
        stored = kubectl("--namespace", "kube-system", "exec", "etcd-cp1", "--", *read)
    finally:
        kubectl("delete", "secret", "sealed", "--namespace", "default")
    assert "k8s:enc:secretbox:v1:key1" in stored
    assert "plain-to-see" not in stored


def test_audit_log_names_who_did_what_without_bodies() -> None:
    name = f"audited-{int(time.time())}"
    kubectl("create", "secret", "generic", name, "--namespace", "default", "--from-literal=word=never-logged")
    kubectl("delete", "secret", name, "--namespace", "default")
    log = on_node("cp1", f"grep {name} /var/log/kubernetes/audit.log")
    verbs = {json.loads(line)["verb"] for line in log.splitlines()}
    assert {"create", "delete"} <= verbs
    assert "never-logged" not in on_node("cp1", "cat /var/log/kubernetes/audit.log")


@pytest.mark.parametrize("node", NODES)
def test_kube_proxy_uses_nftables(node: str) -> None:
    assert "table ip kube-proxy" in on_node(node, "nft list tables")


def test_anonymous_requests_are_refused() -> None:
    server = kubectl_json("config", "view", "--minify")["clusters"][0]["cluster"]["server"]
    command = ["curl", "--silent", "--insecure", "--max-time", "5", f"{server}/api/v1/nodes"]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert answer["code"] == 403
