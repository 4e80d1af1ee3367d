# SPDX-License-Identifier: GPL-3.0-or-later
"""The only control plane is lost with its disk. One command later the cluster is the same, and its apps never stopped.

Its last line, `control_plane rto_seconds= gap_seconds=`, tells how long the command took, and how long an app on a
worker did not write meanwhile.
"""

from __future__ import annotations

import atexit
import base64
import json
import re

from tests.support.lab import TOOLBOX, kubectl, kubectl_json, lab, on_node, run_playbook
from tests.support.volumes import back_up_all

SPACE = "goes-on"
PLAYBOOK = "playbooks/restore_control_plane.yml"
# When it wrote, in seconds; it asks the API who it is with its own token, which was signed before.
WRITER = """
import pathlib, time
while True:
    with open("/data/moments", "a") as stream:
        print(time.time(), file=stream)
    time.sleep(0.2)
"""
ASK = """
import json, ssl, urllib.request
place = "/var/run/secrets/kubernetes.io/serviceaccount"
request = urllib.request.Request("https://kubernetes.default.svc/apis/authentication.k8s.io/v1/selfsubjectreviews",
    b'{"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}',
    {"Authorization": "Bearer " + open(place + "/token").read(), "Content-Type": "application/json"})
with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=place + "/ca.crt")) as answer:
    print(json.load(answer)["status"]["userInfo"]["username"])
"""


def start() -> None:
    """Start an app with a volume and a Secret on a worker, and wait until it runs."""
    metadata = {"namespace": SPACE, "name": "app"}
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "ssd",
    }
    container = {
        "name": "app",
        "image": TOOLBOX,
        "command": ["python3", "-c", WRITER],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    pod = {
        "nodeSelector": {"kubernetes.io/hostname": "w1"},
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "app"}}],
    }
    items = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"word": "correct horse"}},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": claim},
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod},
    ]
    kubectl("apply", "--filename", "-", document=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    kubectl("--namespace", SPACE, "wait", "--for=condition=Ready", "pod/app", "--timeout=120s")


def identities() -> dict[str, str]:
    """Return the uid of what has to be the same: nodes, the app's pod and claim, the namespaces of the system."""
    found = {}
    for words in (["nodes"], ["namespaces"], ["--namespace", SPACE, "pods,persistentvolumeclaims"]):
        for item in kubectl_json("get", *words)["items"]:
            found[f"{item['kind']}/{item['metadata']['name']}"] = item["metadata"]["uid"]
    return found


def longest_gap(moments: list[float], since: float) -> float:
    """Return the longest time between two neighbours after a moment, in seconds."""
    late = [moment for moment in moments if moment >= since]
    return max(later - earlier for earlier, later in zip(late, late[1:]))


def test_the_cluster_is_the_same_one_and_apps_never_stopped() -> None:
    start()
    saved = back_up_all()
    assert saved.code == 0 and re.search(r"control-plane/cp1 on cp1: as_is and a dump \(etcd\)", saved.output), (
        saved.output[-3000:]
    )
    before = identities()
    rehearsed = run_playbook(playbook="playbooks/drill.yml")
    assert rehearsed.code == 0 and "checksums=equal" in rehearsed.output, rehearsed.output[-3000:]

    lab("node", "reset", "cp1")
    # A new cluster would cut the workers off.
    refused = run_playbook()
    assert refused.code != 0 and "it is blank, and w1, w2 belong to a cluster" in refused.output, refused.output[-3000:]
    looked = run_playbook("--check", playbook=PLAYBOOK)
    assert looked.code == 0 and "cp1 would be restored" in looked.output, looked.output[-3000:]
    done = run_playbook(playbook=PLAYBOOK)
    assert done.code == 0 and "cp1, verified: as of" in done.output, done.output[-6000:]

    after = identities()
    assert {name: after.get(name) for name in before} == before
    word = kubectl_json("--namespace", SPACE, "get", "secret", "app")["data"]["word"]
    assert base64.b64decode(word).decode() == "correct horse"
    (status,) = kubectl_json("--namespace", SPACE, "get", "pod", "app")["status"]["containerStatuses"]
    assert status["restartCount"] == 0 and status["ready"]
    asked = kubectl("--namespace", SPACE, "exec", "app", "--", "python3", "-c", ASK).strip()
    assert asked == f"system:serviceaccount:{SPACE}:default"
    path = on_node("w1", f"ls -d /srv/ssd/volumes/*_{SPACE}_app").strip()
    gap = longest_gap([float(line) for line in on_node("w1", f"cat {path}/moments").split()], done.started)
    assert gap < 5, gap
    # Controllers, which watch, see what is new.
    kubectl("--namespace", SPACE, "create", "deployment", "new", f"--image={TOOLBOX}", "--", "sleep", "infinity")
    kubectl("--namespace", SPACE, "rollout", "status", "deployment/new", "--timeout=120s")
    kubectl("delete", "namespace", SPACE, "--timeout=120s")
    atexit.register(print, f"control_plane rto_seconds={done.seconds:.0f} gap_seconds={gap:.1f}")


def test_it_is_not_restored_over_one_that_lives() -> None:
    again = run_playbook(playbook=PLAYBOOK)
    assert again.code != 0 and "Cannot restore the control plane cp1: there is one" in again.output, again.output[
        -3000:
    ]
    rest = run_playbook()
    assert rest.code == 0 and rest.changed_tasks() == [], rest.changed_tasks()
