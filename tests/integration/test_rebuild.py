# SPDX-License-Identifier: GPL-3.0-or-later
"""All nodes are lost with their disks. One command later the apps are started, and find what they had written.

So it is when the repository of their backups is lost with them: all comes from its copy then. The last line of the
first test, `drill volumes= checksums= rto_seconds= rpo_seconds=`, tells how long it took from blank nodes until all was
compared, and how old the oldest backup was when the nodes were lost.
"""

from __future__ import annotations

import atexit
import json
import re
import shutil
import time
import typing as t

import pytest

from lab import target
from tests.support.lab import TOOLBOX, kubectl, kubectl_json, lab, lab_record, on_node, run_playbook
from tests.support.volumes import LISTING, back_up_all

SPACE = "lost"
WRITER = """
import sqlite3, time
db = sqlite3.connect("/data/0/app.db", isolation_level=None)
db.execute("CREATE TABLE IF NOT EXISTS rows (number INTEGER PRIMARY KEY, text TEXT)")
while True:
    db.execute("INSERT INTO rows (text) VALUES (hex(randomblob(200)))")
    time.sleep(0.01)
"""
COUNT = """
import sqlite3
db = sqlite3.connect("/data/0/app.db")
state = db.execute("PRAGMA integrity_check").fetchone()[0]
print(state, *db.execute("SELECT count(*), max(number) FROM rows").fetchone())
"""
# What a new volume is filled with, once.
FILL = """for place in /data/*; do
  [ -e $place/word ] && continue
  head -c 2M /dev/urandom > $place/film && ln $place/film $place/again && truncate -s 32M $place/sparse
  chmod 0600 $place/film && mkdir -p $place/a/b && echo $place $(hostname) > $place/a/b/word
  ln -s a/b/word $place/word
done; sync; touch /tmp/full; exec sleep infinity"""
IDLE = ["sh", "-c", FILL]


def app(name: str, replicas: int, tiers: t.Sequence[str], command: t.Sequence[str]) -> dict[str, t.Any]:
    """Return a StatefulSet whose pods have a volume of each of the tiers, at /data/0 and on."""
    names = [f"data{number}" for number in range(len(tiers))]
    ready = {"exec": {"command": ["test", "-e", "/tmp/full"]}, "periodSeconds": 1}
    container = {
        "name": "app",
        "image": TOOLBOX,
        "command": list(command),
        "volumeMounts": [{"name": one, "mountPath": f"/data/{number}"} for number, one in enumerate(names)],
        **({"readinessProbe": ready} if command is IDLE else {}),
    }
    claims = [
        {
            "metadata": {"name": one},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
                "storageClassName": tier,
            },
        }
        for one, tier in zip(names, tiers)
    ]
    labels = {"app": name}
    pod = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": SPACE},
        "spec": {
            "replicas": replicas,
            "serviceName": name,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
            "volumeClaimTemplates": claims,
        },
    }


APPS = [
    app("writer", 1, ["ssd"], ["python3", "-c", WRITER]),
    app("notes", 3, ["ssd", "hdd"], IDLE),
    app("media", 3, ["hdd"], IDLE),
]
VOLUMES = 10


def start() -> None:
    """Start the apps as their owner would, and wait until they run."""
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
    document = json.dumps({"apiVersion": "v1", "kind": "List", "items": [space, *APPS]})
    kubectl("apply", "--filename", "-", document=document)
    for one in APPS:
        name = f"statefulset/{one['metadata']['name']}"
        kubectl("--namespace", SPACE, "rollout", "status", name, "--timeout=180s")


def sums() -> dict[str, str]:
    """Return by claim type, mode, size, links and checksum of everything in its volume, as its node sees it."""
    places: dict[str, list[tuple[str, str]]] = {}
    for item in kubectl_json("get", "persistentvolumes")["items"]:
        spec = item["spec"]
        name = spec["claimRef"]["name"]
        if spec["claimRef"]["namespace"] == SPACE and "writer" not in name:
            (term,) = spec["nodeAffinity"]["required"]["nodeSelectorTerms"]
            places.setdefault(term["matchExpressions"][0]["values"][0], []).append((name, spec["local"]["path"]))
    found = {}
    for node, volumes in places.items():
        told = on_node(node, ";".join(f"echo '=== {name}'; cd {path} && {{ {LISTING}; }}" for name, path in volumes))
        found.update(re.findall(r"=== (\S+)\n((?:(?!===).*\n)*)", told))
    return found


def rows() -> tuple[str, int, int]:
    """Return what the database says of itself, and how many rows it has, by count and by number."""
    told = kubectl("--namespace", SPACE, "exec", "writer-0", "--", "python3", "-c", COUNT).split()
    return told[0], int(told[1]), int(told[2])


def age_of_backups(output: str) -> int:
    """Return how many seconds old the oldest backup is, as drill.yml tells."""
    match = re.search(r"drill volumes=(\d+) checksums=equal rto_seconds=\S+ rpo_seconds=(\d+)", output)
    assert match and int(match[1]) >= VOLUMES, output[-3000:]
    return int(match[2])


def saved() -> tuple[int, dict[str, str]]:
    """Start the apps and have them backed up; returns how many rows there were, and what the other volumes hold."""
    start()
    committed = rows()[2]
    done = back_up_all()
    assert done.code == 0, done.output[-3000:]
    before = sums()
    assert len(before) == VOLUMES - 1 and all("film" in told for told in before.values())
    return committed, before


def rebuild(committed: int, before: dict[str, str], *arguments: str) -> None:
    """Lose all nodes, rebuild the lab, start the apps and compare."""
    lab("nodes", "reset")
    rebuilt = run_playbook(*arguments, playbook="playbooks/rebuild.yml")
    assert rebuilt.code == 0, rebuilt.output[-6000:]
    # There may be backups of what other tests made.
    told = re.search(r"rebuild volumes=(\d+) checksums=equal rto_seconds=\d+", rebuilt.output)
    assert told and int(told[1]) >= VOLUMES, rebuilt.output[-3000:]
    start()
    state, count, last = rows()
    assert (state, count) == ("ok", last) and last >= committed > 0
    assert sums() == before


def end() -> None:
    """Remove the apps. What was made for them is theirs: with the claims it goes."""
    kubectl("delete", "namespace", SPACE, "--timeout=120s")
    for _second in range(60):
        left = [on_node(node, f"ls /srv/*/volumes | grep -c _{SPACE}_ || true").strip() for node in ("w1", "w2")]
        if left == ["0", "0"]:
            return
        time.sleep(1)
    pytest.fail(f"files of deleted claims are left: {left}")


def test_all_nodes_are_lost_and_everything_is_there_again() -> None:
    committed, before = saved()
    rehearsed = run_playbook(playbook="playbooks/drill.yml")
    assert rehearsed.code == 0, rehearsed.output[-3000:]
    lost = age_of_backups(rehearsed.output)
    began = time.monotonic()
    rebuild(committed, before)
    took = round(time.monotonic() - began)
    # Behind what pytest says.
    atexit.register(print, f"drill volumes={VOLUMES} checksums=equal rto_seconds={took} rpo_seconds={lost}")
    end()


def test_the_repository_is_lost_as_well_and_the_copy_is_enough() -> None:
    committed, before = saved()
    # Its server is there, and has lost its disk.
    place = target.folder(lab_record(), target.BACKUP) / target.USER
    shutil.rmtree(place)
    rebuild(committed, before, "-e", "restore_from=copy")
    again = back_up_all()
    assert again.code == 0 and (place / "config").exists(), again.output[-3000:]
    end()
