# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages come in one call, and go only alone."""

from __future__ import annotations

import pytest

from tests.unit.host.fake import Host, summary

TOOLS = ({"package": "conntrack"}, {"package": "socat"})


def test_all_in_one_call_and_no_lists_when_candidates_are_known(host: Host) -> None:
    host.commands.available = {"conntrack": "1", "socat": "2"}
    host.run(*TOOLS)
    calls = [argv for argv in host.commands.ran("apt-get") if "-s" not in argv]
    assert len(calls) == 1
    assert calls[0][-2:] == ("conntrack", "socat")
    assert "--no-install-recommends" in calls[0] and "-o=DPkg::Lock::Timeout=300" in calls[0]


def test_lists_are_refreshed_when_a_candidate_is_missing(host: Host) -> None:
    original = host.commands._apt_get

    def update(words: list[str]) -> object:
        if "update" in words:
            host.commands.available = {"conntrack": "1", "socat": "2"}
        return original(words)

    host.commands._apt_get = update  # type: ignore[method-assign,assignment]
    host.run(*TOOLS)
    assert host.commands.packages == {"conntrack": "1", "socat": "2"}


def test_what_came_along_goes_too(host: Host) -> None:
    host.commands.available = {"conntrack": "1"}
    host.commands.depends = {"conntrack": ["libnetfilter"]}
    host.run({"package": "conntrack"})
    assert set(host.commands.packages) == {"conntrack", "libnetfilter"}
    host.run()
    assert host.commands.packages == {}


def test_what_came_along_goes_even_if_the_removal_was_cut_off_before_it(host: Host) -> None:
    host.commands.available = {"conntrack": "1"}
    host.commands.depends = {"conntrack": ["libnetfilter"]}
    host.run({"package": "conntrack"})
    del host.commands.packages["conntrack"]
    plan = host.run()
    assert "absent, but not what came with it (libnetfilter)" in plan.changes[0].before
    assert host.commands.packages == {}


def test_kept_when_something_foreign_would_go_with_it(host: Host) -> None:
    host.commands.available = {"conntrack": "1", "socat": "1"}
    host.run(*TOOLS)
    host.commands.packages["theirs"] = "1"
    host.commands.depends = {"theirs": ["conntrack"]}
    plan = host.run(check=True)
    assert summary(plan) == ["remove package:socat"]
    assert plan.warnings == ["Package conntrack is kept: without it theirs would be removed too"]
    host.run()
    assert set(host.commands.packages) == {"conntrack", "theirs"}
    assert summary(host.run()) == []


def test_killed_dpkg_is_repaired_first(host: Host) -> None:
    host.commands.available = {"socat": "1"}
    host.commands._dpkg = lambda words: "broken\n" if words == ["--audit"] else ""  # type: ignore[attr-defined]
    host.run({"package": "socat"})
    order = [argv[:2] for argv in host.commands.log if argv[0] in ("dpkg", "apt-get")]
    assert order[:2] == [("dpkg", "--audit"), ("dpkg", "--force-confold")]


@pytest.mark.parametrize("leaving", [("one", "other"), ("other", "one")])
def test_a_package_two_owners_need_goes_with_the_last(host: Host, leaving: tuple[str, str]) -> None:
    host.commands.available = {"nft": "1"}
    assert summary(host.run({"package": "nft"}, owner="one")) == ["create package:nft"]
    assert summary(host.run({"package": "nft"}, owner="other")) == []
    assert summary(host.run(owner=leaving[0])) == []
    assert "nft" in host.commands.packages
    assert summary(host.run(owner=leaving[1])) == ["remove package:nft"]
    assert "nft" not in host.commands.packages


def test_a_package_that_was_there_before_both_owners_stays(host: Host) -> None:
    host.commands.packages = {"nft": "1"}
    for owner in ("one", "other"):
        host.run({"package": "nft"}, owner=owner)
    assert [summary(host.run(owner=owner)) for owner in ("one", "other")] == [[], []]
