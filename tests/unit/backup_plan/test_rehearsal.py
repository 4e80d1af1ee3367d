# SPDX-License-Identifier: GPL-3.0-or-later
"""What was proven is counted, what was not is named, and nothing is proven by a check."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._backup_plan.rehearsal import render, report

Json = dict[str, t.Any]
URL = "rest:https://backup.example.org/lab"
PLAN: Json = {"hosts": {"w1": {}, "w2": {}}, "probes": []}


def proof(seconds: float, age: int) -> Json:
    """Return what a node tells of a volume."""
    return {"taken": "2026-08-01T03:00:34.59Z", "files": 3, "bytes": 90, "seconds": seconds, "age_s": age}


WELL: Json = {"volumes": {"shop/data": proof(1.26, 50), "blog/data": proof(1.0, 70)}, "failed_volumes": {}}
OTHER: Json = {"volumes": {"media/music": proof(2.0, 60)}, "failed_volumes": {}}


def test_the_slowest_node_and_the_oldest_backup_count() -> None:
    found = report(PLAN, {"w1": WELL, "w2": OTHER}, {})
    assert (found.failed, found.rto_seconds, found.rpo_seconds) == ({}, 2.3, 70)
    lines = render("home", URL, found, check=False).splitlines()
    assert lines[0] == "home: 3 volumes restored and compared from rest:https://backup.example.org/lab"
    assert lines[1] == "  blog/data on w1: as of 2026-08-01T03:00:34, 3 files, 90 bytes in 1.0 s"
    assert lines[-1] == "drill volumes=3 checksums=equal rto_seconds=2.3 rpo_seconds=70 probes=0/0"


def test_what_cannot_be_restored_is_named() -> None:
    failed = {"shop/data": "the repository is damaged", "tier ssd": "its disk is away"}
    found = report(PLAN, {"w1": {"volumes": {}, "failed_volumes": failed}, "w2": {"msg": "no answer"}}, {})
    assert found.failed == {
        "shop/data": "the repository is damaged",
        "tier ssd of w1": "its disk is away",
        "node w2": "no answer",
    }
    assert "is it reachable?" in report(PLAN, {"w1": WELL}, {}).failed["node w2"]
    assert "drill volumes=0 checksums=unproven" in render("home", URL, found, check=False)


def test_a_check_proves_nothing() -> None:
    text = render("home", URL, report(PLAN, {"w1": WELL, "w2": OTHER}, {}), check=True)
    assert "3 volumes would be restored" in text and "drill" not in text


PROBED: Json = {"hosts": PLAN["hosts"], "probes": [{"claim": "shop/data"}, {"claim": "media/music"}]}


def test_probes_are_counted_and_those_that_did_not_succeed_are_named() -> None:
    probed = {
        "w1": {"probes": {"shop/data": {"seconds": 4.25}}, "failed_probes": {}},
        "w2": {
            "probes": {},
            "failed_probes": {"media/music": "the job failed; its last words: no songs"},
            "msg": "...",
        },
    }
    found = report(PROBED, {"w1": WELL, "w2": OTHER}, probed)
    assert found.probed == [{"node": "w1", "claim": "shop/data", "seconds": 4.25}]
    assert (found.failed, found.unsound) == ({}, {"media/music": "the job failed; its last words: no songs"})
    lines = render("home", URL, found, check=False).splitlines()
    assert "  probe of shop/data on w1: succeeded in 4.2 s" in lines
    assert lines[-3:-1] == ["FAILED:", "  probe of media/music: the job failed; its last words: no songs"]
    # The files are what was saved all the same.
    assert lines[-1] == "drill volumes=3 checksums=equal rto_seconds=2.3 rpo_seconds=70 probes=1/2"


@pytest.mark.parametrize(
    ("seen", "probed", "said"),
    [
        ({"w1": WELL, "w2": OTHER}, {"w2": {"msg": "no API server"}}, "no API server"),
        ({"w1": WELL, "w2": OTHER}, {}, "it was not run; is the node reachable?"),
        ({"w1": WELL, "w2": {"msg": "away"}}, {}, "its volume was not restored, so that it was not run"),
        (
            {"w1": WELL, "w2": {"volumes": {}, "failed_volumes": {"media/music": "damaged"}}},
            {},
            "its volume was not restored, so that it was not run",
        ),
        ({"w1": WELL, "w2": {"volumes": {}, "failed_volumes": {}}}, {}, "no node has a volume of that claim. Is it"),
    ],
    ids=["failed", "unreachable", "node away", "volume failed", "misspelt"],
)
def test_a_probe_that_was_not_run_did_not_succeed(seen: t.Any, probed: t.Any, said: str) -> None:
    found = report({**PROBED, "probes": [{"claim": "media/music"}]}, seen, probed)
    assert found.probed == [] and said in found.unsound["media/music"]


def test_a_check_tells_which_probes_would_be_run() -> None:
    probed = {"w1": {"probes": {"shop/data": {"seconds": 0.0}}, "failed_probes": {}}}
    plan = {**PROBED, "probes": [{"claim": "shop/data"}]}
    assert "probe of shop/data on w1: would be run" in render(
        "home", URL, report(plan, {"w1": WELL, "w2": OTHER}, probed), check=True
    )
