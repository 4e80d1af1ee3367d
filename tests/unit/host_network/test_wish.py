# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe says of the network what a visit of host_network would find."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._host import wishes
from ansible_collections.atarnet.homelab.plugins.module_utils._host.model import name_of
from ansible_collections.atarnet.homelab.plugins.module_utils._host_network import wish

from tests.unit.host_network.fake import NetworkHost

RULES = "accept a\n"
WISH = {"ruleset": RULES, "interfaces": None, "confirm_within": 30}


@pytest.fixture
def kept(host: NetworkHost) -> NetworkHost:
    """A host whose network was made and confirmed."""
    host.change(RULES)
    wishes.keep(host.system, wish.NAME, WISH)
    return host


DISTURBANCES: dict[str, t.Callable[[NetworkHost], object]] = {
    "another rule": lambda host: host.commands.table and host.commands.table.append("accept me"),
    "no table": lambda host: setattr(host.commands, "table", None),
    "a change that waits": lambda host: host.plan("accept b\n", check=False, token="second"),
    "the unit for boot": lambda host: host.commands.units["homelab-firewall.service"].update(UnitFileState="disabled"),
}


def test_it_is_in_sync_when_a_visit_would_find_nothing_to_do(kept: NetworkHost) -> None:
    before = kept.snapshot()
    assert wish.in_sync(kept.system) == name_of(wish.of({**WISH, "state": "present", "hold": True, "call": {}}))
    assert kept.snapshot() == before


@pytest.mark.parametrize("disturb", DISTURBANCES.values(), ids=DISTURBANCES)
def test_it_is_not_when_anything_is_otherwise(kept: NetworkHost, disturb: t.Callable[[NetworkHost], object]) -> None:
    disturb(kept)
    assert wish.in_sync(kept.system) == ""


@pytest.mark.parametrize(
    "other", [None, [], {"ruleset": RULES}, {**WISH, "confirm_within": "x"}, {**WISH, "interfaces": 1}]
)
def test_a_wish_that_is_unknown_or_not_understood_is_not(kept: NetworkHost, other: t.Any) -> None:
    wishes.keep(kept.system, wish.NAME, other)
    assert wish.in_sync(kept.system) == ""
