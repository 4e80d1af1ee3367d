# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes on workers' disks, as pods and nodes see them: where they are, what outlives what, disks that are away."""

from __future__ import annotations

import json
import time
import typing as t
from collections.abc import Callable, Iterator

import pytest

from lab.disks import DISKS
from tests.support.lab import TOOLBOX, kubectl, kubectl_json, lab, on_node, run_playbook, storing_requests

SPACE, MEDIA = "stored", "media"
PLACE = "/srv/hdd/music"


def claim(name: str, tier: str | None = None) -> dict[str, t.Any]:
    spec: dict[str, t.Any] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    named = {"storageClassName": tier} if tier else {}
    metadata = {"name": name, "namespace": SPACE}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": {**spec, **named}}


def pod(name: str, node: str | None = None, space: str = SPACE, of: str | None = None) -> dict[str, t.Any]:
    """Return a pod that has a claim (by default that of its name) at /data, run by nobody of note."""
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": of or name}}
    container = {
        "name": "writer",
        "image": TOOLBOX,
        "command": ["sleep", "infinity"],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    spec: dict[str, t.Any] = {
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsUser": 1000, "runAsGroup": 1000},
        "containers": [container],
        "volumes": [volume],
        # Who is restarted with its node is not evicted before.
        "tolerations": [{"operator": "Exists"}],
    }
    if node:
        spec["nodeSelector"] = {"kubernetes.io/hostname": node}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": space}, "spec": spec}


def apply(*items: dict[str, t.Any]) -> None:
    kubectl("apply", "--filename", "-", document=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def ready(*names: str, space: str = SPACE, seconds: int = 60) -> None:
    pods = [f"pod/{name}" for name in names]
    kubectl("--namespace", space, "wait", "--for=condition=Ready", f"--timeout={seconds}s", *pods)


def run(name: str, script: str, space: str = SPACE, check: bool = True) -> str:
    return kubectl("--namespace", space, "exec", name, "--", "sh", "-c", script, check=check).strip()


def until(seen: Callable[[], t.Any], seconds: float = 30) -> t.Any:
    """Return what *seen* tells once it tells something."""
    deadline = time.monotonic() + seconds
    while not (found := seen()):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.5)
    return found


def folder(name: str) -> str:
    """Return where the volume of a claim is on its node."""
    bound = kubectl_json("--namespace", SPACE, "get", "persistentvolumeclaim", name)["spec"]["volumeName"]
    return str(kubectl_json("get", "persistentvolume", bound)["spec"]["local"]["path"])


@pytest.fixture(scope="module", autouse=True)
def writers() -> Iterator[None]:
    """A pod on each of w1's disks, one on w2's, and the library with something in it."""
    on_node("w2", f"mkdir -p {PLACE} && echo la > {PLACE}/song")
    kubectl("create", "namespace", SPACE)
    try:
        apply(claim("fast"), claim("slow", "hdd"), claim("old"))
        apply(pod("fast", "w1"), pod("slow", "w1"), pod("old", "w2"))
        apply(pod("listener", space=MEDIA, of="music"))
        ready("fast", "slow", "old")
        run("old", "echo kept > /data/word && sync /data/word")
        yield
    finally:
        lab("node", "start", "w2")
        kubectl("--namespace", MEDIA, "delete", "pod", "listener", "--ignore-not-found", "--now")
        kubectl("--namespace", SPACE, "delete", "pods", "--all", "--now", "--wait=false")
        kubectl("delete", "namespace", SPACE, "--wait=false")
        on_node("w2", f"rm -rf {PLACE}")


@pytest.mark.parametrize(("name", "tier"), [("fast", "ssd"), ("slow", "hdd")])
def test_a_volume_is_on_the_disk_of_its_tier_where_the_pod_runs(name: str, tier: str) -> None:
    asked = kubectl_json("--namespace", SPACE, "get", "persistentvolumeclaim", name)
    assert asked["spec"]["storageClassName"] == tier
    run(name, f"echo {name} > /data/word")
    assert folder(name).startswith(f"{DISKS[tier]}/volumes/pvc-")
    assert on_node("w1", f"cat {folder(name)}/word").strip() == name
    device = on_node("w1", f"findmnt --noheadings --output SOURCE {DISKS[tier]}").strip()
    assert device.startswith("/dev/loop")
    assert run(name, "df --output=source /data | tail -1") == device


def test_one_class_is_the_default_and_says_what_it_cannot() -> None:
    classes = {item["metadata"]["name"]: item for item in kubectl_json("get", "storageclasses")["items"]}
    defaults = [
        name
        for name, item in classes.items()
        if item["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
    ]
    assert (sorted(classes), defaults) == (["hdd", "ssd"], ["ssd"])
    assert not any(item.get("allowVolumeExpansion") for item in classes.values())


def test_no_claim_has_the_kubelet_make_a_folder() -> None:
    """A claim can ask the provisioner for the type of volume whose folder is made where it is missing."""
    made = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "pvc-1"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": "/srv/ssd/volumes/pvc-1", "type": "DirectoryOrCreate"},
        },
    }
    whose = "--as=system:serviceaccount:local-path-storage:local-path-provisioner"
    told = kubectl("create", "--dry-run=server", "--output=json", "--filename=-", whose, document=json.dumps(made))
    assert json.loads(told)["spec"]["hostPath"]["type"] == "Directory"


