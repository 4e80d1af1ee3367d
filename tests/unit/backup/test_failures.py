# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong is told with its cause: repository, password, locks, target, damage."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup import backup
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError

from tests.unit.backup.node import Node

# Opens the repository, and holds it as prune does until it is killed.
_HOLDING = ("check", "--read-data", "--limit-download", "1")


@pytest.fixture
def filled(node: Node) -> Node:
    """A node with a volume, backed up once."""
    (node.volume("a/one") / "file").write_bytes(os.urandom(1 << 20))
    node.backup()
    (Path(node.volumes[0]["path"]) / "more").write_text("more", encoding="ascii")
    return node


def failing(node: Node) -> str:
    """Back up, which fails; returns why."""
    with pytest.raises(HostError) as caught:
        node.backup()
    return str(caught.value)


def test_no_repository(node: Node) -> None:
    node.volume("a/one")
    node.url = str(node.root / "elsewhere")
    assert "there is no repository at" in failing(node) and not Path(node.url).exists()


def test_a_wrong_password(filled: Node) -> None:
    filled.password.write_text("wrong", encoding="ascii")
    assert "opens none of its keys. Put the password of this repository into" in failing(filled)


def test_a_password_that_others_can_read(filled: Node) -> None:
    filled.password.chmod(0o640)
    assert "its mode is 0640: others than its owner may read it. Run `chmod 0600" in failing(filled)


def test_no_secret_is_seen(filled: Node) -> None:
    secrets = filled.root / "environment"
    secrets.write_text("AWS_SECRET_ACCESS_KEY='hush-hush'\n", encoding="ascii")
    secrets.chmod(0o600)
    seen = filled.root / "seen"
    program = filled.root / "bin" / "restic"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$*" >>{seen}\necho "Fatal: refused $AWS_SECRET_ACCESS_KEY" >&2\nexit 1\n',
        encoding="ascii",
    )
    program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(program.parent), prepend=":")
        with pytest.raises(HostError) as caught:
            _backup(filled, secrets)
    assert "Fatal: refused ***" in str(caught.value)
    assert "hush" not in seen.read_text(encoding="ascii") and "correct horse" not in seen.read_text(encoding="ascii")


def _backup(node: Node, secrets: Path) -> None:
    from ansible_collections.atarnet.homelab.plugins.module_utils._backup import backup

    repository = {"url": node.url, "password_file": str(node.password), "environment_file": str(secrets)}
    backup.run(node.wanted(repository=repository), node.places)


def _lock(node: Node) -> subprocess.Popen[bytes]:
    """Have a process hold the repository exclusively."""
    environment = {**os.environ, "RESTIC_REPOSITORY": node.url, "RESTIC_PASSWORD_FILE": str(node.password)}
    process = subprocess.Popen(["restic", "--no-cache", *_HOLDING], env=environment, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while not list(Path(node.url, "locks").iterdir()):
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.02)
    time.sleep(0.3)
    return process


def test_a_lock_of_somebody_alive_names_its_holder(filled: Node) -> None:
    process = _lock(filled)
    try:
        told = failing(filled)
    finally:
        process.kill()
        process.wait()
    here = socket.gethostname()
    assert f"the repository is locked by process {process.pid} on {here} (exclusively since 20" in told
    assert "which is alive" in told


def test_a_lock_of_the_dead_is_taken_away(filled: Node) -> None:
    process = _lock(filled)
    process.kill()
    process.wait()
    assert list(Path(filled.url, "locks").iterdir())
    assert filled.backup().snapshot
    assert not list(Path(filled.url, "locks").iterdir())


def test_who_has_patience_waits_for_a_lock(filled: Node) -> None:
    process = _lock(filled)

    def release() -> None:
        process.kill()
        process.wait()
        filled.restic("unlock")

    ending = threading.Timer(2, release)
    ending.start()
    try:
        began = time.monotonic()
        assert backup.run(filled.wanted(), filled.places, patience="1m").snapshot
        assert time.monotonic() - began > 2
    finally:
        ending.join()


