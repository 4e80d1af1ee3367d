# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to the host: replacing files in one step, full disks, locks, the ledger."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import RunResult, module_runner
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError
from ansible_collections.atarnet.homelab.plugins.module_utils._host.ledger import LEDGER, Ledger, LedgerStore
from ansible_collections.atarnet.homelab.plugins.module_utils._host.lock import host_lock
from ansible_collections.atarnet.homelab.plugins.module_utils._host.system import System

from tests.unit.host.fake import Host

CAUSES = {
    "full disk": (errno.ENOSPC, ["No space left on device (ENOSPC)", "Free space"]),
    "read-only": (errno.EROFS, ["Read-only file system (EROFS)", "Mount that file system read-write"]),
    "no right": (errno.EACCES, ["Permission denied (EACCES)", "become: true"]),
    "quota": (errno.EDQUOT, ["(EDQUOT)", "Raise the quota"]),
}


@pytest.mark.parametrize(("code", "words"), CAUSES.values(), ids=CAUSES)
def test_failing_write_leaves_the_old_file_and_nothing_else(host: Host, code: int, words: list[str]) -> None:
    host.write("/etc/x", "old")

    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise OSError(code, os.strerror(code))

    with pytest.raises(HostError) as caught:
        host.system.write("/etc/x", pieces(), 0o644, os.getuid(), os.getgid())
    assert [word for word in ["Cannot write /etc/x", *words] if word not in str(caught.value)] == []
    assert host.read("/etc/x") == "old"
    assert sorted(os.listdir(host.root / "etc")) == [
        "fstab",
        "group",
        "modules-load.d",
        "passwd",
        "sysctl.d",
        "systemd",
        "x",
    ]


def test_old_content_is_there_until_the_new_is_complete(host: Host) -> None:
    host.write("/etc/x", "old")
    seen = []

    def pieces() -> Iterator[bytes]:
        yield b"new"
        seen.append(host.read("/etc/x"))

    host.system.write("/etc/x", pieces(), 0o640, os.getuid(), os.getgid())
    assert (seen, host.read("/etc/x")) == (["old"], "new")
    assert stat.S_IMODE((host.root / "etc/x").stat().st_mode) == 0o640


def test_left_over_of_a_killed_run_is_replaced_and_never_followed(host: Host) -> None:
    victim = host.write("/etc/victim", "safe")
    (host.root / "etc/.x.atarnet-new").symlink_to(victim)
    host.system.write("/etc/x", [b"new"], 0o644, os.getuid(), os.getgid())
    assert (host.read("/etc/victim"), host.read("/etc/x")) == ("safe", "new")


def test_file_that_is_a_mount_point_is_overwritten(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.write("/etc/hosts", "old")

    def busy(*_args: t.Any) -> None:
        raise OSError(errno.EBUSY, "busy")

    monkeypatch.setattr(os, "rename", busy)
    host.system.write("/etc/hosts", [b"new"], 0o644, os.getuid(), os.getgid())
    assert host.read("/etc/hosts") == "new"
    assert not host.exists("/etc/.hosts.atarnet-new")


def run(argv: t.Sequence[str]) -> RunResult:
    """Run as a module does, without a module."""

    def run_command(args: list[str], environ_update: dict[str, str], **_more: t.Any) -> tuple[int, str, str]:
        done = subprocess.run(args, env=environ_update, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    return module_runner(run_command)(argv)


def test_failing_command_tells_what_it_said() -> None:
    with pytest.raises(HostError, match=r"Cannot try: `sh -c echo oops >&2; exit 3` ended with 3: oops\. Fix it\."):
        System("/", run).demand("Cannot try", "Fix it", "sh", "-c", "echo oops >&2; exit 3")
    assert run(["/no/such/program"]).rc == 127


def test_lock_names_its_holder_and_is_free_when_the_holder_dies(tmp_path: Path) -> None:
    path = str(tmp_path / "lock" / "homelab.lock")
    script = (
        "import sys, time\n"
        f"sys.path[:0] = {sys.path!r}\n"
        f"from {host_lock.__module__} import host_lock\n"
        f"with host_lock(path={path!r}, command='some module'):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    loader = "import tests.conftest\n" + script
    with subprocess.Popen([sys.executable, "-c", loader], stdout=subprocess.PIPE, env=environment) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(HostError) as caught, host_lock(timeout=0.2, path=path):
            pytest.fail("two holders")
        assert f"process {holder.pid} (some module) has held it" in str(caught.value)
        holder.kill()
    with host_lock(timeout=1, path=path):
        pass


def test_ledger_is_private_and_round_trips(host: Host) -> None:
    store = LedgerStore(host.system)
    ledger = store.load()
    ledger.record("me", "file:/a", {"how": "created"})
    ledger.record("me", "file:/b", {"how": "adopted"})
    ledger.owe_restarts("me", {"b.service", "a.service"})
    store.save(ledger)
    again = LedgerStore(host.system).load()
    assert list(again.entries("me")) == ["file:/a", "file:/b"]
    assert again.restarts("me") == ["a.service", "b.service"]
    assert again.other_owner("you", "file:/a") == "me" and again.other_owner("me", "file:/a") is None
    assert stat.S_IMODE((host.root / LEDGER.lstrip("/")).stat().st_mode) == 0o600
    assert stat.S_IMODE((host.root / LEDGER.lstrip("/")).parent.stat().st_mode) == 0o700


def test_owner_without_anything_is_forgotten() -> None:
    ledger = Ledger()
    ledger.record("me", "file:/a", {})
    ledger.owe_restarts("me", ["a.service"])
    ledger.forget("me", "file:/a")
    assert ledger.owners == ["me"]
    ledger.owe_restarts("me", [])
    assert ledger.owners == []


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 2, "owners": {}}', "{}"])
def test_damaged_ledger_is_refused(host: Host, text: str) -> None:
    host.write(LEDGER, text)
    with pytest.raises(HostError, match=r"Cannot read the ledger /var/lib/.*damaged or of another release.*backup"):
        LedgerStore(host.system).load()
