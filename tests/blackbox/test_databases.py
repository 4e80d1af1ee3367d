# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL and MariaDB under writes: what was committed before a backup is in its dump, and is played back."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import time
import typing as t
from collections.abc import Iterator

import pytest

from tests.support.lab import kubectl, on_node, run_playbook
from tests.support.volumes import back_up

SPACE, NODE = "databases", "w2"
PASSWORD = "only here"
# By the type of their hooks, and the name of their pods and claims.
IMAGES = {"postgres": "docker.io/library/postgres:17", "mysql": "docker.io/library/mariadb:11.8"}
FOLDERS = {"postgres": "/var/lib/postgresql/data", "mysql": "/var/lib/mysql"}
TIERS = {"postgres": "hdd", "mysql": "ssd"}
# The disks of the lab are small.
SMALL = {"postgres": [], "mysql": ["--innodb-log-file-size=8M"]}
VARIABLES = {
    "postgres": {"POSTGRES_PASSWORD": PASSWORD, "POSTGRES_DB": "shop", "POSTGRES_INITDB_ARGS": "--wal-segsize=1"},
    "mysql": {"MARIADB_ROOT_PASSWORD": PASSWORD, "MARIADB_DATABASE": "shop"},
}
CLIENTS = {
    "postgres": "psql --no-psqlrc --quiet --tuples-only --no-align --username=postgres shop",
    "mysql": 'MYSQL_PWD="$MARIADB_ROOT_PASSWORD" mariadb --batch --skip-column-names --user=root shop',
}
MAKE = {
    "postgres": "CREATE TABLE orders (number SERIAL PRIMARY KEY, word TEXT)",
    "mysql": "CREATE TABLE orders (number INT AUTO_INCREMENT PRIMARY KEY, word TEXT)",
}
EMPTY = "DROP TABLE IF EXISTS orders, slow"
# It is a second's work to fill this one.
SLOW = (
    "CREATE TABLE slow (number INT CHECK (pg_sleep(0.05) IS NOT NULL)); INSERT INTO slow SELECT generate_series(1, 20)"
)
STATE = "/var/lib/atarnet-homelab/backup"
WORDS = {"postgres": "md5(random()::text)", "mysql": "md5(rand())"}


def objects(kind: str) -> list[dict[str, t.Any]]:
    """Return a pod of a database, and the claim that it has."""
    metadata = {"name": kind, "namespace": SPACE, "labels": {"app": kind}}
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": TIERS[kind],
    }
    ready = {"exec": {"command": ["sh", "-c", f"echo 'SELECT 1;' | {CLIENTS[kind]}"]}, "periodSeconds": 1}
    container = {
        "name": "database",
        "image": IMAGES[kind],
        "args": SMALL[kind],
        "env": [{"name": name, "value": value} for name, value in VARIABLES[kind].items()],
        "volumeMounts": [{"name": "data", "mountPath": FOLDERS[kind]}],
        "readinessProbe": ready,
    }
    spec = {
        "terminationGracePeriodSeconds": 1,
        "nodeSelector": {"kubernetes.io/hostname": NODE},
        "containers": [container],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": kind}}],
    }
    return [
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": claim},
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec},
    ]


def ask(kind: str, statement: str) -> str:
    """Return what a database answers."""
    script = f"echo '{statement};' | {CLIENTS[kind]}"
    return kubectl("--namespace", SPACE, "exec", kind, "--", "sh", "-c", script).strip()


def last(kind: str) -> int:
    """Return the number of the last order that was committed."""
    return int(ask(kind, "SELECT coalesce(max(number), 0) FROM orders"))


def orders(kind: str, until: int) -> list[str]:
    """Return the orders up to a number, a line each."""
    return ask(kind, f"SELECT number, word FROM orders WHERE number <= {until} ORDER BY number").split("\n")


def replay(kind: str, *options: str) -> dict[str, t.Any]:
    """Have the program of the node play a dump back, and return what it printed."""
    return dict(json.loads(on_node(NODE, " ".join(["homelab-backup restore --dump", f"{SPACE}/{kind}", *options]))))


