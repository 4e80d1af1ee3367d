# SPDX-License-Identifier: GPL-3.0-or-later
"""A database of SQLite comes back as its dump, in the one step that its volume takes."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup import hooks
from ansible_collections.atarnet.homelab.plugins.module_utils._backup.plan import Step
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError

from tests.unit.backup.freezing import OnePod
from tests.unit.backup.node import Node, listing

HOOK = {"type": "sqlite", "database": "data/app.db"}
ROWS = 5000


def fill(path: Path, rows: int = ROWS) -> sqlite3.Connection:
    """Make a database of which a part is still in its write-ahead log; it stays open."""
    path.parent.mkdir(exist_ok=True)
    live = sqlite3.connect(path, isolation_level=None)
    live.execute("PRAGMA journal_mode=WAL")
    live.execute("CREATE TABLE t (n)")
    live.execute("BEGIN")
    live.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(rows)])
    live.execute("COMMIT")
    return live


def rows(path: Path) -> int:
    """Return how many rows a database has that is whole."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        return int(database.execute("SELECT count(*) FROM t").fetchone()[0])


@pytest.mark.parametrize("on_btrfs", [True, False])
def test_the_dump_takes_the_place_of_the_database(node: Node, disk: Path, on_btrfs: bool) -> None:
    folder = node.volume("a/one", disk / "one" if on_btrfs else node.root / "one", hook=HOOK)
    (folder / "other").write_text("other", encoding="ascii")
    database = folder / "data/app.db"
    with contextlib.closing(fill(database)):
        os.chown(database, 4242, 4343)
        database.chmod(0o640)
        os.setxattr(database, "user.note", b"kept")
        before = database.stat()
        node.backup()
    with contextlib.closing(sqlite3.connect(database)) as later:
        later.execute("DELETE FROM t")
        later.commit()
    done = node.restore("a/one", overwrite=True)
    assert done.verified and done.dump == "data/app.db" and (folder / "other").read_text() == "other"
    assert [path.name for path in database.parent.iterdir()] == ["app.db"]
    after = database.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, 4242, 4343)
    assert after.st_mtime_ns == before.st_mtime_ns and os.getxattr(database, "user.note") == b"kept"
    node.restic("restore", "latest:/a/one/dump", "--target", str(node.root / "out"))
    assert database.read_bytes() == (node.root / "out/database.sqlite").read_bytes()
    # Nothing in it is newer than the backup.
    assert node.restore("a/one").dump and rows(database) == ROWS


def test_backups_of_before_the_path_was_written_down_are_as_they_were_read(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Step, "dumped", {})
    folder = node.volume("a/one", hook=HOOK)
    with contextlib.closing(fill(folder / "data/app.db")):
        node.backup()
        before = listing(folder)
    assert before.keys() >= {"data/app.db-wal"}
    done = node.restore("a/one", overwrite=True)
    assert done.verified and done.dump == "" and listing(folder).keys() == before.keys()
    monkeypatch.undo()
    assert node.backup().snapshot, "the next one has it written down"


def test_the_dump_of_a_former_hook_is_not_the_database(node: Node) -> None:
    folder = node.volume("a/one", hook=HOOK)
    fill(folder / "data/app.db").close()
    node.backup()
    node.volumes[0]["hook"] = {"type": "postgres", "labels": {"app": "x"}, "database": "data"}
    fill(folder / "data/later.db", 1).close()
    node.backup(OnePod(answers=b"PGDMP"))
    assert os.listdir(f"{node.places.of('a/one')}/dump") == ["database.pgdump"]
    before = listing(folder)
    done = node.restore("a/one")
    assert done.verified and done.dump == "" and listing(folder) == before


def test_a_link_leads_no_dump_out_of_the_volume(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, elsewhere = node.volume("a/one", hook=HOOK), node.root / "elsewhere"
    fill(elsewhere / "app.db").close()
    (folder / "data").symlink_to(elsewhere)
    assert "there is no such file in the volume" in node.backup().failed["a/one"]
    # As backups were made before that was looked at.
    with monkeypatch.context() as before:
        before.setattr(hooks, "found_in", lambda folder, database: f"{folder}/{database}")
        node.backup()
    (elsewhere / "app.db").write_text("not to be touched", encoding="ascii")
    with pytest.raises(HostError, match=r"its files have no database data/app\.db, of which there is a dump"):
        node.restore("a/one", overwrite=True)
    assert (elsewhere / "app.db").read_text() == "not to be touched" and (folder / "data").is_symlink()


@pytest.mark.parametrize("suffix", ["-wal", "-journal", "-shm"])
def test_what_a_link_beside_the_database_leads_to_is_not_its_journal(node: Node, suffix: str) -> None:
    folder, elsewhere = node.volume("a/one", hook=HOOK), node.root / "elsewhere"
    fill(folder / "data/app.db").close()
    elsewhere.write_text("not to be touched", encoding="ascii")
    (folder / f"data/app.db{suffix}").symlink_to(elsewhere)
    assert f"app.db{suffix} is a link" in node.backup().failed["a/one"]
    assert elsewhere.read_text() == "not to be touched"


@pytest.mark.parametrize("point", ["after:verify", "before:into_place", "before:rename", "after:rename", "before:save"])
def test_a_killed_restore_leaves_the_old_or_the_dump(node: Node, point: str) -> None:
    folder = node.volume("a/one", hook=HOOK)
    database = folder / "data/app.db"
    with contextlib.closing(fill(database)):
        node.backup()
    with contextlib.closing(sqlite3.connect(database)) as later:
        later.execute("INSERT INTO t VALUES (-1)")
        later.commit()
    node.killed("restore", point, volume="a/one")
    assert rows(database) in (ROWS, ROWS + 1)
    assert node.restore("a/one", overwrite=True).dump and rows(database) == ROWS
    assert [path.name for path in folder.parent.iterdir()] == ["a_one"]
