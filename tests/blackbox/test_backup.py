# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups by the nodes themselves, judged by restic from outside: what is in them, what comes back, what nodes cannot.

The database is SQLite under writes, of Python's own.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import time
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan.model import Probe
from ansible_collections.atarnet.homelab.plugins.module_utils._probe.plan import stage

from lab import target
from lab.podman import name_of
from tests.support.lab import NODES, TOOLBOX, kubectl, kubectl_json, lab_record, on_node, run_playbook
from tests.support.volumes import LISTING, back_up

SPACE, TRIAL = "saved", "trial"
METRICS = "/var/lib/prometheus/node-exporter/homelab_backup.prom"
# Commits a row every few milliseconds, and prints its number once it is committed.
WRITER = """
import sqlite3, time
db = sqlite3.connect("/data/app.db", isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
db.execute("CREATE TABLE IF NOT EXISTS rows (number INTEGER PRIMARY KEY, text TEXT)")
while True:
    db.execute("INSERT INTO rows (text) VALUES (hex(randomblob(200)))")
    time.sleep(0.005)
"""
COUNT = (
    'python3 -c \'import sqlite3; print(sqlite3.connect("/data/app.db").execute('
    '"SELECT max(number) FROM rows").fetchone()[0])\''
)
TREE = """set -e
mkdir -p /data/albums/one && cd /data
echo song > albums/one/song && ln albums/one/song again && ln -s albums/one way
head -c 3M /dev/urandom > film && truncate -s 64M sparse && chmod 0640 film && touch 'odd name!'
"""


def claim(name: str, tier: str) -> dict[str, t.Any]:
    """Return a claim of a tier."""
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": tier,
    }
    metadata = {"name": name, "namespace": SPACE}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def pod(name: str, node: str, *command: str) -> dict[str, t.Any]:
    """Return a pod that has the claim of its name at /data."""
    container = {
        "name": "app",
        "image": TOOLBOX,
        "command": list(command or ("sleep", "infinity")),
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    spec = {
        "terminationGracePeriodSeconds": 0,
        "nodeSelector": {"kubernetes.io/hostname": node},
        "containers": [container],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": name}}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": SPACE}, "spec": spec}


