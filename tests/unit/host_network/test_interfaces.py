# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of interfaces is entered after the answer, confirmed when all is there, and otherwise taken back."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network import apply, revert
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.interfaces import Interfaces
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.links import parse_links
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.model import PROGRAM
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.networkd import PREFIX, SETTINGS
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.revert import PENDING, STATE

from tests.unit.host.fake import Killed
from tests.unit.host_network.fake import Json, NetworkHost, summary, wish

RULES = "accept a\n"
UNIT = "unit:systemd-networkd.service"
INTERFACES = """\
# The primary network interface
auto lo eth0
iface lo inet loopback

iface eth0 inet static
    address 192.0.2.2/24
    gateway 192.0.2.1
"""


def links(*entries: Json, **more: t.Any) -> Json:
    return {"links": list(entries), **more}


HOME = {"addresses": ["192.0.2.2/24"], "gateways": ["192.0.2.1"]}
SAME = links({"name": "eth0", **HOME})
MOVED = links({"name": "eth0", "addresses": ["192.0.2.9/24"], "gateways": ["192.0.2.1"]})
VLAN = {"name": "eth0.20", "kind": "vlan", "link": "eth0", "vlan": 20, "addresses": ["198.51.100.2/24"]}
TAGGED = links({"name": "eth0"}, {**VLAN, "gateways": ["198.51.100.1"], "resolvers": ["198.51.100.1"]})
BOND = links({"name": "eth0"}, {"name": "eth1"}, {"name": "bond0", "kind": "bond", "members": ["eth0", "eth1"], **HOME})


def by_hand(host: NetworkHost) -> None:
    host.commands.kernel.devices["eth0"].addresses = ["192.0.2.2/24"]
    host.commands.kernel.routes = [("192.0.2.1", "eth0")]


def in_a_container(host: NetworkHost) -> None:
    """Its interfaces are virtual ones that only the machine around it can make."""
    host.commands.kernel.physical["eth0"].kind = "veth"
    host.commands.kernel.boot()
    by_hand(host)


def by_ifupdown(host: NetworkHost) -> None:
    host.write("/etc/network/interfaces", INTERFACES)
    host.reboot()


def by_networkd(host: NetworkHost) -> None:
    host.change(RULES, links=SAME, token="earlier")


ORIGINS: dict[str, t.Callable[[NetworkHost], None]] = {
    "by hand": by_hand,
    "in a container": in_a_container,
    "ifupdown": by_ifupdown,
    "networkd": by_networkd,
}
WISHES = {"moved": MOVED, "tagged": TAGGED, "bond": BOND}
origins = pytest.mark.parametrize("origin", ORIGINS.values(), ids=ORIGINS)
wishes = pytest.mark.parametrize("wanted", WISHES.values(), ids=WISHES)


@wishes
@origins
def test_it_is_changed_and_then_nothing_is_left_to_do(
    host: NetworkHost, origin: t.Callable[[NetworkHost], None], wanted: Json
) -> None:
    origin(host)
    before, files = host.commands.kernel.look(), host.snapshot()
    predicted = host.plan(RULES, links=wanted)
    assert (host.commands.kernel.look(), host.snapshot()) == (before, files), "a check writes nothing"
    made = host.plan(RULES, check=False, links=wanted)
    assert [change.diff() for change in made.changes] == [change.diff() for change in predicted.changes]
    assert host.commands.kernel.look() == before, "nothing moves before the answer is given"
    assert host.confirm(links=wanted, new=False) == "incomplete: the change is being made"
    assert host.enter() and host.confirm(links=wanted, new=False) == "confirmed"
    assert summary(host.plan(RULES, links=wanted)) == []
    now = host.commands.kernel.look()
    host.reboot()
    assert host.commands.kernel.look() == now and summary(host.plan(RULES, links=wanted)) == []


@wishes
@origins
@pytest.mark.parametrize("end", ["timer", "reboot"])
def test_without_confirmation_all_is_as_before(
    host: NetworkHost, origin: t.Callable[[NetworkHost], None], wanted: Json, end: str
) -> None:
    origin(host)
    before, files = host.commands.kernel.look(), host.snapshot()
    host.plan(RULES, check=False, links=wanted)
    host.enter()
    assert host.commands.kernel.look() != before
    host.fire() if end == "timer" else host.reboot()
    assert not host.exists(PENDING) and host.confirm(links=wanted) == "reverted"
    kept = {path: text for path, text in host.snapshot().items() if path in files}
    assert kept == files
    assert not [path for path in host.snapshot() if "10-homelab" in path and path not in files]
    if origin not in (by_hand, in_a_container) or end == "timer":
        assert host.commands.kernel.look() == before