def test_an_unreachable_target(filled: Node) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    began = time.monotonic()
    filled.url = f"rest:http://127.0.0.1:{port}/"
    assert f"the target cannot be reached: 127.0.0.1 port {port}: Connection refused" in failing(filled)
    assert time.monotonic() - began < 5


def test_a_full_target_keeps_what_it_has(node: Node, small: Path) -> None:
    subprocess.run(["cp", "-r", node.url, str(small / "repository")], check=True)
    node.url = str(small / "repository")
    folder = node.volume("a/one")
    (folder / "file").write_text("small", encoding="ascii")
    first = node.backup().snapshot
    (folder / "large").write_bytes(os.urandom(16 << 20))
    node.metrics = str(node.root / "homelab.prom")
    assert "the target is full" in failing(node)
    assert 'homelab_backup_failed{volume="a/one"} 1' in Path(node.metrics).read_text(encoding="ascii")
    assert [one["id"] for one in node.snapshots()] == [first]
    (folder / "large").unlink()
    for path in Path(node.url, "data").rglob("*-tmp-*"):
        path.unlink()
    assert not node.backup().failed


def test_a_flipped_bit_is_found(filled: Node) -> None:
    packs = [path for path in Path(filled.url, "data").rglob("*") if path.is_file()]
    pack = max(packs, key=lambda path: path.stat().st_size)
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 0x10
    pack.chmod(0o600)
    pack.write_bytes(content)
    before = (Path(filled.volumes[0]["path"]) / "file").read_bytes()
    with pytest.raises(HostError, match="the repository is damaged"):
        filled.restore("a/one", overwrite=True)
    assert (Path(filled.volumes[0]["path"]) / "file").read_bytes() == before
    assert filled.restic("check", "--read-data").returncode == 1


def test_restored_bytes_are_compared_with_what_was_backed_up(filled: Node) -> None:
    """Restic's word alone is not taken: here it restores something else, and says that all is well."""
    program = filled.root / "bin" / "restic"
    program.parent.mkdir()
    real = subprocess.run(["which", "restic"], check=True, capture_output=True, text=True).stdout.strip()
    program.write_text(
        f"#!{sys.executable}\nimport os, pathlib, subprocess, sys\n"
        f"code = subprocess.call([{real!r}, *sys.argv[1:]])\n"
        "target = [word[9:] for word in sys.argv if word.startswith('--target=')]\n"
        "for path in pathlib.Path(target[0]).rglob('file') if target else []:\n"
        "    times = path.stat()\n"
        "    with open(path, 'r+b') as stream:\n"
        "        stream.write(b'X')\n"
        "    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))\n"
        "sys.exit(code)\n",
        encoding="ascii",
    )
    program.chmod(0o755)
    before = (Path(filled.volumes[0]["path"]) / "file").read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(program.parent), prepend=":")
        with pytest.raises(HostError, match="not what was backed up: file: its content differs"):
            filled.restore("a/one", overwrite=True)
    assert (Path(filled.volumes[0]["path"]) / "file").read_bytes() == before


def test_no_snapshot_of_the_volume(filled: Node) -> None:
    with pytest.raises(HostError, match="no snapshot of lab lab has this volume"):
        filled.restore("a/other", target=str(filled.root / "x"))


def test_a_file_that_cannot_be_read_is_told(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Restic's exit code 3: the snapshot is there, and the volume counts as failed."""
    (node.volume("a/one") / "file").write_text("x", encoding="ascii")
    program = node.root / "bin" / "restic"
    program.parent.mkdir()
    real = subprocess.run(["which", "restic"], check=True, capture_output=True, text=True).stdout.strip()
    error = {"message_type": "error", "error": {"message": "input/output error"}, "item": "/a/one/files/file"}
    program.write_text(
        f'#!/bin/sh\n{real} "$@" || exit\ncase "$*" in *backup*) echo \'{json.dumps(error)}\' >&2; exit 3;; esac\n',
        encoding="ascii",
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    result = node.backup()
    assert result.snapshot and result.failed == {
        "a/one": "the snapshot lacks a part of it: input/output error. Look at that file."
    }
