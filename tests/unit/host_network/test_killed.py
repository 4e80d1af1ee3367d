# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that ends at any moment leaves a host that goes back by itself, and that the next run completes."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import RunResult
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.revert import PENDING, STATE

from tests.unit.host.fake import Killed, RootedSystem
from tests.unit.host_network.fake import NetworkCommands, NetworkHost

A, B = "accept a\n", "accept b\n"
_CHANGING = {"systemctl": ("stop", "enable", "disable", "daemon-reload"), "systemd-run": ("--quiet",), "nft": ("-f",)}


class KilledSystem(RootedSystem):
    """Ends the process before, or right after, the n-th step that changes something."""

    def __init__(self, root: str, commands: NetworkCommands, kill_at: int, after: bool) -> None:
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
        if argv[1].startswith(_CHANGING.get(argv[0], ("never",))) or argv[-1].startswith("table inet"):
            return t.cast("RunResult", self._step(lambda: super(KilledSystem, self).run(*argv, data=data)))
        return super().run(*argv, data=data)

    def write(self, *args: t.Any) -> str:
        return t.cast("str", self._step(lambda: super(KilledSystem, self).write(*args)))

    def make_directory(self, *args: t.Any) -> None:
        self._step(lambda: super(KilledSystem, self).make_directory(*args))

    def remove(self, *args: t.Any) -> None:
        self._step(lambda: super(KilledSystem, self).remove(*args))


def _killed(host: NetworkHost, work: t.Callable[[], t.Any], kill_at: int, after: bool) -> bool:
    """Work until the n-th step; returns whether there was one."""
    sound = host.system
    host.system = KilledSystem(str(host.root), host.commands, kill_at, after)
    try:
        work()
    except Killed:
        return True
    finally:
        host.system = sound
    return False


PHASES = {"first": ("", A), "change": (A, B), "removal": (A, "")}
ENDS: dict[str, t.Callable[[NetworkHost], None]] = {
    "nothing": lambda host: None,
    "timer": lambda host: host.fire() if host.commands.timer else None,
    "reboot": lambda host: host.reboot(),
}


def _fresh(root: Path, earlier: str) -> NetworkHost:
    host = NetworkHost(root)
    if earlier:
        host.change(earlier, token="earlier")
    return host


def _rules(ruleset: str) -> list[str] | None:
    return ruleset.split("\n")[:-1] or None


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("earlier", "wanted"), PHASES.values(), ids=PHASES)
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_every_moment(
    tmp_path: Path, earlier: str, wanted: str, after: bool, end: t.Callable[[NetworkHost], None]
) -> None:
    kills = 0
    while True:
        host = _fresh(tmp_path / str(kills), earlier)
        if not _killed(host, lambda host=host: host.plan(wanted, check=False), kills + 1, after):
            break
        kills += 1
        if wanted and not host.commands.timer:
            assert host.rules == _rules(earlier), f"nothing reverts what was in force at step {kills}"
        end(host)
        if end is not ENDS["nothing"] and wanted:
            assert host.rules == _rules(earlier), f"killed at step {kills}"
        host.change(wanted, token="next")
        assert host.rules == _rules(wanted) and host.change(wanted) == [], f"killed at step {kills}"
        host.change("")
        assert host.rules is None and not host.exists(STATE), f"removed after step {kills}"
    assert kills > 5


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_every_moment_of_a_confirmation(tmp_path: Path, after: bool, end: t.Callable[[NetworkHost], None]) -> None:
    kills = 0
    while True:
        host = _fresh(tmp_path / str(kills), A)
        host.plan(B, check=False)
        if not _killed(host, lambda host=host: host.confirm(), kills + 1, after):
            break
        kills += 1
        end(host)
        assert host.rules in (_rules(A), _rules(B))
        if end is ENDS["nothing"]:
            assert host.confirm() == "confirmed" and host.rules == _rules(B)
        else:
            assert not host.exists(PENDING)
        host.change(B, token="next")
        assert host.rules == _rules(B) and host.change(B) == []
    assert kills >= 5