@origins
def test_a_step_that_fails_is_taken_back_at_once_and_told(
    host: NetworkHost, origin: t.Callable[[NetworkHost], None]
) -> None:
    origin(host)
    before = host.commands.kernel.look()
    host.plan(RULES, check=False, links=TAGGED)
    failing = "networkctl" if origin is by_networkd else "systemctl"
    host.commands.broken = {failing}
    assert not host.enter()
    host.commands.broken = set()
    assert host.commands.kernel.look() == before and not host.exists(PENDING)
    assert apply.ask(host.system, "t") == "reverted" and failing in apply.failure(host.system)
    assert host.change(RULES, links=TAGGED, token="next") and not apply.failure(host.system)


@origins
@pytest.mark.parametrize("end", ["timer", "reboot"])
def test_killed_at_every_step(tmp_path: Path, origin: t.Callable[[NetworkHost], None], end: str) -> None:
    """The program that makes the change, ended before each of its commands."""
    kills = 0
    while True:
        host = NetworkHost(tmp_path / str(kills))
        host.connect("192.0.2.1 40000 192.0.2.2 22")
        origin(host)
        before = host.commands.kernel.look()
        host.plan(RULES, check=False, links=TAGGED)
        if not _killed(host, kills):
            break
        kills += 1
        assert host.exists(PENDING) and host.commands.timer
        host.fire() if end == "timer" else host.reboot()
        if origin not in (by_hand, in_a_container) or end == "timer":
            assert host.commands.kernel.look() == before, f"killed at step {kills}"
        host.change(RULES, links=TAGGED, token="next")
        assert summary(host.plan(RULES, links=TAGGED)) == []
    assert kills > 1


def _killed(host: NetworkHost, left: int) -> bool:
    def run(command: list[str]) -> None:
        nonlocal left
        if left == 0:
            raise Killed
        left -= 1
        if host.commands(command).rc != 0:
            raise subprocess.CalledProcessError(1, command)

    try:
        revert.enter(str(host.root), run)
    except Killed:
        return True
    return False


def _unaddressed(host: NetworkHost) -> None:
    host.commands.kernel.devices["eth0.20"].addresses = []


DRIFT: dict[str, tuple[t.Callable[[NetworkHost], t.Any], list[str]]] = {
    "address removed": (_unaddressed, ["configure interface:eth0.20"]),
    "route removed": (lambda host: host.commands.kernel.routes.clear(), ["configure interface:eth0.20"]),
    "interface removed": (lambda host: host.commands.kernel.devices.pop("eth0.20"), ["create interface:eth0.20"]),
    "another mtu": (
        lambda host: setattr(host.commands.kernel.devices["eth0"], "mtu", 1400),
        ["configure interface:eth0"],
    ),
    "file changed": (
        lambda host: host.write(f"{PREFIX}eth0.network", "[Match]\nName=eth0\n[Link]\nMTUBytes=1500\n"),
        [f"update file:{PREFIX}eth0.network"],
    ),
    "file removed": (lambda host: host.system.remove(SETTINGS), [f"create file:{SETTINGS}"]),
    "stopped": (
        lambda host: host.commands.units["systemd-networkd.service"].update(ActiveState="inactive"),
        [f"start {UNIT}"],
    ),
    "disabled": (
        lambda host: host.commands.units["systemd-networkd.service"].update(UnitFileState="disabled"),
        [f"enable {UNIT}"],
    ),
}


@pytest.mark.parametrize(("change", "found"), DRIFT.values(), ids=DRIFT)
def test_drift_is_found_and_mended(
    host: NetworkHost, change: t.Callable[[NetworkHost], t.Any], found: list[str]
) -> None:
    host.change(RULES, links=TAGGED)
    good = host.commands.kernel.look()
    change(host)
    assert host.change(RULES, links=TAGGED, token="mend") == found
    assert host.commands.kernel.look() == good and host.change(RULES, links=TAGGED) == []


def test_networkd_configures_nothing_twice(host: NetworkHost) -> None:
    """What has another file is taken up by the reload; only what was changed by hand has to be named."""
    host.change(RULES, links=SAME)
    host.plan(RULES, check=False, links=TAGGED, token="next")
    host.enter()
    host.fire()
    assert host.commands.ran("networkctl", "reload") and not host.commands.ran("networkctl", "reconfigure")
    host.commands.kernel.devices["eth0"].addresses = []
    host.change(RULES, links=SAME, token="mend")
    assert host.commands.ran("networkctl", "reconfigure") == [("networkctl", "reconfigure", "eth0")]