def apply(*items: dict[str, t.Any]) -> None:
    """Apply objects."""
    kubectl("apply", "--filename", "-", document=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def run(name: str, script: str) -> str:
    """Run a shell script in a pod."""
    return kubectl("--namespace", SPACE, "exec", name, "--", "sh", "-c", script).strip()


def stop(name: str) -> None:
    """Have a pod go, and its volume with it."""
    kubectl("--namespace", SPACE, "delete", "pod", name, "--now")


def folder(name: str, namespace: str = SPACE) -> str:
    """Return where the volume of a claim is on its node."""
    bound = kubectl_json("--namespace", namespace, "get", "persistentvolumeclaim", name)["spec"]["volumeName"]
    return str(kubectl_json("get", "persistentvolume", bound)["spec"]["local"]["path"])


def sums(node: str, name: str, namespace: str = SPACE) -> str:
    """Return type, mode, size, links and checksum of everything in a volume, as the node sees it."""
    return on_node(node, f"cd {folder(name, namespace)} && {{ {LISTING}; }}")


def restic(*words: str, check: bool = True, server: str = target.BACKUP) -> subprocess.CompletedProcess[str]:
    """Run a restic of this machine on a server, with the credentials that nodes have."""
    given = target.repository(lab_record(), server)
    place = Path(lab_record().folder) / "services" / "authority" / "ca.pem"
    own = {"RESTIC_REPOSITORY": given["url"], "RESTIC_PASSWORD": given["password"], "RESTIC_CACERT": str(place)}
    return subprocess.run(
        ["restic", "--no-cache", *words],
        env={**os.environ, **given["environment"], **own}, check=check, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def snapshots(server: str = target.BACKUP) -> list[dict[str, t.Any]]:
    """Return all snapshots of the repository on a server, oldest first."""
    found: list[dict[str, t.Any]] = json.loads(restic("snapshots", "--json", server=server).stdout)
    return found


def origins() -> set[str]:
    """Return which snapshots of the repository the copy has."""
    return {one["original"] for one in snapshots(target.COPY)}


@contextlib.contextmanager
def without_repository() -> Iterator[None]:
    """Have nobody reach the server of the repository meanwhile."""
    name = name_of(lab_record().name, target.BACKUP)
    subprocess.run(["podman", "stop", "--time", "1", name], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["podman", "start", name], check=True, capture_output=True)


def restore(*arguments: str) -> tuple[int, str]:
    """Run the playbook; returns its exit code and output."""
    done = run_playbook(*(word for one in arguments for word in ("-e", one)), playbook="playbooks/restore.yml")
    return done.code, done.output


@pytest.fixture(scope="module", autouse=True)
def apps() -> Iterator[None]:
    """A database under writes and a tree on w1, another tree on w2, and what is not backed up."""
    kubectl("create", "namespace", SPACE)
    try:
        apply(claim("app", "ssd"), claim("tree", "hdd"), claim("other", "ssd"), claim("cache", "ssd"))
        apply(claim("waiting", "ssd"), pod("app", "w1", "python3", "-c", WRITER))
        apply(pod("tree", "w1"), pod("other", "w2"), pod("cache", "w2"))
        pods = [f"pod/{name}" for name in ("app", "tree", "other", "cache")]
        kubectl("--namespace", SPACE, "wait", "--for=condition=Ready", "--timeout=60s", *pods)
        for name in ("tree", "other"):
            run(name, TREE)
        yield
    finally:
        kubectl("--namespace", SPACE, "delete", "pods", "--all", "--now", "--wait=false")
        kubectl("delete", "namespace", SPACE, "--wait=false")


def test_nodes_back_up_by_themselves_and_a_foreign_restic_has_it() -> None:
    done = {node: back_up(node) for node in NODES}
    assert {node: sorted(one["volumes"]) for node, one in done.items()} == {
        "cp1": ["control-plane/cp1"],
        "w1": [f"{SPACE}/app", f"{SPACE}/tree"],
        "w2": [f"{SPACE}/other"],
    }
    assert not any(one["failed"] for one in done.values())
    assert {step["method"] for node in ("w1", "w2") for step in done[node]["steps"]} == {"btrfs"}
    newest = {one["hostname"]: one["id"] for one in snapshots()}
    assert newest == {f"{lab_record().name}/{node}": one["snapshot"] for node, one in done.items()}
    listed = [json.loads(line) for line in restic("ls", "--json", done["w1"]["snapshot"]).stdout.splitlines()]
    paths = {one.get("path") for one in listed}
    assert {f"/{SPACE}/tree/files/albums/one/song", f"/{SPACE}/app/dump/database.sqlite"} <= paths
    listed = [json.loads(line) for line in restic("ls", "--json", done["cp1"]["snapshot"]).stdout.splitlines()]
    state = "/control-plane/cp1"
    assert {f"{state}/dump/etcd.snapshot", f"{state}/files/pki/ca.key", f"{state}/files/encryption.yaml"} <= {
        one.get("path") for one in listed
    }
    assert not any("cache" in str(path) for path in paths)
    assert "no errors were found" in restic("check", "--read-data").stdout


def test_every_transaction_that_was_committed_before_is_in_the_backup(tmp_path: Path) -> None:
    committed = int(run("app", COUNT))
    done = back_up("w1")
    restic("restore", done["snapshot"], "--target", str(tmp_path), "--include", f"/{SPACE}/app")
    for path in ("dump/database.sqlite", "files/app.db"):
        found = sqlite3.connect(tmp_path / SPACE / "app" / path)
        assert found.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        rows, last = found.execute("SELECT count(*), max(number) FROM rows").fetchone()
        assert rows == last >= committed > 0
        found.close()


def test_the_database_comes_back_as_its_dump() -> None:
    committed = int(run("app", COUNT))
    back_up("w1")
    stop("app")
    done = json.loads(on_node("w1", f"homelab-backup restore {SPACE}/app --overwrite"))
    assert done["verified"] and done["dump"] == "app.db"
    assert on_node("w1", f"ls -A {folder('app')}").split() == ["app.db"]
    apply(pod("app", "w1", "python3", "-c", WRITER))
    kubectl("--namespace", SPACE, "wait", "--for=condition=Ready", "--timeout=60s", "pod/app")
    assert int(run("app", COUNT)) >= committed


def test_a_second_run_without_a_change_adds_nothing() -> None:
    back_up("w2")
    before = snapshots()
    again = back_up("w2")
    assert (again["snapshot"], again["bytes_added"]) == ("", 0)
    assert snapshots() == before


def test_metrics_tell_age_and_size() -> None:
    text = on_node("w1", f"cat {METRICS}")
    line = re.compile(r'homelab_backup_[a-z_]+\{volume="[a-z/]+"\} [0-9.]+')
    samples = [one for one in text.splitlines() if not one.startswith("#")]
    assert samples and all(line.fullmatch(one) for one in samples)
    values = dict(one.rsplit(" ", 1) for one in samples)
    age = time.time() - float(values[f'homelab_backup_last_success_timestamp_seconds{{volume="{SPACE}/tree"}}'])
    assert 0 <= age < 600
    assert float(values[f'homelab_backup_size_bytes{{volume="{SPACE}/tree"}}']) > 3 << 20
    assert values[f'homelab_backup_failed{{volume="{SPACE}/tree"}}'] == "0"
    # Whoever runs node-exporter may read it.
    assert on_node("w1", f"stat --dereference --format %a {METRICS}").strip() == "644"


def test_what_is_not_saved_is_named() -> None:
    told = run_playbook("--check", playbook="playbooks/backup.yml")
    assert told.code == 0, told.output[-3000:]
    for words in (
        f"{SPACE}/app on w1: btrfs and a dump (sqlite)",
        f"{SPACE}/other on w2: btrfs",
        f"{SPACE}/cache: homelab_backup.leave_out names it",
        "media/music: it is a read-only library, and homelab_backup.also does not name it",
        f"{SPACE}/waiting: it has no volume yet",
        "control-plane/cp1 on cp1: as_is and a dump (etcd)",
        "nodes remove no old backup; who may do it runs:",
    ):
        assert words in told.output, words


def test_a_volume_comes_back_as_it_was_and_nothing_newer_is_lost_unasked() -> None:
    back_up("w1")
    before = sums("w1", "tree")
    code, told = restore(f"restore={SPACE}/tree")
    assert code != 0 and "it is in use: process" in told and "Scale the app to 0" in told
    run("tree", "echo changed > /data/albums/one/song && rm /data/film && echo new > /data/new && sync")
    stop("tree")
    changed = sums("w1", "tree")
    code, told = restore(f"restore={SPACE}/tree")
    assert code != 0 and "it holds files newer than the backup" in told
    assert sums("w1", "tree") == changed
    code, told = restore(f"restore={SPACE}/tree", "overwrite=true")
    assert code == 0 and f"{SPACE}/tree, verified" in told, told[-3000:]
    assert sums("w1", "tree") == before
    assert f'last_verified_restore_timestamp_seconds{{volume="{SPACE}/tree"}}' in on_node("w1", f"cat {METRICS}")
    apply(pod("tree", "w1"))
    kubectl("--namespace", SPACE, "wait", "--for=condition=Ready", "--timeout=60s", "pod/tree")
    assert run("tree", "cat /data/again") == "song"


def test_a_backup_becomes_a_claim_of_another_namespace_while_its_app_goes_on() -> None:
    back_up("w1")
    before = sums("w1", "tree")
    run("tree", "echo newer > /data/newer && sync")
    used = sums("w1", "tree")
    words = [f"restore={SPACE}/tree", f"into={TRIAL}"]
    told = run_playbook("--check", *(word for one in words for word in ("-e", one)), playbook="playbooks/restore.yml")
    assert told.code == 0 and f"{SPACE}/tree as {TRIAL}/tree would be restored" in told.output, told.output[-3000:]
    assert kubectl("get", "namespaces", TRIAL, "--ignore-not-found") == ""
    try:
        code, said = restore(*words)
        assert code == 0 and f"{SPACE}/tree as {TRIAL}/tree, verified" in said, said[-3000:]
        made = kubectl_json("--namespace", TRIAL, "get", "persistentvolumeclaim", "tree")
        assert (made["status"]["phase"], made["spec"]["resources"]["requests"]["storage"]) == ("Bound", "1Gi")
        place = folder("tree", TRIAL)
        assert sums("w1", "tree", TRIAL) == before and sums("w1", "tree") == used
    finally:
        kubectl("delete", "namespace", TRIAL, "--ignore-not-found", "--timeout=60s")
    on_node("w1", f"for _ in $(seq 60); do [ -e {place} ] || exit 0; sleep 0.5; done; exit 1")
    run("tree", "rm /data/newer && sync")


def test_a_rehearsal_proves_all_volumes_and_has_apps_probe_them_while_these_go_on() -> None:
    for node in NODES:
        back_up(node)
    look = 'test "$(cat /data/again)" = song && echo probed > /data/note'
    probes = [
        {"claim": f"{SPACE}/other", "image": TOOLBOX, "command": ["sh", "-c", look], "user": 1000},
        {"claim": f"{SPACE}/tree", "image": TOOLBOX, "command": ["sh", "-c", "echo no songs; exit 3"], "user": 1000},
    ]
    # As if another rehearsal had been killed before.
    left = stage(lab_record().name, "w2", Probe.of(probes[0]), "ssd", "/srv/ssd/volumes")
    apply(*left.objects)
    on_node("w2", f"mkdir {left.target} && touch {left.target}/left")
    before, rows = sums("w1", "tree"), int(run("app", COUNT))
    words = json.dumps({"homelab_backup": {**target.backup(lab_record()), "probes": probes}})
    done = run_playbook("-e", words, playbook="playbooks/drill.yml")
    assert done.changed_tasks() == [], done.output[-3000:]
    said = re.search(r"drill volumes=4 checksums=equal rto_seconds=(\S+) rpo_seconds=(\d+) probes=1/2", done.output)
    assert said, done.output[-3000:]
    print(said[0])
    assert float(said[1]) > 0 and int(said[2]) < 600
    assert f"probe of {SPACE}/other on w2: succeeded in" in done.output
    assert re.search(rf"probe of {SPACE}/tree: .*exit code 3 .*its last words: no songs", done.output)
    # That one is all that it fails for.
    assert done.code != 0 and f"not all can be restored: probe of {SPACE}/tree." in done.output
    assert sums("w1", "tree") == before and int(run("app", COUNT)) > rows
    assert run("other", "ls /data/note 2> /dev/null || true") == ""
    assert "homelab-probe" not in kubectl("get", "namespaces,persistentvolumes")
    for node in ("w1", "w2"):
        found = on_node(node, "ls -A /srv/ssd/volumes /srv/hdd/volumes")
        assert "restore" not in found and "homelab-probe" not in found
    on_node("w2", "systemctl start homelab-backup-drill.service")
    assert f'restore_duration_seconds{{volume="{SPACE}/other"}}' in on_node("w2", f"cat {METRICS}")


def test_the_copy_has_all_and_a_foreign_restic_agrees() -> None:
    run("tree", "head -c 2M /dev/urandom > /data/copied && sync")
    done = run_playbook(playbook="playbooks/backup.yml")
    assert done.code == 0, done.output[-3000:]
    assert re.search(r"\d+ snapshots copied to rest:https://\S+, which had \d+", done.output), done.output[-3000:]
    assert {one["id"] for one in snapshots()} <= origins()
    assert "no errors were found" in restic("check", "--read-data", server=target.COPY).stdout
    told = run_playbook("--check", playbook="playbooks/backup.yml")
    assert told.code == 0 and "0 snapshots would be copied to" in told.output, told.output[-3000:]
    # Files are cut as they are in the repository, so that what is equal is stored once.
    cut = [json.loads(restic("cat", "config", server=one).stdout)["chunker_polynomial"] for one in target.OFFSETS]
    assert cut[0] == cut[1]


def test_a_copy_that_is_killed_is_gone_on_with() -> None:
    before = origins()
    run("tree", "head -c 60M /dev/urandom > /data/large && sync")
    made = back_up("w1")["snapshot"]
    assert made and made not in before
    start = "systemctl start --no-block homelab-backup-copy.service"
    seen = "until pgrep -f 'restic --json copy' > /dev/null; do sleep 0.05; done"
    on_node("w1", f"{start}; {seen}; sleep 0.3; systemctl kill --signal=KILL homelab-backup-copy.service")
    assert made not in origins()
    on_node("w1", "systemctl start homelab-backup-copy.service")
    assert {one["id"] for one in snapshots()} <= origins()
    for server in target.OFFSETS:
        assert restic("list", "locks", "--no-lock", server=server).stdout.split() == []
        assert "no errors were found" in restic("check", "--read-data", server=server).stdout
    run("tree", "rm /data/large")


def test_the_copys_age_is_told() -> None:
    on_node("w1", "systemctl start homelab-backup-copy.service")
    text = on_node("w1", f"cat {METRICS.replace('.prom', '_copy.prom')}")
    values = dict(one.split() for one in text.splitlines() if not one.startswith("#"))
    assert values["homelab_backup_copy_failed"] == "0"
    assert 0 <= time.time() - float(values["homelab_backup_copy_last_success_timestamp_seconds"]) < 60


def test_without_the_repository_the_copy_is_enough() -> None:
    run("tree", "echo last > /data/last && sync")
    done = run_playbook(playbook="playbooks/backup.yml")
    assert done.code == 0, done.output[-3000:]
    before = sums("w1", "tree")
    run("tree", "rm -r /data/albums /data/film && sync")
    stop("tree")
    assert sums("w1", "tree") != before
    with without_repository():
        code, told = restore(f"restore={SPACE}/tree", "overwrite=true")
        assert code != 0 and "the target cannot be reached" in told, told[-3000:]
        code, told = restore(f"restore={SPACE}/tree", "overwrite=true", "restore_from=copy")
        assert code == 0 and f"{SPACE}/tree, verified" in told, told[-3000:]
        rehearsed = run_playbook("-e", "drill_from=copy", playbook="playbooks/drill.yml")
        assert rehearsed.code == 0 and "drill volumes=4 checksums=equal" in rehearsed.output, rehearsed.output[-3000:]
        # Without Ansible, on a node that does not copy.
        assert json.loads(on_node("w2", "homelab-backup drill --copy"))["failed"] == {}
    assert sums("w1", "tree") == before
    assert f'homelab_backup_copy_last_verified_restore_timestamp_seconds{{volume="{SPACE}/other"}}' in on_node(
        "w2", f"cat {METRICS}"
    )
    apply(pod("tree", "w1"))
    kubectl("--namespace", SPACE, "wait", "--for=condition=Ready", "--timeout=60s", "pod/tree")


def test_nobody_else_reads_what_opens_the_copy() -> None:
    for node in ("w1", "w2"):
        found = on_node(node, "cd /etc/homelab-backup && stat --format '%a %U %n' copy.password copy.environment")
        assert found.split("\n")[:2] == ["600 root copy.password", "600 root copy.environment"]
    assert [
        on_node(node, "systemctl is-active homelab-backup-copy.timer || true").strip() for node in ("w1", "w2")
    ] == [
        "active",
        "inactive",
    ]


def test_what_cannot_be_meant_is_refused_by_name() -> None:
    code, told = restore(f"restore={SPACE}/tree", "restore_from=elsewhere")
    assert code != 0 and "from elsewhere: there is no such place" in told
    code, told = restore(f"restore={SPACE}/tre")
    assert code != 0 and f"there is no backup of {SPACE}/tre. Did you mean" in told


def test_nodes_can_add_and_not_remove() -> None:
    for server in target.OFFSETS:
        before = snapshots(server)
        refused = restic("forget", before[0]["id"], check=False, server=server)
        assert refused.returncode != 0 and "403" in refused.stderr
        assert snapshots(server) == before


def test_what_leaves_the_input_leaves_the_nodes_but_for_what_was_saved() -> None:
    """First the copy, then all of it; with the input as it was it is there again."""
    of_copy = "ls -d /etc/homelab-backup/copy* /etc/systemd/system/*homelab-backup-copy* /run/homelab-backup/*copy* \
/var/lib/prometheus/node-exporter/*copy* 2> /dev/null || true"
    of_all = "ls -d /etc/homelab-backup* /usr/local/sbin/homelab-backup /usr/local/bin/restic /run/homelab-backup \
/etc/systemd/system/homelab-backup* /var/lib/prometheus 2> /dev/null || true"
    timers = "systemctl is-active homelab-backup.timer homelab-backup-drill.timer homelab-backup-ready.service"
    copied, saved = snapshots(target.COPY), snapshots()
    assert len(on_node("w1", of_copy).split()) >= 6
    alone = {**target.backup(lab_record()), "copy": {}}
    for given, left in ((alone, (False, True)), ({}, (False, False)), (target.backup(lab_record()), (True, True))):
        arguments = ["-e", json.dumps({"homelab_backup": given})]
        done = run_playbook(*arguments, playbook="playbooks/platform.yml")
        assert done.code == 0, done.output[-3000:]
        assert tuple(bool(on_node("w1", places).split()) for places in (of_copy, of_all)) == left
    assert len(on_node("w1", of_copy).split()) >= 6
    assert (snapshots(target.COPY), snapshots()) == (copied, saved)
    assert on_node("w1", timers).split() == ["active"] * 3
