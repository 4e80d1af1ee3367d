# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes are backed up by the real restic, once a change, and restored as they were, whatever is in them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup import btrfs, freezer
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError

from tests.unit.backup.freezing import OnePod, moves, writing_pod
from tests.unit.backup.node import Node, listing, locks_of_the_dead


def odd(folder: Path) -> None:
    """Fill a folder with what breaks backups."""
    root = os.fsencode(folder)
    for name in (
        b"line\nbreak",
        b"\xff\xfe invalid",
        b" blank ",
        b"-rf",
        b"quote'\"\\",
        "snö.txt".encode(),
        b"tab\there",
    ):
        with open(root + b"/" + name, "wb") as stream:
            stream.write(name)
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "file").write_text("x" * 100_000, encoding="ascii")
    (folder / "empty").mkdir(mode=0o711)
    (folder / "nothing").touch()
    os.link(folder / "deep/er/file", folder / "twin")
    os.symlink("nowhere\n/at all", folder / "link")
    os.mkfifo(folder / "fifo", 0o640)
    os.setxattr(folder / "nothing", "user.note", b"\0\xffbytes")
    os.setxattr(folder / "empty", "user.folder", b"too")
    subprocess.run(["setfacl", "-m", "u:1234:rw", str(folder / "nothing")], check=True)
    os.chown(folder / "deep", 4242, 4343)
    os.chmod(folder / "twin", 0o4751)
    os.utime(folder / "deep", ns=(1, 1_000_000_001))
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(folder)
        server.bind("socket")
        os.chdir(here)


def test_a_second_run_without_a_change_adds_nothing(node: Node) -> None:
    odd(node.volume("a/one"))
    node.volume("b/two").joinpath("file").write_text("two", encoding="ascii")
    first = node.backup()
    assert first.snapshot and not first.failed and first.bytes_added > 0
    before = node.stored()
    second = node.backup()
    assert second.snapshot == "" and second.bytes_added == 0 and node.stored() == before
    assert [one["id"] for one in node.snapshots()] == [first.snapshot]
    assert node.snapshots()[0]["hostname"] == "lab/node-1"


def test_what_is_odd_comes_back_as_it_was(node: Node) -> None:
    folder = node.volume("a/one")
    odd(folder)
    before = listing(folder)
    assert before.pop("socket")
    node.backup()
    for command in (["rm", "-r", str(folder / "deep")], ["setfacl", "-b", str(folder / "nothing")]):
        subprocess.run(command, check=True)
    (folder / "came").write_text("later", encoding="ascii")
    os.utime(folder / "came", (1, 1))
    result = node.restore("a/one", overwrite=True)
    assert result.changed and result.verified and result.files == 10
    assert listing(folder) == before
    assert (folder / "twin").stat().st_ino == (folder / "deep/er/file").stat().st_ino
    assert stat.S_ISFIFO((folder / "fifo").lstat().st_mode)
    assert not list(folder.parent.glob(".homelab*"))


