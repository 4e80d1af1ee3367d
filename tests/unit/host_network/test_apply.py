# SPDX-License-Identifier: GPL-3.0-or-later
"""A change is in force until its time is over, and stays when it is confirmed; drift of every kind is found."""

from __future__ import annotations

import json
import re

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network import apply
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.model import (
    APPLIED,
    BOOT,
    BOOT_UNIT,
    FIREWALL_UNIT,
    PROGRAM,
    REVERT_UNIT,
)
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.revert import PENDING, STATE

from tests.unit.host_network.fake import NetworkHost, summary

A, B = "accept a\naccept b\n", "accept c\n"
A_RULES, B_RULES = ["accept a", "accept b"], ["accept c"]
UNITS = "/etc/systemd/system"
HOST_LOCK = "run/lock/atarnet-homelab.lock"
FIRST = [
    f"create file:{PROGRAM}",
    f"create file:{UNITS}/{REVERT_UNIT}",
    f"create file:{UNITS}/{BOOT_UNIT}",
    f"create file:{UNITS}/{FIREWALL_UNIT}",
    f"enable unit:{BOOT_UNIT}",
    f"enable unit:{FIREWALL_UNIT}",
    "create table:inet homelab",
    f"create file:{BOOT}",
]
REPLACE = "replace table:inet homelab"


def test_check_predicts_the_run_and_writes_nothing(host: NetworkHost) -> None:
    before = host.snapshot()
    predicted = host.plan(A)
    assert host.snapshot() == before and not host.exists(STATE)
    assert [change.diff() for change in predicted.changes] == [
        change.diff() for change in host.plan(A, check=False).changes
    ]
    assert summary(predicted) == FIRST and predicted.needs_confirmation and not predicted.notes


def test_a_change_is_confirmed_and_then_nothing_is_left_to_do(host: NetworkHost) -> None:
    host.plan(A, check=False)
    assert host.rules == A_RULES and host.commands.timer == "30s" and not host.exists(BOOT)
    host.connect("192.0.2.1 40001 192.0.2.2 22")
    assert host.confirm() == apply.LATER, "it may have been made before the change"
    assert host.confirm() == apply.LATER and host.commands.timer == "30s"
    host.connect("192.0.2.1 40002 192.0.2.2 22")
    assert host.confirm() == "confirmed"
    assert not host.commands.timer and not host.exists(PENDING)
    assert summary(host.plan(A, check=False)) == []
    host.reboot()
    assert host.rules == A_RULES and summary(host.plan(A)) == []


def test_without_confirmation_the_host_goes_back(host: NetworkHost) -> None:
    host.change(A)
    host.plan(B, check=False, token="second")
    assert host.rules == B_RULES
    host.fire()
    assert host.rules == A_RULES
    assert host.confirm("second") == "reverted" and apply.ask(host.system, "second") == "reverted"
    assert host.rules == A_RULES and summary(host.plan(A)) == []


def test_drift_comes_back_too_when_its_mending_is_not_confirmed(host: NetworkHost) -> None:
    """The rule that somebody added by hand may be the one that lets them in."""
    host.change(A)
    host.commands.table = [*A_RULES, "accept me"]
    host.plan(A, check=False)
    assert host.rules == A_RULES
    host.fire()
    assert host.rules == [*A_RULES, "accept me"]


def test_the_connection_that_made_the_change_cannot_confirm_it(host: NetworkHost) -> None:
    host.plan(A, check=False)
    assert host.confirm() == "same connection"
    assert host.exists(PENDING) and host.commands.timer
    assert host.confirm(new=False) == "confirmed"


def test_a_confirmation_whose_answer_was_lost_is_given_again(host: NetworkHost) -> None:
    host.plan(A, check=False, token="x")
    assert apply.ask(host.system, "x") == "pending"
    assert host.confirm("x", new=False) == host.confirm("x") == apply.ask(host.system, "x") == "confirmed"


def test_only_its_own_change_is_confirmed(host: NetworkHost) -> None:
    host.plan(A, check=False, token="mine")
    assert host.confirm("other", new=False) == "reverted"
    assert host.exists(PENDING)