def test_what_was_written_outlives_the_pod() -> None:
    kubectl("--namespace", SPACE, "delete", "pod", "fast", "--now")
    apply(pod("fast"))
    ready("fast")
    assert run("fast", "cat /data/word") == "fast"
    where = kubectl_json("--namespace", SPACE, "get", "pod", "fast")["spec"]["nodeName"]
    assert where == "w1", "nobody but its volume says so"


def test_a_full_disk_loses_nothing_and_harms_no_other_tier() -> None:
    told = run("slow", "dd if=/dev/zero of=/data/fill bs=1M", check=False)
    assert "No space left on device" in told
    assert run("slow", "cat /data/word") == "slow"
    assert run("fast", "head -c 1M /dev/zero > /data/more && stat --format %s /data/more") == str(2**20)
    run("slow", "rm /data/fill && echo again > /data/again && sync /data/again")


def test_a_library_is_read_where_it_is_and_not_written() -> None:
    ready("listener", space=MEDIA)
    assert kubectl_json("--namespace", MEDIA, "get", "pod", "listener")["spec"]["nodeName"] == "w2"
    assert run("listener", "cat /data/song", MEDIA) == "la"
    # As root of the container, too: rights of files say nothing of a file system that is read-only.
    on_node("w2", f"chmod 0777 {PLACE}")
    assert "Read-only file system" in run("listener", "echo lo > /data/song2", MEDIA, check=False)
    assert on_node("w2", f"ls {PLACE}").split() == ["song"]


def test_where_a_disk_is_away_nothing_is_written_and_all_goes_on_when_node_and_disk_are_back() -> None:
    kubectl("--namespace", SPACE, "delete", "pod", "old", "--now")
    on_node("w2", "umount /srv/ssd")
    apply(claim("new", "ssd"), pod("new", "w2"), pod("old", "w2"))

    def said(space: str, words: str) -> list[str]:
        events = kubectl_json("--namespace", space, "get", "events")["items"]
        return [item["message"] for item in events if words in item.get("message", "")]

    until(lambda: said("local-path-storage", "/srv/ssd/volumes/ is not a directory"))
    until(lambda: said(SPACE, "does not exist"))
    waiting = kubectl_json("--namespace", SPACE, "get", "persistentvolumeclaim", "new")
    assert waiting["status"]["phase"] == "Pending"
    assert on_node("w2", "ls -A /srv/ssd").strip() == ""
    refused = run_playbook("--limit", "w2", playbook="playbooks/platform.yml")
    assert refused.code != 0 and "/srv/ssd is no mount point" in refused.output
    assert on_node("w2", "ls -A /srv/ssd").strip() == ""

    # The plug is pulled as well; when it is in again, the kubelet is there before the disks are.
    lab("node", "stop", "w2")
    lab("node", "start", "w2")
    ready("new", "old")
    assert run("old", "cat /data/word") == "kept"
    assert folder("new").startswith("/srv/ssd/volumes/pvc-")


def test_a_claim_that_is_deleted_takes_its_files_along() -> None:
    place = folder("new")
    kubectl("--namespace", SPACE, "delete", "pod/new", "persistentvolumeclaim/new", "--now", "--wait=false")
    until(lambda: on_node("w2", f"test -e {place} || echo gone").strip())


def test_a_second_run_changes_nothing() -> None:
    again = run_playbook(playbook="playbooks/platform.yml")
    assert again.code == 0, again.output[-3000:]
    assert again.changed_tasks() == []
    assert storing_requests(again.started, again.ended) == []
