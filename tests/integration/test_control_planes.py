# SPDX-License-Identifier: GPL-3.0-or-later
"""Three control planes: the acting one is whoever answers, so the first of the list may be away."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.support.lab import INVENTORY, NODES, kubectl, kubectl_json, lab, lab_record, look_from, run_playbook


@pytest.fixture(scope="module")
def settings() -> str:
    """The lab's input with every node a control plane."""
    listed = subprocess.run([INVENTORY / "hosts.py", "--list"], check=True, capture_output=True).stdout
    nodes = json.loads(listed)["all"]["vars"]["homelab_nodes"]
    return json.dumps({"homelab_nodes": [{**node, "role": "control_plane"} for node in nodes]})


def test_three_control_planes_from_blank_nodes(settings: str) -> None:
    lab("nodes", "reset")
    run = run_playbook("--extra-vars", settings)
    assert run.code == 0, run.output[-3000:]
    pki = "/etc/kubernetes/pki/etcd"
    files = [f"--cacert={pki}/ca.crt", f"--cert={pki}/server.crt", f"--key={pki}/server.key"]
    listed = kubectl("--namespace", "kube-system", "exec", "etcd-cp1", "--", "etcdctl", *files, "member", "list")
    assert sorted(line.split(", ")[2] for line in listed.splitlines()) == sorted(NODES)
    assert run_playbook("--extra-vars", settings).changed_tasks() == []


def test_without_workers_they_serve_what_workers_would() -> None:
    asked = ("curl", "-sS", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", f"http://{lab_record().ingress}/")
    assert look_from("users", *asked) == "404"


def test_another_control_plane_acts_when_the_first_is_away(settings: str) -> None:
    lab("node", "stop", "cp1")
    try:
        run = run_playbook("--extra-vars", settings)
        assert run.code != 0
        assert [record["host"] for record in run.records if record["outcome"] == "unreachable"] == ["cp1"]
        assert not [record for record in run.records if record["outcome"] == "failed"]
        assert len(kubectl_json("get", "nodes")["items"]) == 3
    finally:
        lab("node", "start", "cp1")
    back = run_playbook("--extra-vars", settings)
    assert back.code == 0, back.output[-3000:]
    assert run_playbook("--extra-vars", settings).changed_tasks() == []