DRIFT = {
    "rule added": (
        lambda host: host.commands.table.append("drop all"),
        [f"{REPLACE}: rule added in input"],
    ),
    "rule removed": (lambda host: host.commands.table.pop(), [f"{REPLACE}: rule missing in input"]),
    "order": (lambda host: host.commands.table.reverse(), [f"{REPLACE}: order changed"]),
    "flushed": (lambda host: setattr(host.commands, "table", None), ["create table:inet homelab: absent"]),
    "boot file": (lambda host: host.write(BOOT, "x"), [f"update file:{BOOT}: 0644, sha256 "]),
    "boot file removed": (lambda host: host.system.remove(BOOT), [f"create file:{BOOT}: absent"]),
    "unit file": (
        lambda host: host.write(f"{UNITS}/{FIREWALL_UNIT}", "x"),
        [f"update file:{UNITS}/{FIREWALL_UNIT}: 0644, sha256 "],
    ),
    "program": (lambda host: host.system.remove(PROGRAM), [f"create file:{PROGRAM}: absent"]),
    "program's rights": (
        lambda host: host.system.set_attributes(PROGRAM, 0o644, *((host.root.stat().st_uid, host.root.stat().st_gid))),
        [f"update file:{PROGRAM}: 0644, sha256 "],
    ),
    "disabled": (
        lambda host: host.commands.units[FIREWALL_UNIT].update(UnitFileState="disabled"),
        [f"enable unit:{FIREWALL_UNIT}: disabled"],
    ),
    "records lost": (lambda host: host.system.remove(APPLIED), [f"{REPLACE}: never confirmed"]),
}


@pytest.mark.parametrize(("damage", "expected"), DRIFT.values(), ids=DRIFT)
def test_drift_is_named_and_mended(host: NetworkHost, damage: object, expected: list[str]) -> None:
    host.change(A)
    sound = host.snapshot()
    damage(host)  # type: ignore[operator]
    found = [f"{change.action} {change.identity}: {change.before}" for change in host.plan(A).changes]
    assert len(found) == len(expected)
    for text, start in zip(found, expected):
        where, words = start.rsplit(": ", 1)
        assert text.startswith(where) and words in text
    host.change(A)
    assert summary(host.plan(A)) == [] and host.snapshot() == sound and host.rules == A_RULES


def test_the_diff_shows_the_rule_that_was_added(host: NetworkHost) -> None:
    host.change(A)
    host.commands.table = [*A_RULES, "drop all"]
    (diff,) = [change.diff() for change in host.plan(A).changes]
    assert set(diff["before"].splitlines()) - set(diff["after"].splitlines()) == {
        '{"rule": {"chain": "input", "expr": ["drop all"]}}'
    }


def test_the_diff_of_a_change_is_the_text(host: NetworkHost) -> None:
    host.change(A)
    table, boot = (change.diff() for change in host.plan(B).changes)
    assert (table["before"], table["after"]) == (A, B)
    assert A.strip() not in json.dumps(boot)


FOREIGN = ["theirs"]


def test_a_table_that_is_not_ours_is_refused_and_stays(host: NetworkHost) -> None:
    host.commands.table = list(FOREIGN)
    for check in (True, False):
        with pytest.raises(HostError, match="a table of this name that this collection did not make"):
            host.plan(A, check=check)
    assert summary(host.plan("", check=False)) == []
    assert host.rules == FOREIGN and not host.exists(STATE)


def test_an_equal_one_is_taken_over(host: NetworkHost) -> None:
    host.commands.table = list(A_RULES)
    assert host.change(A)[-2:] == [REPLACE, f"create file:{BOOT}"]
    assert summary(host.plan(A)) == []