@contextlib.contextmanager
def load(kind: str) -> Iterator[None]:
    """Have orders committed meanwhile, some dozens a second, each a transaction."""
    order = f"INSERT INTO orders (word) VALUES ({WORDS[kind]});"
    script = f"touch /tmp/load; while sleep 0.02 && [ -e /tmp/load ]; do echo '{order}'; done | {CLIENTS[kind]}"
    process = subprocess.Popen(["kubectl", "--namespace", SPACE, "exec", kind, "--", "sh", "-c", script])
    try:
        deadline = time.monotonic() + 30
        while last(kind) < 20:
            assert time.monotonic() < deadline and process.poll() is None
        yield
        assert process.poll() is None
    finally:
        kubectl("--namespace", SPACE, "exec", kind, "--", "rm", "--force", "/tmp/load", check=False)
        process.wait(30)


@pytest.fixture(scope="module")
def saved() -> Iterator[dict[str, list[str]]]:
    """The orders that were committed when a backup under writes began, by database."""
    kubectl("create", "namespace", SPACE)
    try:
        items = [item for kind in IMAGES for item in objects(kind)]
        kubectl("apply", "--filename", "-", document=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        pods = [f"pod/{kind}" for kind in IMAGES]
        kubectl("--namespace", SPACE, "wait", "--for=condition=Ready", "--timeout=120s", *pods)
        ask("postgres", SLOW)
        with contextlib.ExitStack() as stack:
            for kind in IMAGES:
                ask(kind, MAKE[kind])
                stack.enter_context(load(kind))
            committed = {kind: orders(kind, last(kind)) for kind in IMAGES}
            done = back_up(NODE)
            assert not done["failed"] and {f"{SPACE}/{kind}" for kind in IMAGES} <= set(done["volumes"])
            for kind in IMAGES:
                assert last(kind) > len(committed[kind]), "it was written to meanwhile"
        yield committed
    finally:
        kubectl("--namespace", SPACE, "delete", "pods", "--all", "--now", "--wait=false")
        kubectl("delete", "namespace", SPACE, "--wait=false")


@pytest.mark.parametrize("kind", IMAGES)
def test_a_database_with_tables_is_not_played_over_unasked(saved: dict[str, list[str]], kind: str) -> None:
    before = last(kind)
    with pytest.raises(RuntimeError, match=r"the database shop has tables: \S*orders\b.*\. Set overwrite: true"):
        replay(kind)
    assert last(kind) == before


def test_postgres_takes_back_what_fails_in_the_middle_and_nothing_stays_on_the_node(
    saved: dict[str, list[str]],
) -> None:
    ask("postgres", EMPTY)
    kept = f"ls -A {STATE}/work; cat {STATE}/undo.json"
    before = on_node(NODE, kept)
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY public.slow%'"
    script = f"""homelab-backup restore --dump {SPACE}/postgres 2>&1 & played=$!
ask="crictl exec $(crictl ps --quiet --label io.kubernetes.pod.name=postgres) psql --tuples-only --username=postgres"
until $ask --command="{end}" | grep -q t; do kill -0 $played || exit 1; done
wait $played || echo ended with $?"""
    told = on_node(NODE, script)
    assert re.search(r"^error: Cannot run pg_restore in a pod of databases: .*error.*terminat", told, re.MULTILINE), (
        told
    )
    assert "ended with 1" in told
    assert ask("postgres", "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()") == "0"
    assert on_node(NODE, kept) == before


def test_what_was_committed_before_a_backup_comes_back(saved: dict[str, list[str]]) -> None:
    for kind in IMAGES:
        ask(kind, EMPTY)
    words = ("-e", f"restore={SPACE}", "-e", "dump=true")
    told = run_playbook("--check", *words, playbook="playbooks/restore.yml")
    assert told.code == 0 and told.output.count("into the database shop, which had 0 tables") == 2, told.output[-3000:]
    done = run_playbook(*words, playbook="playbooks/restore.yml")
    assert done.code == 0 and told.changed_tasks() == done.changed_tasks(), done.output[-3000:]
    for kind, committed in saved.items():
        assert f"{SPACE}/{kind}, verified, was played back" in done.output, done.output[-3000:]
        # Those of the moment of the backup: none is lacking, and none is there without those before it.
        found = orders(kind, 10**6)
        assert found[: len(committed)] == committed and len(found) == last(kind) >= len(committed)


@pytest.mark.parametrize("kind", IMAGES)
def test_what_was_changed_since_is_replaced_when_asked(saved: dict[str, list[str]], kind: str) -> None:
    ask(kind, "DELETE FROM orders WHERE number < 10")
    told = replay(kind, "--overwrite")
    assert told["verified"] and told["database"] == "shop" and "orders" in told["tables"][0]
    assert orders(kind, len(saved[kind])) == saved[kind]
