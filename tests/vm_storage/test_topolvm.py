# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with two empty disks becomes a node whose pods get volumes from LVM, which grow and have snapshots.

The tests build on each other: what a machine that is emulated does in minutes is done once.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
import typing as t

import pytest

from tests.support.vm import Network

Json = dict[str, t.Any]

SPACE = "stored"
SITE = "playbooks/site.yml"
# Emulated, a cluster takes its time.
SITE_S, POD_S = 3000, 600
MIB = 1 << 20


class Cluster:
    """The cluster as kubectl on this machine sees it."""

    def __init__(self, network: Network) -> None:
        self._config = str(network.machines.inventory()["all"]["vars"]["homelab_kubeconfig"])

    def kubectl(self, *arguments: str, document: Json | None = None) -> str:
        """Run kubectl; returns what it printed, and fails with what it complained about."""
        given = json.dumps(document) if document else None
        command = ["kubectl", "--kubeconfig", self._config, "--namespace", SPACE, *arguments]
        done = subprocess.run(command, input=given, text=True, capture_output=True, timeout=POD_S + 60, check=False)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    def get(self, *arguments: str) -> Json:
        """Return an object, or a list of them."""
        return t.cast(Json, json.loads(self.kubectl("get", "--output", "json", *arguments)))

    def apply(self, *items: Json) -> None:
        """Make objects."""
        self.kubectl("apply", "--filename", "-", document={"apiVersion": "v1", "kind": "List", "items": list(items)})

    def run(self, pod: str, script: str) -> str:
        """Run a shell script in a pod; returns what it printed."""
        return self.kubectl("exec", pod, "--", "sh", "-c", script).strip()

    def ready(self, pod: str) -> None:
        """Wait for a pod."""
        self.kubectl("wait", "--for=condition=Ready", f"--timeout={POD_S}s", f"pod/{pod}")


@pytest.fixture(scope="module")
def cluster(network: Network) -> Cluster:
    """The cluster that site.yml makes of the blank machine."""
    done = network.play("--diff", playbook=SITE, seconds=SITE_S)
    assert "exit code 0" in done, done
    found = Cluster(network)
    found.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    return found


