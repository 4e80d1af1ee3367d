# SPDX-License-Identifier: GPL-3.0-or-later
"""A dump is played back into the database that runs, whole and asked for, or not at all; nothing of it stays."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup import hooks, playback
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.model import Hook
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError

from tests.unit.backup.freezing import OnePod
from tests.unit.backup.node import Node, listing, locks_of_the_dead

POSTGRES = {"type": "postgres", "labels": {"app": "x"}, "database": "shop"}
CONTENT = b"PGDMP" + os.urandom(3 << 20)


@pytest.fixture(name="shop")
def _shop(node: Node) -> Node:
    """A node with a database, backed up once."""
    node.volume("shop/db", hook=POSTGRES)
    node.backup(OnePod(answers=CONTENT))
    return node


def play(node: Node, pod: t.Any, check: bool = False, **request: t.Any) -> playback.Played:
    """Play the dump back."""
    request = {"volume": "shop/db", **request}
    return playback.play(node.wanted(), node.places, playback.Request(**request), check, pod)


def of_node(node: Node) -> set[str]:
    """Return what lies on the node, but for restic's cache and the lock."""
    return {path for path in listing(node.root) if "/cache/" not in path and path != "lock"}


def test_the_pod_gets_the_dump_and_nothing_stays(shop: Node) -> None:
    before, pod = of_node(shop), OnePod()
    looked = play(shop, pod, check=True)
    assert (looked.changed, looked.verified, looked.bytes, pod.read) == (True, False, len(CONTENT), [])
    done = play(shop, pod)
    assert (done.changed, done.verified, done.bytes, done.database) == (True, True, len(CONTENT), "shop")
    assert done.snapshot == looked.snapshot == shop.snapshots()[0]["id"] and pod.read == [CONTENT]
    assert pod.commands[-1] == [
        *("pg_restore", "--no-password", "--username=postgres", "--clean", "--if-exists"),
        *("--single-transaction", "--exit-on-error", "--dbname=shop"),
    ]
    assert locks_of_the_dead(shop) == [] and of_node(shop) == before


def test_a_database_with_tables_is_not_played_over_unasked(shop: Node) -> None:
    pod = OnePod(tables=[f"public.t{number}" for number in range(7)])
    for check in (True, False):
        with pytest.raises(HostError, match=r"shop has tables: public\.t0, .*t4 and 2 more\. Set overwrite: true"):
            play(shop, pod, check)
    assert pod.read == []
    assert play(shop, pod, overwrite=True).tables == list(pod.tables) and pod.read == [CONTENT]


def test_an_older_snapshot_is_meant_by_its_id(shop: Node) -> None:
    first, pod = shop.snapshots()[0]["id"], OnePod()
    shop.backup(OnePod(answers=b"PGDMP later"))
    assert play(shop, pod, snapshot=first[:8]).snapshot == first and pod.read == [CONTENT]
    assert play(shop, pod).snapshot != first and pod.read[1:] == [b"PGDMP later"]


REFUSED: dict[str, tuple[dict[str, t.Any] | None, dict[str, t.Any], str]] = {
    "no hook": (None, {}, "it has no hook of postgres or mysql.* Add one to homelab_backup.hooks"),
    "sqlite": ({"type": "sqlite", "database": "app.db"}, {}, "a dump of SQLite comes back with the files"),
    "another kind": ({**POSTGRES, "type": "mysql"}, {}, "has no dump of mysql. Choose another snapshot"),
    "nobody's": (POSTGRES, {"volume": "shop/other"}, "this node has no volume of that claim. Start the app"),
    "no such id": (POSTGRES, {"snapshot": "0123abcd"}, "no snapshot 0123abcd of lab lab has this volume"),
    "no id": (POSTGRES, {"snapshot": "-x"}, "'-x' is no id of restic"),
}


@pytest.mark.parametrize(("hook", "request_", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_meant_is_refused(
    shop: Node, hook: dict[str, t.Any] | None, request_: dict[str, t.Any], said: str
) -> None:
    shop.volumes[0]["hook"] = hook
    pod = OnePod()
    for check in (True, False):
        with pytest.raises(HostError, match=f"Cannot play the dump of shop/.* back: .*{said}"):
            play(shop, pod, check, **request_)
    assert pod.read == []


class Stopped(OnePod):
    """A runtime whose pod does not run."""

    def run(self, *_arguments: t.Any, **_named: t.Any) -> bytes:
        raise HostError(
            "Cannot find the pod app=x of shop on this node", "none runs with these labels", "Start the app"
        )


def test_a_pod_that_does_not_run_is_told(shop: Node) -> None:
    for check in (True, False):
        with pytest.raises(HostError, match=r"none runs with these labels\. Start the app"):
            play(shop, Stopped(), check)


def test_a_dump_that_is_not_what_was_saved_is_not_played(shop: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Restic's word alone is not taken: here it gives something else, and says that all is well."""
    program = shop.root / "bin" / "restic"
    program.parent.mkdir()
    real = f"{os.environ['PATH'].split(':')[0]}/restic"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *pgdump) {real} "$@" | tr P p;; *) exec {real} "$@";; esac\n', encoding="ascii"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    pod = OnePod()
    with pytest.raises(HostError, match=r"the dump is not what was saved\. Choose another snapshot"):
        play(shop, pod)
    assert pod.read == []


class Failing(OnePod):
    """A runtime whose pod takes a part of the dump, and ends with an error."""

    def run(self, *arguments: t.Any, source: t.BinaryIO | None = None, **_named: t.Any) -> bytes:
        if not source:
            return b""
        source.read(1000)
        raise HostError("Cannot run pg_restore in a pod of shop", "role x does not exist", "Make it")


def test_an_error_of_the_database_is_told_and_restic_ended(shop: Node) -> None:
    with pytest.raises(HostError, match="role x does not exist"):
        play(shop, Failing())
    assert locks_of_the_dead(shop) == [] and play(shop, OnePod()).verified


def test_a_dump_that_does_not_come_to_its_end_fails(shop: Node) -> None:
    packs = [path for path in Path(shop.url, "data").rglob("*") if path.is_file()]
    pod = OnePod()
    for pack in packs:
        content = bytearray(pack.read_bytes())
        content[len(content) // 2] ^= 0x10
        pack.chmod(0o600)
        pack.write_bytes(content)
    with pytest.raises(HostError, match="Cannot play the dump of shop/db back: the repository is damaged"):
        play(shop, pod)
    assert pod.read == []


@pytest.mark.parametrize("point", ["after:reading", "before:pod", "after:pod"])
def test_a_killed_one_leaves_nothing(shop: Node, point: str) -> None:
    before = of_node(shop)
    shop.killed("play", point, volume="shop/db")
    assert locks_of_the_dead(shop) == [] and of_node(shop) == before
    pod = OnePod()
    assert play(shop, pod).verified and pod.read == [CONTENT]


def test_mysql_is_asked_with_the_password_that_the_container_has() -> None:
    hook = Hook("mysql", {"app": "x"}, database="shop", user="reader")
    known = 'MYSQL_PWD="${MYSQL_PASSWORD:-$MARIADB_PASSWORD}"; export MYSQL_PWD; '
    client = 'exec "$(command -v mariadb || echo mysql)" --user=reader'
    assert hooks.play_command(hook) == ["sh", "-c", f"{known}{client} shop"]
    assert hooks.tables_command(hook)[2].startswith(f"{known}{client} --batch --skip-column-names --execute=")
