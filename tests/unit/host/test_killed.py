# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that ends at any moment is completed by the next one, and nothing about the time before us is lost."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._host.apply import units as apply_units
from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import RunResult

from tests.unit.host.fake import Commands, Host, Killed, RootedSystem, summary

UNIT: dict[str, t.Any] = {
    "unit": "u.service",
    "content": "[Service]\n",
    "state": "started",
    "enabled": True,
    "restart_on": ["file:/etc/a/*"],
}
FIRST: list[dict[str, t.Any]] = [
    {"package": "nft"},
    {"directory": "/etc/a/b"},
    {"file": "/etc/a/b/one", "content": "1\n"},
    {"file": "/etc/theirs", "content": "ours\n"},
    {"link": "/etc/l", "target": "a"},
    {"sysctl": "net.ipv4.ip_forward", "value": 1},
    UNIT,
]
SECOND: list[dict[str, t.Any]] = [
    {"directory": "/etc/a/b"},
    {"file": "/etc/a/b/one", "content": "2\n"},
    {"file": "/etc/theirs", "content": "ours, changed\n"},
    {"file": "/etc/late", "content": "\n"},
    UNIT,
]
_CHANGING = {"start", "restart", "reload", "stop", "enable", "disable", "daemon-reload", "install", "purge"}


class KilledSystem(RootedSystem):
    """Ends the process before, or right after, the n-th step that changes something."""

    def __init__(self, root: str, commands: Commands, kill_at: int, after: bool) -> None:
        super().__init__(root, commands)
        self._left, self._after = kill_at, after

    def _step(self, work: t.Callable[[], t.Any]) -> t.Any:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Killed
        result = work()
        if self._left == 0:
            raise Killed
        return result

    def run(self, *argv: str, data: str | None = None) -> RunResult:
        if not _CHANGING & set(argv) or "-s" in argv:
            return super().run(*argv, data=data)
        return t.cast("RunResult", self._step(lambda: super(KilledSystem, self).run(*argv, data=data)))

    def write(self, *args: t.Any) -> str:
        return t.cast("str", self._step(lambda: super(KilledSystem, self).write(*args)))

    def write_value(self, *args: t.Any) -> None:
        self._step(lambda: super(KilledSystem, self).write_value(*args))

    def make_directory(self, *args: t.Any) -> None:
        self._step(lambda: super(KilledSystem, self).make_directory(*args))

    def make_link(self, *args: t.Any) -> None:
        self._step(lambda: super(KilledSystem, self).make_link(*args))

    def remove(self, *args: t.Any) -> None:
        self._step(lambda: super(KilledSystem, self).remove(*args))


def _fresh(root: Path) -> Host:
    host = Host(root)
    host.commands.available = {"nft": "1"}
    host.write("/etc/theirs", "theirs\n")
    return host


def _killed(host: Host, raws: list[dict[str, t.Any]], kill_at: int, after: bool) -> bool:
    """Run until the n-th step; returns whether there was one."""
    sound = host.system
    host.system = KilledSystem(str(host.root), host.commands, kill_at, after)
    try:
        host.run(*raws)
    except Killed:
        return True
    finally:
        host.system = sound
    return False


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply_units, "_SETTLE", 0)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_every_moment_of_a_first_run_a_change_and_a_removal(tmp_path: Path, after: bool) -> None:
    for phase, (earlier, raws) in enumerate([([], FIRST), (FIRST, SECOND), (FIRST, [])]):
        sound = _fresh(tmp_path / f"sound{phase}")
        host_before = sound.snapshot()
        for step in ([earlier] if earlier else []) + [raws]:
            sound.run(*step)
        wanted = sound.snapshot()
        kills = 0
        while True:
            host = _fresh(tmp_path / f"killed{phase}-{kills}")
            if earlier:
                host.run(*earlier)
            if not _killed(host, raws, kills + 1, after):
                break
            kills += 1
            host.run(*raws)
            assert host.snapshot() == wanted, f"killed at step {kills} of phase {phase}"
            assert summary(host.run(*raws)) == []
            host.run(forget=True)
            assert host.snapshot() == host_before, f"undone after step {kills} of phase {phase}"
            assert not host.exists("/var/lib/atarnet-homelab")
        assert kills > 5


@pytest.mark.parametrize("kill_at", range(1, 12))
def test_a_restart_is_never_forgotten(tmp_path: Path, kill_at: int) -> None:
    host = _fresh(tmp_path / "host")
    host.run(*FIRST)
    host.commands.log.clear()
    changed = [*FIRST[:2], {"file": "/etc/a/b/one", "content": "2\n"}, *FIRST[3:]]
    killed = _killed(host, changed, kill_at, after=True)
    written = host.read("/etc/a/b/one") == "2\n"
    plan = host.run(*changed)
    assert written or killed
    assert host.commands.ran("systemctl", "restart", "--", "u.service")
    if killed and written and plan.changes:
        assert summary(plan) == ["restart unit:u.service"]
        assert "owed since an interrupted run" in plan.changes[0].before
    assert summary(host.run(*changed)) == []