def claim(name: str, kind: str | None = None, size: str = "200Mi", source: str = "") -> Json:
    """Return a claim of a class (by default the cluster's default), of what a snapshot has where *source* names one."""
    spec: Json = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    if kind:
        spec["storageClassName"] = kind
    if source:
        spec["dataSource"] = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": source}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def pod(name: str, of: str) -> Json:
    """Return a pod that has a claim at /data."""
    container = {
        "name": "writer",
        "image": "docker.io/library/busybox:1.37.0",
        "command": ["/bin/sh", "-c", "exec busybox sleep 1000000"],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    spec = {
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": of}}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def checksum(cluster: Cluster, name: str) -> str:
    return cluster.run(name, "busybox sha256sum /data/file").split()[0]


def write(cluster: Cluster, name: str) -> str:
    """Write a file that nobody can guess; returns its checksum."""
    cluster.run(name, "busybox dd if=/dev/urandom of=/data/file bs=1M count=8 2> /dev/null && busybox sync")
    return checksum(cluster, name)


def volumes(network: Network) -> dict[str, tuple[str, int]]:
    """Return the thin volumes of the node: by name their group, and their size in bytes."""
    options = "--reportformat json --units b --nosuffix --options vg_name,lv_name,lv_size,segtype"
    rows = json.loads(network.on("store", f"lvs {options}"))["report"][0]["lv"]
    return {row["lv_name"]: (row["vg_name"], int(row["lv_size"])) for row in rows if row["segtype"] == "thin"}


def volume_of(cluster: Cluster, name: str) -> str:
    """Return the logical volume of a claim."""
    volume = cluster.get("pv", cluster.get("pvc", name)["spec"]["volumeName"])
    return str(volume["spec"]["csi"]["volumeHandle"])


@pytest.mark.parametrize(("name", "kind", "group"), [("data", None, "homelab-ssd"), ("media", "hdd", "homelab-hdd")])
def test_a_claim_is_a_volume_in_the_group_of_its_tier(
    network: Network, cluster: Cluster, name: str, kind: str | None, group: str
) -> None:
    cluster.apply(claim(name, kind), pod(name, name))
    cluster.ready(name)
    assert volumes(network)[volume_of(cluster, name)] == (group, 200 * MIB)


def test_what_was_written_outlives_the_pod(cluster: Cluster) -> None:
    written = write(cluster, "data")
    cluster.kubectl("delete", "pod", "data")
    cluster.apply(pod("data", "data"))
    cluster.ready("data")
    assert checksum(cluster, "data") == written


def test_a_volume_grows_while_it_is_used(network: Network, cluster: Cluster) -> None:
    written = checksum(cluster, "data")
    cluster.apply(claim("data", size="300Mi"))
    deadline = time.monotonic() + POD_S
    while cluster.get("pvc", "data")["status"]["capacity"]["storage"] != "300Mi":
        assert time.monotonic() < deadline, cluster.kubectl("describe", "pvc", "data")
        time.sleep(5)
    assert volumes(network)[volume_of(cluster, "data")][1] == 300 * MIB
    size = int(cluster.run("data", "busybox df -k /data").splitlines()[-1].split()[1])
    assert size > 250 * 1024, "the file system has grown as well"
    assert checksum(cluster, "data") == written


def test_a_snapshot_is_a_claim_again(network: Network, cluster: Cluster) -> None:
    before = checksum(cluster, "data")
    asked = ("-e", json.dumps({"claim": f"{SPACE}/data", "called": "once"}))
    for changed in (1, 0):
        said = network.play(*asked, playbook="tests/vm_storage/snapshot.yml")
        assert re.search(rf"^store +: ok=1 +changed={changed} ", said, re.MULTILINE), said
    assert cluster.get("volumesnapshot", "data-once")["status"]["readyToUse"] is True
    assert write(cluster, "data") != before
    cluster.apply(claim("again", size="300Mi", source="data-once"), pod("again", "again"))
    cluster.ready("again")
    assert checksum(cluster, "again") == before != checksum(cluster, "data")
    assert volumes(network)[volume_of(cluster, "again")][0] == "homelab-ssd"


def test_how_full_a_pool_is_can_be_seen(network: Network, cluster: Cluster) -> None:
    """Its data and its metadata: when either is full, all its volumes get errors."""
    (node,) = cluster.get("pods", "-n", "topolvm-system", "-l", "app.kubernetes.io/component=node")["items"]
    path = f"/api/v1/namespaces/topolvm-system/pods/{node['metadata']['name']}:8080/proxy/metrics"
    told = cluster.kubectl("get", "--raw", path)
    for share in ("data", "metadata"):
        found = dict(re.findall(rf'^topolvm_thinpool_{share}_percent\{{.*device_class="(\w+)".*\}} (\S+)$', told, re.M))
        assert set(found) == {"ssd", "hdd"} and 0 < float(found["ssd"]) < 100, told
    seen = network.on("store", "lvs --noheadings --options data_percent homelab-ssd/pool")
    assert abs(float(seen) - float(re.findall(r'thinpool_data_percent\{.*"ssd".*\} (\S+)', told)[0])) < 5


def test_what_is_deleted_leaves_the_pool(network: Network, cluster: Cluster) -> None:
    gone = volume_of(cluster, "again")
    cluster.kubectl("delete", "pod/again", "pvc/again", "volumesnapshot/data-once")
    deadline = time.monotonic() + POD_S
    while gone in volumes(network) or len(volumes(network)) > 2:
        assert time.monotonic() < deadline, volumes(network)
        time.sleep(5)


def test_a_second_run_changes_nothing(network: Network, cluster: Cluster) -> None:
    again = network.play(playbook=SITE, seconds=SITE_S)
    assert "exit code 0" in again and re.search(r"^store +: ok=\d+ +changed=0 ", again, re.MULTILINE), again
