# SPDX-License-Identifier: GPL-3.0-or-later
"""A rehearsal restores beside the volume, proves it and leaves nothing; what is in use goes on."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import typing as t
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup import hooks, record, restore
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.drill import Drilled, drill
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError

from tests.unit.backup.node import Node, listing, locks_of_the_dead


def rehearse(node: Node) -> Drilled:
    """Rehearse, a minute after the backup."""
    return drill(node.wanted(), node.places, clock=lambda: node.taken() + 60)


def test_volumes_are_proven_while_they_are_in_use(node: Node) -> None:
    node.metrics = str(node.root / "homelab.prom")
    for name in ("a/one", "a/two"):
        (node.volume(name) / "file").write_text(name, encoding="ascii")
    node.backup()
    folder = Path(node.volumes[0]["path"])
    (folder / "newer").write_text("since", encoding="ascii")
    before = listing(folder.parent)
    pod = node.root / "pod"
    pod.mkdir()
    subprocess.run(["mount", "--bind", str(folder), str(pod)], check=True)
    try:
        done = rehearse(node)
    finally:
        subprocess.run(["umount", str(pod)], check=True)
    assert done.failed == {} and listing(folder.parent) == before
    assert {name: (told["files"], told["bytes"], told["age_s"]) for name, told in done.volumes.items()} == {
        "a/one": (1, 5, 60),
        "a/two": (1, 5, 60),
    }
    metrics = Path(node.metrics).read_text(encoding="ascii")
    assert 'homelab_backup_last_verified_restore_timestamp_seconds{volume="a/two"}' in metrics
    assert f'homelab_backup_restore_duration_seconds{{volume="a/one"}} {done.volumes["a/one"]["seconds"]}' in metrics


def test_a_check_only_looks(node: Node) -> None:
    (node.volume("a/one") / "file").write_text("x", encoding="ascii")
    node.backup()
    node.volume("a/new")
    done = drill(node.wanted(), node.places, check=True)
    assert done.volumes["a/one"]["files"] == 0 and "no snapshot of lab lab has this volume" in done.failed["a/new"]
    assert "verified" not in record.load(node.places)["a/one"]


def test_one_that_fails_takes_no_other_along(node: Node, small: Path) -> None:
    (node.volume("a/big", small / "big") / "file").write_bytes(b"x" * (3 << 20))
    (node.volume("a/one") / "file").write_text("x", encoding="ascii")
    node.backup()
    done = rehearse(node)
    assert list(done.volumes) == ["a/one"]
    assert "it has 3145728 bytes; its disk has" in done.failed["a/big"]
    assert [path.name for path in small.iterdir()] == ["big"]
    # So it is with a restore that apps shall not notice.
    for check in (True, False):
        with pytest.raises(HostError, match="a twentieth of its"):
            restore.restore(node.wish("a/big", target=str(small / "aside"), leave_room=True), node.places, check)
    assert [path.name for path in small.iterdir()] == ["big"]
    assert node.restore("a/one", target=str(small / "aside"), leave_room=True).verified


def test_the_dump_is_proven_too(node: Node) -> None:
    folder = node.volume("a/one", hook={"type": "sqlite", "database": "app.db"})
    with contextlib.closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("CREATE TABLE t (x)")
        database.executemany("INSERT INTO t VALUES (?)", [(number,) for number in range(5000)])
        database.commit()
    node.backup()
    assert rehearse(node).failed == {}


DUMPS: dict[str, tuple[str, bytes, str]] = {
    "postgres": ("database.pgdump", b"PGDMP\x01rest", ""),
    "postgres, another format": ("database.pgdump", b"--\n-- PostgreSQL", "database.pgdump is not whole"),
    "mysql": ("database.sql", b"INSERT;\n-- Dump completed on 2026-08-01\n", ""),
    "mysql, cut": ("database.sql", b"INSERT INTO t VALUES (1", "database.sql is not whole"),
    "sqlite, no database": ("database.sqlite", b"nothing of the kind, but long enough" * 100, "file is not a database"),
}


@pytest.mark.parametrize(("name", "content", "cause"), DUMPS.values(), ids=DUMPS)
def test_a_dump_that_is_not_whole_is_told(tmp_path: Path, name: str, content: bytes, cause: str) -> None:
    (tmp_path / name).write_bytes(content)
    refused: t.Any = pytest.raises(HostError, match=f"Cannot use the dump of a/one: {cause}")
    with refused if cause else contextlib.nullcontext():
        hooks.probe("a/one", str(tmp_path))


@pytest.mark.parametrize(
    "point",
    [
        "before:restic",
        "during:restic:volumes/.homelab-restore/*/work/a/one/files",
        "after:restic",
        "before:verify",
        "after:verify",
    ],
)
def test_a_killed_rehearsal_leaves_nothing_once_the_next_has_run(node: Node, point: str) -> None:
    folder = node.volume("a/one")
    (folder / "file").write_bytes(b"x" * (8 << 20))
    node.backup()
    before = listing(folder.parent)
    node.killed("drill", point)
    assert listing(folder) == {path.removeprefix("a_one/"): told for path, told in before.items() if "/" in path}
    assert rehearse(node).failed == {} and listing(folder.parent) == before
    assert locks_of_the_dead(node) == []
