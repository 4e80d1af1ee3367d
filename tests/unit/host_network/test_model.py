# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and records are read strictly; a listing is compared without what changes by itself."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._host.errors import HostError
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.listing import normalise
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network.model import (
    Applied,
    Pending,
    body_of,
    load,
    parse,
)

OPTIONS: dict[str, t.Any] = {"ruleset": "", "confirm_within": 30, "state": "present"}


def listing(*objects: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"nftables": [{"metainfo": {"version": "1"}}, *objects]}


def rule(*expr: t.Any, handle: int = 1) -> dict[str, t.Any]:
    return {"rule": {"chain": "input", "handle": handle, "expr": list(expr)}}


def a_set(*elem: t.Any, **more: t.Any) -> dict[str, t.Any]:
    return {"set": {"name": "s", "handle": 3, **more, **({"elem": list(elem)} if elem else {})}}


ADD = rule({"set": {"op": "add", "elem": {"payload": "saddr"}, "set": "@s"}})
EQUAL = {
    "handles": ([rule("x", handle=1)], [rule("x", handle=9)]),
    "a rule's counter": (
        [rule({"counter": {"packets": 1, "bytes": 2}})],
        [rule({"counter": {"packets": 3, "bytes": 4}})],
    ),
    "a counter": ([{"counter": {"name": "c", "packets": 0}}], [{"counter": {"name": "c", "packets": 7}}]),
    "a quota": ([rule({"quota": {"val": 5, "used": 1}})], [rule({"quota": {"val": 5}})]),
    "an element's counter": (
        [a_set({"elem": {"val": 1, "counter": {"packets": 1, "bytes": 1}}})],
        [a_set({"elem": {"val": 1, "counter": {"packets": 2, "bytes": 9}}})],
    ),
    "the order in a set": ([a_set(1, 2)], [a_set(2, 1)]),
    "the order in a rule's own set": ([rule({"right": {"set": [1, 2]}})], [rule({"right": {"set": [2, 1]}})]),
    "what packets put into a dynamic set": ([a_set(flags=["dynamic"])], [a_set(1, flags=["dynamic"])]),
    "what packets put into a set with one flag": ([a_set(flags="timeout")], [a_set(1, flags="timeout")]),
    "what packets put into a set without flag": ([a_set(), ADD], [a_set(1), ADD]),
}
DIFFERENT = {
    "a rule": ([rule("x")], [rule("x"), rule("y")]),
    "the order of rules": ([rule("x"), rule("y")], [rule("y"), rule("x")]),
    "an element": ([a_set(1)], [a_set(1, 2)]),
    "a comment": ([rule("x")], [{"rule": {**rule("x")["rule"], "comment": "c"}}]),
    "a policy": ([{"chain": {"name": "i", "policy": "drop"}}], [{"chain": {"name": "i", "policy": "accept"}}]),
    "a quota's limit": ([rule({"quota": {"val": 5}})], [rule({"quota": {"val": 6}})]),
}


@pytest.mark.parametrize(("one", "other"), EQUAL.values(), ids=EQUAL)
def test_what_changes_by_itself_is_not_compared(one: list[t.Any], other: list[t.Any]) -> None:
    assert normalise(listing(*one)) == normalise(listing(*other))


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_somebody_changes_is(one: list[t.Any], other: list[t.Any]) -> None:
    assert normalise(listing(*one)) != normalise(listing(*other))


REFUSED = {
    "too short": ({"confirm_within": 4}, "confirm_within: 4 s is not between 5 and 600"),
    "too long": ({"confirm_within": 601}, "confirm_within: 601 s"),
    "another table": (
        {"ruleset": "chain x {\n}\n} table ip other {"},
        r"ruleset, line 3: `} table ip other {` closes more braces",
    ),
    "flush": ({"ruleset": "}; flush ruleset; table inet homelab {"}, "closes more braces"),
    "not closed": ({"ruleset": "chain x {\n"}, r"1 opened brace\(s\) are not closed"),
    "include": ({"ruleset": 'chain x { include "/etc/x" }'}, "line 1: .* reads another file"),
}


@pytest.mark.parametrize(("options", "words"), REFUSED.values(), ids=REFUSED)
def test_options_are_refused(options: dict[str, t.Any], words: str) -> None:
    with pytest.raises(HostError, match=words):
        parse({**OPTIONS, **options}, "")


@pytest.mark.parametrize(
    "ruleset", ['chain x { log prefix "} include " }', "chain x {\n # } {\n}", "set includes { type ipv4_addr; }"]
)
def test_words_in_strings_comments_and_names_mean_nothing(ruleset: str) -> None:
    wanted = parse({**OPTIONS, "ruleset": ruleset}, "")
    assert body_of(wanted.boot.text) == f"{ruleset}\n"


def test_absent_and_blank_are_no_ruleset() -> None:
    assert parse({**OPTIONS, "ruleset": "chain x { }", "state": "absent"}, "").ruleset == ""
    assert parse({**OPTIONS, "ruleset": " \n"}, "").ruleset == ""


def test_records_come_back_or_not_at_all() -> None:
    pending = Pending("t", "now", "", {"ruleset": None}, {"ruleset": {"sha256": "1"}})
    assert load(Pending, pending.dump().decode()) == pending
    damaged = ["", "{", "[]", '{"version": 1}', pending.dump().decode().replace('"version": 1', '"version": 2')]
    assert [load(Pending, text) for text in damaged] == [None] * 5
    assert load(Applied, pending.dump().decode()) is None
