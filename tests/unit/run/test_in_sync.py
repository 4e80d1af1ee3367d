# SPDX-License-Identifier: GPL-3.0-or-later
"""When a run may believe what it saw of a host."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._host.model import name_of
from ansible_collections.atarnet.homelab.plugins.module_utils._run import in_sync

RESOURCES: list[dict[str, t.Any]] = [{"at": "resources[0]", "package": "nft"}]
SEEN = in_sync.seen("run1", {"node": name_of(RESOURCES), "dns": ""}, now=100.0)


@pytest.mark.parametrize(
    ("facts", "asked", "expected"),
    [
        (SEEN, {}, True),
        (SEEN, {"run": "run2"}, False),
        (SEEN, {"now": 161.0}, False),
        (SEEN, {"now": 99.0}, False),
        (SEEN, {"owner": "dns"}, False),
        (SEEN, {"owner": "hardware"}, False),
        (SEEN, {"owner": "hardware", "wish": []}, True),
        (SEEN, {"owner": "dns", "wish": []}, False),
        (SEEN, {"wish": [{**RESOURCES[0], "package": "socat"}]}, False),
        ({}, {}, False),
        ({in_sync.FACT: {}}, {"owner": "hardware", "wish": []}, False),
        (in_sync.after({"changed": True}, check=False)["ansible_facts"], {}, False),
    ],
    ids=[
        "seen", "another run", "too long ago", "the clock went back", "out of sync", "not there", "neither wanted",
        "to be removed", "something else wanted", "never seen", "outdated, nothing wanted", "outdated",
    ],
)  # fmt: skip
def test_believed(facts: dict[str, t.Any], asked: dict[str, t.Any], expected: bool) -> None:
    known = {"run": "run1", "owner": "node", "wish": RESOURCES, "now": 110.0}
    assert in_sync.holds(facts, **{**known, **asked}) is expected


def test_only_a_change_of_the_host_outdates_it() -> None:
    unchanged: dict[str, t.Any] = {"changed": False}
    assert in_sync.after(unchanged, check=False) == unchanged
    assert in_sync.after({"changed": True}, check=True) == {"changed": True}


def test_it_is_no_input() -> None:
    """Ansible injects facts as variables unless it is told not to, and all homelab_* variables are the input."""
    assert not any(name.startswith("homelab_") for name in SEEN)