def test_absent_leaves_nothing_and_then_has_nothing_to_do(host: NetworkHost) -> None:
    before = host.snapshot()
    host.change(A)
    predicted = summary(host.plan(""))
    assert host.change("") == predicted == [
        "remove table:inet homelab",
        f"remove file:{BOOT}",
        f"disable unit:{BOOT_UNIT}",
        f"disable unit:{FIREWALL_UNIT}",
        f"remove file:{PROGRAM}",
        f"remove file:{UNITS}/{REVERT_UNIT}",
        f"remove file:{UNITS}/{BOOT_UNIT}",
        f"remove file:{UNITS}/{FIREWALL_UNIT}",
        f"remove directory:{STATE}",
    ]  # fmt: skip
    left = set(host.snapshot()) - set(before)
    assert not [path for path in left if path not in ("usr", "usr/local", HOST_LOCK)]
    assert host.rules is None and not host.exists(STATE) and host.change("") == []


LEFT = "revert transaction:network"


def test_what_a_killed_run_left_is_put_back_first(host: NetworkHost) -> None:
    host.change(A)
    host.plan(B, check=False, token="killed")
    predicted = host.plan(A)
    assert summary(predicted) == [LEFT] and host.rules == B_RULES
    assert re.search(r"revert itself at 20\d\d-", predicted.changes[0].before)
    assert host.change(A, token="next") == [LEFT]
    assert host.rules == A_RULES and not host.commands.timer and host.confirm("killed") == "reverted"
    assert host.change(A) == []


@pytest.mark.parametrize(("wanted", "rules"), [(A, A_RULES), (B, B_RULES), ("", None)])
def test_after_a_killed_first_run_check_and_run_agree(host: NetworkHost, wanted: str, rules: list[str] | None) -> None:
    host.plan(B, check=False)
    predicted = summary(host.plan(wanted))
    assert host.change(wanted, token="next") == predicted
    assert predicted[0] == LEFT and host.rules == rules and host.change(wanted) == []


def test_a_pending_change_whose_record_is_damaged_is_put_back_as_well(host: NetworkHost) -> None:
    host.plan(B, check=False)
    host.write(PENDING, "{")
    assert host.change(A, token="next")[0] == LEFT
    assert host.rules == A_RULES and host.change(A) == []


def test_a_mistake_names_its_line_and_nothing_was_written(host: NetworkHost) -> None:
    before = host.snapshot()
    for check in (True, False):
        with pytest.raises(HostError, match="Cannot use ruleset: nft refuses line 2, `acept b`: syntax error"):
            host.plan("accept a\n  acept b\n", check=check)
    assert {**host.snapshot(), HOST_LOCK: ""} == {**before, HOST_LOCK: ""}
    assert not host.exists(STATE) and host.rules is None


def test_a_ruleset_that_only_fails_when_loaded_leaves_all_as_it_was(host: NetworkHost) -> None:
    host.change(A)
    with pytest.raises(HostError, match="nft refuses line 1, `refused by the kernel`"):
        host.plan("refused by the kernel", check=False)
    assert host.rules == A_RULES and not host.exists(PENDING) and not host.commands.timer


def test_without_a_timer_nothing_is_put_into_force(host: NetworkHost) -> None:
    host.commands.broken = {"systemd-run"}
    with pytest.raises(HostError, match="Cannot set the timer that reverts the change"):
        host.plan(A, check=False)
    assert host.rules is None and not host.exists(PENDING)
    assert not any("candidate.nft" in argv[-1] for argv in host.commands.ran("nft", "-f"))


def test_without_nft_a_check_says_what_it_cannot_know(host: NetworkHost) -> None:
    host.commands.packages.clear()
    host.commands.available["nftables"] = "1"
    plan = host.plan(A)
    assert summary(plan) == ["create package:nftables", *FIRST]
    assert plan.notes == ["Whether nft accepts the ruleset is known after apply: nft is not installed yet."]
    assert host.change(A) == summary(plan)
    assert host.change("")[-1] == "remove package:nftables"
    assert host.commands.packages == {}


def test_how_the_host_looked_before_is_kept(host: NetworkHost) -> None:
    host.change(A)
    baseline = json.loads(host.read("/var/lib/atarnet-homelab/baseline.json"))
    assert PROGRAM not in baseline["files"]


def test_other_tables_are_never_named(host: NetworkHost) -> None:
    host.change(A)
    host.change(B)
    host.change("")
    assert not [argv for argv in host.commands.log if argv[0] == "nft" and {"flush", "foreign"} & set(argv)]
