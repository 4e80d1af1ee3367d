# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed, hosts that are away, drift by hand: the next run converges and says what it did."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time

import pytest

from tests.support.lab import (
    CHECKOUT,
    INVENTORY,
    NODES,
    kill_controller,
    kubectl_json,
    lab,
    on_node,
    playbook_command,
    playbook_environment,
    run_playbook,
)

# When to kill: so many results have come in, and so many seconds more. Twenty-eight results: kubeadm init has begun.
MOMENTS = {
    "while hosts are looked at": (1, 0.1),
    "while firewalls are loaded": (10, 1.0),
    "while nodes are prepared": (14, 0.5),
    "while archives are downloaded": (17, 1.0),
    "while containerd is started": (17, 3.0),
    "while kubeadm is installed": (20, 2.0),
    "when kubeadm init begins": (28, 1.0),
    "while the control plane starts": (28, 6.0),
    "while addons are applied": (28, 11.0),
    "while workers join": (32, 1.0),
    "while the pod network starts": (34, 0.5),
    "while charts are installed": (40, 6.0),
}
# Each series begins with blank nodes; a later moment is only reached by a run that got over the kills before it.
SERIES = [list(MOMENTS)[start::2] for start in range(2)]
# What the kills hit; one series goes on to the whole site.
LAYERS = ("playbooks/network.yml", "playbooks/cluster.yml")


def kill_at(results: int, seconds: float) -> None:
    """Start site.yml and kill the whole controller at a moment; fail when the run was over before."""
    with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as stream, tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            playbook_command(), cwd=CHECKOUT, env=playbook_environment(stream.name), stdin=subprocess.DEVNULL,
            stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
        seen = 0
        while seen < results and process.poll() is None:
            seen += len(stream.readlines())
            time.sleep(0.05)
        time.sleep(seconds)
        running = process.poll() is None
        if running:
            kill_controller(process.pid)
        process.wait()
        output.seek(0)
        assert running, f"the run was over before it could be killed:\n{output.read()[-3000:]}"


@pytest.fixture(scope="module")
def cluster() -> None:
    """A cluster as runs leave it."""
    run = run_playbook()
    assert run.code == 0, run.output[-3000:]


def ready_nodes() -> list[str]:
    return sorted(
        node["metadata"]["name"]
        for node in kubectl_json("get", "nodes")["items"]
        for condition in node["status"]["conditions"]
        if condition["type"] == "Ready" and condition["status"] == "True"
    )


@pytest.mark.parametrize("moments", SERIES, ids=lambda moments: moments[-1])
def test_first_run_killed_at_any_moment_converges(moments: list[str]) -> None:
    first, *others = ("site.yml",) if moments is SERIES[-1] else LAYERS
    lab("nodes", "reset")
    for moment in moments:
        kill_at(*MOMENTS[moment])
    again = run_playbook(*others, playbook=first)
    assert again.code == 0, again.output[-3000:]
    assert "did not end" in again.output, "the killed run was not named"
    assert ready_nodes() == sorted(NODES)
    after = run_playbook(*others, playbook=first)
    assert after.changed_tasks() == []


@pytest.mark.usefixtures("cluster")
def test_unreachable_worker_is_reported_and_the_rest_goes_on() -> None:
    on_node("w1", "rm /etc/crictl.yaml")
    lab("node", "stop", "w2")
    try:
        run = run_playbook()
    finally:
        lab("node", "start", "w2")
    outcomes = {(record["host"], record["outcome"]) for record in run.records}
    assert ("w2", "unreachable") in outcomes
    assert run.code != 0
    assert "file:/etc/crictl.yaml" in [change["resource"] for change in run.changes()["w1"]]
    back = run_playbook()
    assert back.code == 0, back.output[-3000:]
    assert back.changed_tasks() == []


@pytest.mark.usefixtures("cluster")
def test_drift_by_hand_is_shown_and_mended() -> None:
    on_node("w1", "echo '# by hand' >> /etc/containerd/config.toml")
    on_node("w2", "sed -i 's/^clusterDomain:.*/clusterDomain: wrong.local/' /var/lib/kubelet/config.yaml")
    on_node("cp1", "sysctl -qw net.ipv4.ip_forward=0")
    on_node("w1", "systemctl disable -q containerd")
    predicted = run_playbook("--check", "--diff")
    mended = run_playbook("--diff")
    assert mended.code == 0, mended.output[-3000:]
    changed = {host: [change["resource"] for change in changes] for host, changes in mended.changes().items()}
    assert changed["w1"] == ["file:/etc/containerd/config.toml", "unit:containerd.service", "unit:containerd.service"]
    assert changed["w2"] == ["kubernetes:w2"]
    assert changed["cp1"] == ["sysctl:net.ipv4.ip_forward"]
    assert predicted.changes() == mended.changes()
    assert "-# by hand" in mended.output
    time.sleep(1)
    assert run_playbook().changed_tasks() == []


@pytest.mark.usefixtures("cluster")
def test_stopped_kubelet_is_started() -> None:
    on_node("w1", "systemctl stop kubelet")
    predicted = run_playbook("--check")
    run = run_playbook()
    assert run.code == 0, run.output[-3000:]
    assert [change["resource"] for change in run.changes()["w1"]] == ["kubernetes:w1"]
    assert predicted.changes() == run.changes()
    assert ready_nodes() == sorted(NODES)
    assert run_playbook().changed_tasks() == []


@pytest.mark.usefixtures("cluster")
def test_deleted_node_object_comes_back() -> None:
    subprocess.run(["kubectl", "delete", "node", "w1"], check=True, capture_output=True)
    on_node("w1", "systemctl stop kubelet")
    run = run_playbook()
    assert run.code == 0, run.output[-3000:]
    assert ready_nodes() == sorted(NODES)
    assert run_playbook().changed_tasks() == []


@pytest.mark.usefixtures("cluster")
def test_stopped_api_server_is_recovered() -> None:
    on_node("cp1", "systemctl stop kubelet && crictl ps -q --name kube-apiserver | xargs -r crictl stop")
    run = run_playbook()
    assert run.code == 0, run.output[-3000:]
    assert "kubernetes:cp1" in [change["resource"] for change in run.changes()["cp1"]]


@pytest.mark.usefixtures("cluster")
def test_changed_input_is_rolled_out() -> None:
    settings = json.dumps({"homelab_kubelet_config": {"maxPods": 77, "failSwapOn": False, "failCgroupV1": False}})
    run = run_playbook("--extra-vars", settings)
    assert run.code == 0, run.output[-3000:]
    capacity = {
        node["metadata"]["name"]: node["status"]["capacity"]["pods"] for node in kubectl_json("get", "nodes")["items"]
    }
    assert capacity == dict.fromkeys(NODES, "77")
    assert run_playbook("--extra-vars", settings).changed_tasks() == []
    assert run_playbook().code == 0


@pytest.mark.usefixtures("cluster")
def test_checksum_mismatch_is_refused_at_download() -> None:
    inventory = json.loads(subprocess.run([INVENTORY / "hosts.py", "--list"], check=True, capture_output=True).stdout)
    checksums = inventory["all"]["vars"]["homelab_artifact_checksums"]
    checksums["crictl"] = {"amd64": "0" * 64}
    settings = json.dumps({"homelab_artifact_checksums": checksums})
    run = run_playbook("--extra-vars", settings)
    assert run.code != 0
    message = " ".join(record["msg"] for record in run.records if record["outcome"] == "failed")
    assert "crictl" in message
    assert "0" * 64 in message
    assert run_playbook().changed_tasks() == []
