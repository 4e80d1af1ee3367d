# SPDX-License-Identifier: GPL-3.0-or-later
"""One look says of every owner whether its own visit would find nothing to do."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._host import wishes
from ansible_collections.atarnet.homelab.plugins.module_utils._host.ledger import LEDGER, WISHES
from ansible_collections.atarnet.homelab.plugins.module_utils._host.model import name_of
from ansible_collections.atarnet.homelab.plugins.module_utils._host.payload import build

from tests.unit.host.fake import Host, render, summary
from tests.unit.host.test_reconcile import CONF, FRESH

Raws = list[dict[str, t.Any]]

MUCH: Raws = [
    {"package": "nft"},
    {"kernel_module": "br_netfilter"},
    {"sysctl": "net.ipv4.ip_forward", "value": 1},
    {"directory": "/etc/d", "mode": "0750"},
    {**CONF, "mode": "0600", "secret": True},
    {"link": "/etc/l", "target": "x.conf"},
    {"group": "etcd"},
    {
        "unit": "a.service",
        "content": "[Service]\n",
        "state": "started",
        "enabled": True,
        "restart_on": ["file:/etc/x.*"],
    },
]


def _resources(raws: Raws) -> Raws:
    return build(raws, render).resources


def _make(host: Host, raws: Raws, owner: str = "node") -> str:
    host.run(*raws, owner=owner)
    wishes.keep(host.system, owner, _resources(raws))
    return name_of(_resources(raws))


def _owe_restart(host: Host) -> None:
    ledger = json.loads(host.read(LEDGER))
    ledger["owners"]["node"]["restarts"] = ["a.service"]
    host.write(LEDGER, json.dumps(ledger))


DISTURBANCES: dict[str, t.Callable[[Host], object]] = {
    "nothing": lambda host: None,
    "something of others": lambda host: host.write("/etc/other", "x"),
    "a package": lambda host: host.commands.packages.pop("nft"),
    "a setting": lambda host: host.write("/proc/sys/net/ipv4/ip_forward", "0"),
    "its file for boot": lambda host: host.write("/etc/sysctl.d/90-atarnet-homelab-node.conf", ""),
    "a text": lambda host: host.write("/etc/x.conf", "old\n"),
    "a mode": lambda host: (host.root / "etc/x.conf").chmod(0o644),
    "a folder's mode": lambda host: (host.root / "etc/d").chmod(0o700),
    "a link": lambda host: (host.root / "etc/l").unlink(),
    "a group": lambda host: host.write("/etc/group", "root:x:0:\n"),
    "a unit stopped": lambda host: host.commands.units["a.service"].update(ActiveState="inactive"),
    "a unit disabled": lambda host: host.commands.units["a.service"].update(UnitFileState="disabled"),
    "a unit's file": lambda host: host.write("/etc/systemd/system/a.service", "[Unit]\n"),
    "a unit's file, gone": lambda host: (host.root / "etc/systemd/system/a.service").unlink(),
    "a restart that is owed": _owe_restart,
}


@pytest.mark.parametrize("disturb", DISTURBANCES.values(), ids=DISTURBANCES)
def test_in_sync_is_what_a_visit_would_find(host: Host, disturb: t.Callable[[Host], object]) -> None:
    host.commands.available = {"nft": "1.1"}
    name = _make(host, MUCH)
    disturb(host)
    before = host.snapshot()
    quiet = summary(host.run(*MUCH, check=True)) == []
    assert wishes.in_sync(host.system) == {"node": name if quiet else ""}
    assert host.snapshot() == before
    assert quiet == (disturb in (DISTURBANCES["nothing"], DISTURBANCES["something of others"]))


@pytest.mark.parametrize("raws", [raws for raws, _wanted in FRESH.values() if raws[0].get("when", True)])
def test_everything_that_was_made_is_in_sync(host: Host, raws: Raws) -> None:
    host.commands.available = {"nft": "1.1", "socat": "1.8"}
    host.commands.provides = {"nft": "nft.service"}
    assert wishes.in_sync(host.system) == {}
    assert wishes.in_sync(host.system) == {} != {"node": _make(host, raws)} == wishes.in_sync(host.system)


def test_owners_are_told_apart(host: Host) -> None:
    host.commands.available = {"nft": "1.1"}
    names = {
        "node": _make(host, [CONF, {"package": "nft"}]),
        "dns": _make(host, [{"package": "nft"}, {**CONF, "file": "/etc/y"}], "dns"),
    }
    assert wishes.in_sync(host.system) == names
    host.write("/etc/y", "old\n")
    assert wishes.in_sync(host.system) == {**names, "dns": ""}


def test_what_leaves_is_not_in_sync(host: Host) -> None:
    _make(host, [CONF, {"directory": "/etc/d"}])
    wishes.keep(host.system, "node", _resources([CONF]))
    assert wishes.in_sync(host.system) == {"node": ""}


@pytest.mark.parametrize("text", ["", "{", "{}", "null", '[{"future": "x"}]', "[1]"])
def test_a_wish_that_is_not_understood_is_visited(host: Host, text: str) -> None:
    _make(host, [CONF])
    host.write(f"{WISHES}/node.json", text)
    assert wishes.in_sync(host.system) == {"node": ""}


def test_a_wish_is_kept_once_privately_and_dropped_with_its_owner(host: Host) -> None:
    _make(host, [CONF])
    file = host.root / WISHES.lstrip("/") / "node.json"
    assert file.stat().st_mode & 0o777 == 0o600 and "new" not in file.read_text(), "contents are not kept"
    before = file.stat().st_ino
    _make(host, [CONF])
    assert file.stat().st_ino == before
    _make(host, [])
    assert not host.exists(WISHES)