def test_what_networkd_does_to_ipv6_is_taken_back(host: NetworkHost) -> None:
    by_hand(host)
    for switch, value in {"disable_ipv6": "0", "accept_ra": "1", "addr_gen_mode": "3"}.items():
        host.write(f"/proc/sys/net/ipv6/conf/eth0/{switch}", f"{value}\n")
    host.plan(RULES, check=False, links=TAGGED)
    host.enter()
    host.fire()
    switches = "net/ipv6/conf/eth0/disable_ipv6=0 net/ipv6/conf/eth0/accept_ra=1 net/ipv6/conf/eth0/addr_gen_mode=3"
    assert host.commands.ran("sysctl") == [("sysctl", "-q", "-w", *switches.split())]


def test_what_others_add_stays_unmentioned(host: NetworkHost) -> None:
    host.change(RULES, links=TAGGED)
    host.commands.kernel.devices["eth0"].addresses.append("192.0.2.200/32")
    assert host.change(RULES, links=TAGGED) == []


def test_a_vlan_that_is_no_longer_wanted_goes(host: NetworkHost) -> None:
    host.change(RULES, links=TAGGED)
    changes = host.change(RULES, links=SAME, token="next")
    assert "remove interface:eth0.20" in changes and f"remove file:{PREFIX}eth0.20.netdev" in changes
    assert list(host.commands.kernel.devices) == ["eth0", "eth1"] and host.change(RULES, links=SAME) == []


def test_what_a_killed_change_of_interfaces_left_is_not_the_next_changes(host: NetworkHost) -> None:
    """It wrote the steps back, and was ended before it said that anything is pending."""
    by_hand(host)
    Interfaces(host.system, parse_links(TAGGED)).save()
    host.change(RULES, links=SAME)
    now = host.commands.kernel.look()
    Interfaces(host.system, parse_links(TAGGED)).save()
    host.plan("accept b\n", check=False, links=SAME)
    host.commands.kernel.devices["eth0"].addresses.append("192.0.2.200/32")
    host.fire()
    assert host.rules == ["accept a"] and host.commands.kernel.look() != now, "only the rules are put back"


def test_the_package_goes_after_the_interfaces_are_given_back(host: NetworkHost) -> None:
    host.commands.packages.clear()
    host.commands.available["nftables"] = "1"
    by_hand(host)
    host.change(RULES, links=TAGGED)
    predicted = summary(host.plan(""))
    plan = host.plan("", check=False, token="last")
    assert summary(plan) == predicted and "nftables" in host.commands.packages and predicted[-1].endswith(":nftables")
    host.enter()
    assert host.confirm("last", new=False) == "confirmed"
    host.plan("", check=False, token="rest")
    assert "nftables" not in host.commands.packages and summary(host.plan("")) == []


def test_a_change_of_rules_only_leaves_the_interfaces_confirmed(host: NetworkHost) -> None:
    host.change(RULES, links=TAGGED)
    assert host.change("accept b\n", links=TAGGED, token="rules")[:1] == ["replace table:inet homelab"]
    assert not host.commands.entering and host.change("accept b\n", links=TAGGED) == []


def test_an_interface_that_is_not_as_wanted_is_not_confirmed(host: NetworkHost) -> None:
    by_hand(host)
    host.plan(RULES, check=False, links=TAGGED)
    host.enter()
    _unaddressed(host)
    said = host.confirm(links=TAGGED, new=False)
    assert said == "incomplete: eth0.20: the address 198.51.100.2/24 is missing" and host.exists(PENDING)


def test_only_a_connection_made_after_all_is_in_place_proves_it(host: NetworkHost) -> None:
    by_hand(host)
    host.plan(RULES, check=False, links=MOVED)
    host.enter()
    waits = "incomplete: a connection made from now on has to show it"
    assert host.confirm(links=MOVED) == "same connection"
    host.connect("192.0.2.1 40001 192.0.2.9 22")
    assert host.confirm(links=MOVED) == waits == host.confirm(links=MOVED)
    host.connect("192.0.2.1 40002 192.0.2.9 22")
    assert host.confirm(links=MOVED) == "confirmed"