def test_a_sparse_file_stays_one(node: Node) -> None:
    folder = node.volume("a/one")
    size = 1 << 28
    with (folder / "image").open("wb") as stream:
        stream.write(b"begin")
        stream.seek(size // 2)
        stream.write(b"middle")
        stream.truncate(size)
    result = node.backup()
    assert result.volumes["a/one"]["bytes"] == size and result.bytes_added < 10 << 20
    restored = node.restore("a/one", overwrite=True)
    status = (folder / "image").stat()
    assert restored.bytes == size == status.st_size and status.st_blocks * 512 < 10 << 20


def test_a_volume_of_btrfs_is_one_moment(node: Node, disk: Path) -> None:
    plain, own = node.volume("a/plain", disk / "volumes/plain"), disk / "volumes/own"
    subprocess.run(["btrfs", "--quiet", "subvolume", "create", str(own)], check=True)
    node.volume("a/own", own)
    for folder in (plain, own):
        (folder / "file").write_text("1", encoding="ascii")
    os.link(plain / "file", plain / "twin")
    first = node.backup()
    assert {one["method"] for one in first.volumes.values()} == {"btrfs"} and not first.warnings and not first.failed
    assert node.backup().snapshot == "", "the snapshot's other device is no change"
    shown = subprocess.run(["btrfs", "subvolume", "list", str(disk)], check=True, capture_output=True, text=True).stdout
    assert shown.count("path") == 1, "no snapshot is left"
    (own / "file").write_text("2", encoding="ascii")
    node.restore("a/own", overwrite=True)
    assert (own / "file").read_text() == "1" and own.stat().st_ino == 256, "it is still a subvolume"


def test_a_subvolume_inside_a_volume_is_told(node: Node, disk: Path) -> None:
    folder = node.volume("a/one", disk / "one")
    subprocess.run(["btrfs", "--quiet", "subvolume", "create", str(folder / "inner")], check=True)
    result = node.backup()
    assert "a btrfs subvolume lies in it and is not in the snapshot: inner" in result.failed["a/one"]
    assert result.snapshot == ""


def test_one_that_fails_while_restic_waits_is_left_out(node: Node, disk: Path) -> None:
    bad, good = node.volume("a/bad", disk / "bad"), node.volume("a/good", disk / "good")
    subprocess.run(["btrfs", "--quiet", "subvolume", "create", str(bad / "inner")], check=True)
    (good / "file").write_text("1", encoding="ascii")
    os.link(good / "file", good / "twin")
    first = node.backup()
    assert list(first.failed) == ["a/bad"] and first.volumes["a/good"]["files"] == 2
    assert "bad" not in json.dumps(node.snapshots()[0]["paths"]) and locks_of_the_dead(node) == []
    again = node.backup()
    assert again.snapshot == "" and list(again.failed) == ["a/bad"] and len(node.snapshots()) == 1
    assert node.restore("a/good", overwrite=True).verified


def test_what_is_unchanged_is_looked_at_where_it_is(node: Node, disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (node.volume("a/one", disk / "one") / "file").write_text("1", encoding="ascii")
    (node.volume("a/two", hook={"type": "freeze", "labels": {"app": "x"}}) / "file").touch()
    subprocess.run(["btrfs", "--quiet", "subvolume", "create", str(disk / "own")], check=True)
    (node.volume("a/own", disk / "own") / "file").write_text("own", encoding="ascii")
    with writing_pod(node.root / "busy") as cgroup:
        assert node.backup(OnePod(cgroup)).snapshot

    def never(*_arguments: object) -> None:
        raise AssertionError

    for place, name in ((btrfs, "snapshot"), (freezer, "freeze")):
        monkeypatch.setattr(place, name, never)
    second = node.backup()
    assert second.snapshot == "" and not second.failed
    assert {name: (told["files"], told["bytes"], told["changed"]) for name, told in second.volumes.items()} == {
        "a/one": (1, 1, False),
        "a/own": (1, 3, False),
        "a/two": (1, 0, False),
    }
    with pytest.raises(AssertionError):
        (disk / "one/file").write_text("2", encoding="ascii")
        node.backup()


def test_another_dump_of_the_same_files_is_a_change(node: Node) -> None:
    sqlite3 = pytest.importorskip("sqlite3")
    folder = node.volume("a/one", hook={"type": "sqlite", "database": "one.db"})
    for name in ("one", "two"):
        with contextlib.closing(sqlite3.connect(folder / f"{name}.db")) as database:
            database.execute(f"CREATE TABLE {name} (n)")
            database.commit()
    first = node.backup().snapshot
    assert first and node.backup().snapshot == ""
    node.volumes[0]["hook"] = {"type": "sqlite", "database": "two.db"}
    second = node.backup().snapshot
    node.restic("restore", "latest:/a/one/dump", "--target", str(node.root / "out"))
    assert second and b"TABLE two" in (node.root / "out/database.sqlite").read_bytes()
    del node.volumes[0]["hook"]
    third = node.backup().snapshot
    assert third and "/dump" not in node.restic("ls", third, "/a/one").stdout and node.backup().snapshot == ""


def test_a_frozen_pod_does_not_write(node: Node) -> None:
    folder = node.volume("a/one", hook={"type": "freeze", "labels": {"app": "x"}})
    (folder / "large").write_bytes(os.urandom(8 << 20))
    with writing_pod(folder / "busy") as cgroup:
        assert moves(folder / "busy")
        result = node.backup(OnePod(cgroup))
        assert moves(folder / "busy"), "it goes on"
    assert result.volumes["a/one"]["method"] == "freeze" and result.volumes["a/one"]["unsteady"] == []
    assert not result.failed and not result.warnings
    assert node.restore("a/one", overwrite=True).verified


def test_what_changes_while_it_is_read_is_told(node: Node) -> None:
    folder = node.volume("a/one")
    (folder / "still").write_text("still", encoding="ascii")
    with writing_pod(folder / "busy"):
        result = node.backup()
    assert result.volumes["a/one"]["unsteady"] == ["busy"]
    assert any("1 files changed while they were read: busy" in one for one in result.warnings)


def test_a_dump_lies_beside_the_files(node: Node) -> None:
    hook = {"type": "postgres", "labels": {"app": "x"}, "database": "shop"}
    node.volume("a/one", hook=hook).joinpath("base").write_text("0", encoding="ascii")
    pods = OnePod(answers=b"PGDMP")
    node.backup(pods)
    assert pods.commands == [["pg_dump", "--no-password", "--username=postgres", "--format=custom", "shop"]]
    assert node.restic("dump", "latest", "/a/one/dump/database.pgdump").stdout == "PGDMP"
    assert node.backup(pods).snapshot == "", "the same dump once more is no change"


@pytest.mark.parametrize("on_btrfs", [True, False])
def test_sqlite_is_copied_whole(node: Node, disk: Path, on_btrfs: bool) -> None:
    sqlite3 = pytest.importorskip("sqlite3")
    where = disk / "one" if on_btrfs else node.root / "one"
    folder = node.volume("a/one", where, hook={"type": "sqlite", "database": "data.db"})
    live = sqlite3.connect(folder / "data.db")
    live.execute("PRAGMA journal_mode=WAL")
    live.execute("CREATE TABLE t (n)")
    live.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(1000)])
    live.commit()
    result = node.backup()
    assert not result.failed, result.failed
    node.restic("restore", "latest:/a/one/dump", "--target", str(node.root / "out"))
    copy = sqlite3.connect(node.root / "out/database.sqlite")
    assert copy.execute("SELECT count(*) FROM t").fetchone() == (1000,)
    live.close()
    copy.close()


