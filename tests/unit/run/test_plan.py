# SPDX-License-Identifier: GPL-3.0-or-later
"""When a run may begin beside the record of an earlier one, and what the record holds."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._run.model import Run, from_dict, load
from ansible_collections.atarnet.homelab.plugins.module_utils._run.plan import ABANDONED_S, decide, refusal

OURS = Run("aaaa1111", "here", "10 5 boot", "tino@laptop", "site.yml")
THEIRS = Run("bbbb2222", "there", "20 7 boot", "eve@desk", "cluster.yml", began="2026-11-24T10:00:00Z")
ENDED = replace(THEIRS, ended="2026-11-24T10:05:00Z", outcome="complete")

CASES = {
    "no record": (None, 0.0, "", True, ""),
    "one that has ended": (ENDED, 0.0, "", True, ""),
    "this very run": (OURS.begun("2026-11-24T10:00:00Z"), 0.0, "", True, ""),
    "one under way": (THEIRS, 1.0, "", False, ""),
    "one under way, another named": (THEIRS, 1.0, "cccc3333", False, ""),
    "one known to be dead": (THEIRS, 1.0, "bbbb2222", True, "did not end; this run goes on from what it left"),
    "one just not old enough": (THEIRS, ABANDONED_S, "", False, ""),
    "an abandoned one": (THEIRS, ABANDONED_S + 1, "", True, "did not end within 2 hours and is taken for dead"),
}


@pytest.mark.parametrize(("found", "age", "replaces", "free", "note"), CASES.values(), ids=CASES)
def test_decide(found: Run | None, age: float, replaces: str, free: bool, note: str) -> None:
    verdict = decide(found, age, OURS, replaces)
    assert verdict.free is free
    assert (verdict.held is None) is free
    assert note in verdict.note and bool(note) == bool(verdict.note)


def test_refusal_names_run_and_way_out() -> None:
    assert refusal("home", THEIRS, 600.0) == (
        "Taking the lab home for this run: run bbbb2222 of eve@desk (cluster.yml, began 2026-11-24T10:00:00Z) is under "
        "way. Wait for its end. If you know that it is dead, run again with -e homelab_take_over_run=bbbb2222, or in "
        "110 minutes."
    )


def test_a_record_is_read_back() -> None:
    changes = [{"where": "w1", "object": "file:/a", "action": "create"}]
    over = replace(THEIRS, ended="2026-11-24T10:05:00Z", outcome="without w2", changes=changes)
    assert load(over.dump()) == over
    assert from_dict(over.as_dict()) == over


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", json.dumps({"version": 2}), json.dumps({"version": 1, "id": 1})]
)
def test_a_damaged_record_is_none(text: str) -> None:
    assert load(text) is None
