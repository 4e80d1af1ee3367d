# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes and pods use, as kubectl top tells it."""

from __future__ import annotations

from tests.support.lab import NODES, kubectl, kubectl_json


def test_top_nodes_knows_each_node() -> None:
    rows = [line.split() for line in kubectl("top", "nodes", "--no-headers").splitlines()]
    assert sorted(row[0] for row in rows) == sorted(NODES)
    for row in rows:
        assert int(row[1].removesuffix("m")) > 0 and int(row[3].removesuffix("Mi")) > 0, row


def test_top_pods_knows_what_runs() -> None:
    told = kubectl("top", "pods", "--namespace", "kube-system", "--no-headers")
    seen = {line.split()[0]: int(line.split()[2].removesuffix("Mi")) for line in told.splitlines()}
    assert seen["kube-apiserver-cp1"] > 50
    assert sum(name.startswith("metrics-server-") for name in seen) == 2


def test_kubelets_have_to_prove_who_they_are() -> None:
    (container,) = kubectl_json("--namespace", "kube-system", "get", "deployment", "metrics-server")["spec"][
        "template"
    ]["spec"]["containers"]
    assert not [argument for argument in container["args"] if "insecure" in argument]
    assert container["image"] == "registry.k8s.io/metrics-server/metrics-server:v0.9.0"