def test_a_volume_that_fails_takes_no_other_along(node: Node) -> None:
    node.metrics = str(node.root / "metrics/homelab.prom")
    node.volume("a/good").joinpath("file").write_text("x", encoding="ascii")
    node.volumes.append({"name": "a/gone", "path": str(node.root / "gone")})
    result = node.backup()
    assert list(result.failed) == ["a/gone"] and list(result.volumes) == ["a/good"] and result.snapshot
    node.restore("a/good")
    text = Path(node.metrics).read_text(encoding="ascii")
    assert 'homelab_backup_failed{volume="a/gone"} 1' in text and 'homelab_backup_failed{volume="a/good"} 0' in text
    assert 'homelab_backup_last_success_timestamp_seconds{volume="a/good"}' in text
    assert 'homelab_backup_last_success_timestamp_seconds{volume="a/gone"}' not in text
    assert 'homelab_backup_last_verified_restore_timestamp_seconds{volume="a/good"}' in text
    assert stat.S_IMODE(Path(node.metrics).stat().st_mode) == 0o644


def test_files_that_are_newer_are_not_lost(node: Node) -> None:
    folder = node.volume("a/one")
    (folder / "file").write_text("old", encoding="ascii")
    node.backup()
    (folder / "file").write_text("new", encoding="ascii")
    with pytest.raises(HostError, match=r"holds files newer than the backup of .*: file\. Set overwrite: true"):
        node.restore("a/one")
    assert (folder / "file").read_text() == "new"
    node.restore("a/one", overwrite=True)
    assert (folder / "file").read_text() == "old"


def test_a_volume_in_use_is_not_restored(node: Node) -> None:
    folder = node.volume("a/one")
    (folder / "file").write_text("x", encoding="ascii")
    node.backup()
    other = node.root / "pod"
    other.mkdir()
    subprocess.run(["mount", "--bind", str(folder), str(other)], check=True)
    try:
        with pytest.raises(HostError, match=r"it is in use: process \d+ has it mounted at .*/pod"):
            node.restore("a/one")
    finally:
        subprocess.run(["umount", str(other)], check=True)


def test_a_volume_is_restored_elsewhere(node: Node) -> None:
    odd(node.volume("a/one"))
    node.backup()
    target = node.root / "elsewhere"
    assert node.restore("a/one", target=str(target)).verified
    assert (target / "deep/er/file").stat().st_size == 100_000


def test_manifests_name_bytes(node: Node) -> None:
    odd(node.volume("a/one"))
    node.backup()
    lines = [json.loads(line) for line in Path(node.places.of("a/one"), "manifest").read_text("ascii").splitlines()]
    names = {line["path"].encode("utf-8", "surrogateescape") for line in lines if "path" in line}
    assert {b"line\nbreak", b"\xff\xfe invalid"} <= names and b"socket" not in names
