# SPDX-License-Identifier: GPL-3.0-or-later
"""Units: started, restarted for a reason, waited for, and put back."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._host.apply import units as apply_units
from ansible_collections.atarnet.homelab.plugins.module_utils._host.commands import RunResult
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError

from tests.unit.host.fake import Host, summary

CONF = {"file": "/etc/a.conf", "content": "1\n"}
UNIT = {"unit": "a.service", "content": "[Service]\n", "state": "started", "restart_on": ["file:/etc/a.conf"]}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply_units, "_SETTLE", 0)


CHANGES: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], list[str]]] = {
    "config changes": ({**CONF, "content": "2\n"}, UNIT, ["update file:/etc/a.conf", "restart unit:a.service"]),
    "unit file changes": (
        CONF,
        {**UNIT, "content": "[Service]\nType=simple\n"},
        ["update file:/etc/systemd/system/a.service", "restart unit:a.service"],
    ),
    "by pattern": (
        {**CONF, "content": "2\n"},
        {**UNIT, "restart_on": ["file:/etc/*.conf"]},
        ["update file:/etc/a.conf", "restart unit:a.service"],
    ),
    "without state": (
        {**CONF, "content": "2\n"},
        {**UNIT, "state": None},
        ["update file:/etc/a.conf", "restart unit:a.service"],
    ),
    "to be stopped": (
        {**CONF, "content": "2\n"},
        {**UNIT, "state": "stopped"},
        ["update file:/etc/a.conf", "stop unit:a.service"],
    ),
    "nothing changes": (CONF, UNIT, []),
}


@pytest.mark.parametrize(("conf", "unit", "wanted"), CHANGES.values(), ids=CHANGES)
def test_running_unit(host: Host, conf: dict[str, t.Any], unit: dict[str, t.Any], wanted: list[str]) -> None:
    host.run(CONF, UNIT)
    host.commands.log.clear()
    assert summary(host.run(conf, unit)) == wanted
    assert summary(host.run(conf, unit)) == []
    reloads = host.commands.ran("systemctl", "daemon-reload")
    assert len(reloads) == ("update file:/etc/systemd/system/a.service" in wanted)


def test_trigger_that_leaves_restarts_too(host: Host) -> None:
    more = {"file": "/etc/b.conf", "content": ""}
    unit = {**UNIT, "restart_on": ["file:/etc/*.conf"]}
    host.run(CONF, more, unit)
    assert summary(host.run(CONF, unit)) == ["remove file:/etc/b.conf", "restart unit:a.service"]


def test_stopped_unit_with_new_config_is_started_with_it(host: Host) -> None:
    host.run(CONF, UNIT)
    host.commands.units["a.service"]["ActiveState"] = "inactive"
    assert summary(host.run({**CONF, "content": "2\n"}, UNIT))[-1] == "start unit:a.service"
    assert host.commands.ran("systemctl", "restart")


def test_unit_that_its_package_starts_too_early_is_restarted(host: Host) -> None:
    host.commands.available, host.commands.provides = {"aa": "1"}, {"aa": "a.service"}
    unit = {"unit": "a.service", "state": "started", "restart_on": ["file:/etc/a.conf"]}
    assert summary(host.run({"package": "aa"}, CONF, unit))[-1] == "start unit:a.service"
    assert host.commands.ran("systemctl", "restart") and not host.commands.ran("systemctl", "start")


def test_failure_tells_the_end_of_the_journal_and_is_tried_again(host: Host) -> None:
    host.commands.crashing.add("a.service")
    with pytest.raises(HostError) as caught:
        host.run(CONF, UNIT)
    for word in ("Cannot start unit:a.service", "it is failed", "the last words", "systemctl status a.service"):
        assert word in str(caught.value)
    host.commands.crashing.clear()
    assert summary(host.run(CONF, UNIT)) == ["start unit:a.service"]


def test_foreign_unit_stays_up_and_is_restarted_when_its_config_comes_back(host: Host) -> None:
    host.commands.units["a.service"] = {"ActiveState": "active", "UnitFileState": "enabled"}
    host.write("/etc/a.conf", "theirs\n")
    host.run(CONF, {"unit": "a.service", "state": "started", "restart_on": ["file:/etc/a.conf"]})
    assert summary(host.run()) == ["restore file:/etc/a.conf", "restart unit:a.service"]
    assert host.read("/etc/a.conf") == "theirs\n"


def test_foreign_unit_that_we_stopped_comes_back(host: Host) -> None:
    host.commands.units["a.service"] = {"ActiveState": "active", "UnitFileState": "enabled"}
    raw = {"unit": "a.service", "state": "stopped", "enabled": False}
    assert summary(host.run(raw)) == ["disable unit:a.service", "stop unit:a.service"]
    assert summary(host.run()) == ["start unit:a.service", "enable unit:a.service"]


def test_oneshot_that_ran_is_not_run_again(host: Host) -> None:
    done = {"ActiveState": "inactive", "UnitFileState": "static", "Type": "oneshot"}
    host.commands.units["a.service"] = {**done, "InactiveEnterTimestampMonotonic": "5", "Result": "success"}
    assert summary(host.run({"unit": "a.service", "state": "started"})) == []


def test_masked_is_refused(host: Host) -> None:
    host.commands.units["a.service"] = {"ActiveState": "inactive", "UnitFileState": "masked"}
    with pytest.raises(HostError, match=r"it is masked.*systemctl unmask a\.service"):
        host.run({"unit": "a.service", "state": "started"})


def test_definition_changed_on_disk_is_loaded(host: Host) -> None:
    host.commands.units["a.service"] = {"ActiveState": "active", "UnitFileState": "enabled", "NeedDaemonReload": "yes"}
    assert summary(host.run({"unit": "a.service", "state": "started"})) == ["daemon-reload unit:a.service"]
    assert len(host.commands.ran("systemctl", "daemon-reload")) == 1


def test_unit_that_dies_again_and_again_is_not_running_and_can_be_stopped(host: Host) -> None:
    raw = {"unit": "a.service", "content": "[Service]\n", "enabled": True}
    host.run(raw)
    host.commands.units["a.service"].update(ActiveState="activating", SubState="auto-restart")
    assert summary(host.run(raw)) == []
    plan = host.run({**raw, "state": "started"}, check=True)
    assert (summary(plan), plan.changes[0].before) == (["start unit:a.service"], "failing again and again")
    assert summary(host.run(check=True))[0] == "stop unit:a.service"


RELOADED = {**UNIT, "restart_on": [], "reload_on": ["file:/etc/a.conf"]}


def test_what_a_unit_can_take_up_is_reloaded(host: Host) -> None:
    host.run(CONF, RELOADED)
    host.commands.log.clear()
    assert summary(host.run({**CONF, "content": "2\n"}, RELOADED)) == [
        "update file:/etc/a.conf",
        "reload unit:a.service",
    ]
    assert host.commands.ran("systemctl", "reload") and not host.commands.ran("systemctl", "restart")
    assert summary(host.run({**CONF, "content": "2\n"}, RELOADED)) == []


def test_a_restart_is_more_than_a_reload(host: Host) -> None:
    other = {"file": "/etc/b.conf", "content": "1\n"}
    unit = {**RELOADED, "restart_on": ["file:/etc/b.conf"]}
    host.run(CONF, other, unit)
    changed = host.run({**CONF, "content": "2\n"}, {**other, "content": "2\n"}, unit)
    assert summary(changed)[-1] == "restart unit:a.service"


def test_a_reload_that_fails_is_told_and_made_good_by_a_restart(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.run(CONF, RELOADED)
    ask = type(host.commands)._systemctl
    refused = RunResult(1, "", "Job failed.")
    with monkeypatch.context() as patched:
        patched.setattr(
            type(host.commands), "_systemctl", lambda own, words: refused if words[0] == "reload" else ask(own, words)
        )
        with pytest.raises(HostError, match=r"Cannot reload unit:a\.service: it goes on as before"):
            host.run({**CONF, "content": "2\n"}, RELOADED)
    assert summary(host.run({**CONF, "content": "2\n"}, RELOADED)) == ["restart unit:a.service"]


RESOLVED = 'udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:* users:(("systemd-resolve",pid=41,fd=14))\n'
DNSMASQ = 'tcp LISTEN 0 32 0.0.0.0:53 0.0.0.0:* users:(("dnsmasq",pid=812,fd=5))\n'


@pytest.mark.parametrize(
    ("sockets", "told"),
    [
        (RESOLVED, ""),
        (DNSMASQ, r"dnsmasq \(process 812\) listens on 0\.0\.0\.0:53 \(tcp\) already"),
        (RESOLVED.replace("127.0.0.53%lo", "192.0.2.1"), r"systemd-resolve \(process 41\) listens on 192\.0\.2\.1:53"),
        ("udp UNCONN 0 0 [::]:53 [::]:*\n", r"another program listens on \[::\]:53"),
        (DNSMASQ.replace(":53 ", ":5353 "), ""),
    ],
)
def test_a_place_that_is_taken_is_refused_before_anything_changes(host: Host, sockets: str, told: str) -> None:
    host.commands.sockets = sockets
    unit = {**UNIT, "listens": ["192.0.2.1:53"]}
    if not told:
        assert summary(host.run(CONF, unit))[-1] == "start unit:a.service"
        return
    with pytest.raises(HostError, match=told):
        host.run(CONF, unit)
    assert not host.exists("/etc/a.conf")
    host.commands.sockets = ""
    host.run(CONF, unit)
    host.commands.sockets = sockets
    assert summary(host.run(CONF, unit)) == []
