# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs of the platform, and how, by testinfra: pods as the kubelet of each node and the kernel see them."""

from __future__ import annotations

import json
import typing as t

import pytest


def pods(host: t.Any, namespace: str, name: str) -> list[dict[str, t.Any]]:
    """Return the sandboxes of a namespace whose pod's name begins so, on this node."""
    given = json.loads(host.check_output("crictl pods --state ready --namespace %s --output json", namespace))
    return [item for item in given["items"] if item["metadata"]["name"].startswith(name)]


def container(host: t.Any, namespace: str, name: str) -> dict[str, t.Any]:
    """Return what the runtime says of the only container of a pod."""
    pod = pods(host, namespace, name)[0]
    found = json.loads(host.check_output("crictl ps --pod %s --output json", pod["id"]))["containers"]
    assert len(found) == 1
    return dict(json.loads(host.check_output("crictl inspect %s", found[0]["id"])))


def test_each_node_announces_addresses(host: t.Any) -> None:
    assert len(pods(host, "metallb-system", "metallb-speaker-")) == 1


def test_workers_serve_routes_and_control_planes_do_not(host: t.Any) -> None:
    worker = host.check_output("hostname") != "cp1"
    assert len(pods(host, "ingress", "traefik-")) == worker


def test_policies_are_enforced_on_each_node(host: t.Any) -> None:
    assert len(pods(host, "kube-system", "kube-network-policies-")) == 1
    table = host.check_output("nft list table inet kube-network-policies 2> /dev/null")
    assert "set podips-v4" in table and "queue" in table


@pytest.mark.parametrize(
    ("namespace", "name", "capabilities"),
    [
        ("ingress", "traefik-", []),
        ("metallb-system", "metallb-controller-", []),
        ("kube-system", "metrics-server-", []),
        ("kube-system", "coredns-", ["CAP_NET_BIND_SERVICE"]),
    ],
)
def test_they_run_with_nothing_they_do_not_need(
    host: t.Any, namespace: str, name: str, capabilities: list[str]
) -> None:
    """Only where one of them runs."""
    for pod in pods(host, namespace, name):
        seen = container(host, namespace, pod["metadata"]["name"])
        process = seen["info"]["runtimeSpec"]["process"]
        assert seen["info"]["runtimeSpec"]["root"]["readonly"]
        assert process["user"]["uid"] != 0 and process["noNewPrivileges"]
        assert (process.get("capabilities", {}).get("bounding") or []) == capabilities
        status = host.file(f"/proc/{seen['info']['pid']}/status").content_string
        assert "CapEff:\t0000000000000000" in status


def test_the_engine_of_policies_has_the_network_and_nothing_else(host: t.Any) -> None:
    seen = container(host, "kube-system", pods(host, "kube-system", "kube-network-policies-")[0]["metadata"]["name"])
    spec = seen["info"]["runtimeSpec"]
    assert spec["root"]["readonly"] and spec["process"]["noNewPrivileges"]
    assert spec["process"]["capabilities"]["bounding"] == ["CAP_NET_ADMIN"]