@pytest.mark.parametrize(
    ("wanted", "left", "waits"),
    [
        ("192.0.2.2/32", "192.0.2.2/24", True),
        ("192.0.2.9/24", "192.0.2.2/24", True),
        ("192.0.2.9/24", "192.0.2.200/32", False),
    ],
    ids=["another length", "another address", "a virtual address"],
)
def test_what_is_to_go_has_to_be_gone(host: NetworkHost, wanted: str, left: str, waits: bool) -> None:
    """An old address that lives a moment longer would carry the connection which is to prove the new one."""
    by_hand(host)
    eth0 = host.commands.kernel.devices["eth0"]
    eth0.addresses.append(left) if left not in eth0.addresses else None
    links_wanted = links({"name": "eth0", "addresses": [wanted]})
    host.plan(RULES, check=False, links=links_wanted)
    host.enter()
    eth0.addresses.append(left)
    told = host.confirm(new=False, links=links_wanted)
    assert told == (f"incomplete: eth0: the address {left} is still there" if waits else "confirmed")


def test_an_unconfirmed_change_is_put_back_before_the_next(host: NetworkHost) -> None:
    by_ifupdown(host)
    host.plan(RULES, check=False, links=MOVED, token="killed")
    host.enter()
    changes = host.change(RULES, links=TAGGED, token="next")
    assert changes[0] == "revert transaction:network" and "create interface:eth0.20" in changes
    assert host.commands.kernel.devices["eth0"].addresses == [] and host.change(RULES, links=TAGGED) == []


@pytest.mark.parametrize(("wanted", "address"), [(SAME, ""), (MOVED, "192.0.2.9"), (TAGGED, "198.51.100.2")])
def test_where_the_host_is_reached_afterwards(host: NetworkHost, wanted: Json, address: str) -> None:
    by_hand(host)
    host.plan(RULES, check=False, links=wanted)
    seen = apply.seen_session(host.system, wish(RULES, 30, wanted))
    assert seen == {"session": "192.0.2.1 40000 192.0.2.2 22", "address": address, "again": False}


GIVEN_BACK = {name: origin for name, origin in ORIGINS.items() if name != "networkd"}


@pytest.mark.parametrize("origin", GIVEN_BACK.values(), ids=GIVEN_BACK)
def test_the_interfaces_are_given_back_when_all_goes(
    host: NetworkHost, origin: t.Callable[[NetworkHost], None]
) -> None:
    origin(host)
    before, files = host.commands.kernel.look(), host.snapshot()
    host.change(RULES, links=MOVED)
    host.change(RULES, links=TAGGED, token="later")
    predicted = summary(host.plan(""))
    assert host.change("", token="last") == predicted and "give back interface:eth0.20" in predicted
    assert host.commands.kernel.look() == before and not host.exists(PROGRAM) and not host.exists(STATE)
    assert {path: text for path, text in host.snapshot().items() if path in files} == files
    assert host.change("") == []
    if origin is by_ifupdown:
        host.reboot()
        assert host.commands.kernel.look() == before


@pytest.mark.parametrize("end", ["timer", "reboot"])
def test_interfaces_that_cannot_be_given_back_stay(host: NetworkHost, end: str) -> None:
    by_ifupdown(host)
    host.change(RULES, links=TAGGED)
    now = host.commands.kernel.look()
    host.plan("", check=False, token="last")
    host.enter()
    assert host.rules is None and host.commands.kernel.look() != now
    host.fire() if end == "timer" else host.reboot()
    assert host.commands.kernel.look() == now and host.confirm("last") == "reverted"
    assert "give back interface:eth0.20" in host.change("", token="again") and not host.exists(STATE)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (links({"name": "eth7", **HOME}), "has no such interface. Name one of eth0, eth1"),
        (links({"name": "eth0", **HOME}, backend="netplan"), "the host does not have it. Use networkd"),
    ],
)
def test_what_the_host_cannot_have_is_refused(host: NetworkHost, wanted: Json, words: str) -> None:
    before = host.snapshot()
    for check in (True, False):
        with pytest.raises(HostError, match=words):
            host.plan(RULES, check=check, links=wanted)
    assert host.snapshot() == before


def test_a_manager_that_would_undo_it_is_named(host: NetworkHost) -> None:
    host.commands.units["NetworkManager.service"] = {"ActiveState": "active", "UnitFileState": "enabled"}
    with pytest.raises(HostError, match="NetworkManager is active"):
        host.plan(RULES, links=SAME)
