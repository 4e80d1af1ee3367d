# SPDX-License-Identifier: GPL-3.0-or-later
"""From blank nodes: the plan is what happens, and what happened once does not happen again."""

from __future__ import annotations

import json
import re
import time
import typing as t

import pytest

from lab import authority
from tests.fidelity.tally import Tally
from tests.support.lab import (
    MACHINES,
    SiteRun,
    changing_requests,
    lab,
    lab_record,
    on_node,
    run_playbook,
    written_since,
)

# The probe; control planes also learn that the run is over.
NO_OP_ROUNDS = {"cp1": 2, "w1": 1, "w2": 1, "gw": 1}


class Site(t.NamedTuple):
    """The runs that the tests of this module look at."""

    planned: dict[str, t.Any]
    predicted: SiteRun
    written: dict[str, str]
    first: SiteRun
    recorded: dict[str, t.Any]
    second: SiteRun
    third: SiteRun


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Blank nodes, then the plan, a check run, the first run and two more."""
    lab("nodes", "reset")
    time.sleep(1)
    moment = int(time.time())
    plan = tmp_path_factory.mktemp("plan") / "plan.json"
    planning = run_playbook("-e", f"plan_file={plan}", playbook="playbooks/plan.yml")
    assert planning.code == 0, planning.output[-3000:]
    predicted = run_playbook("--check", "--diff")
    written = {node: written_since(node, moment, living=False) for node in MACHINES}
    first = run_playbook("--diff", "-vvv")
    recorded = json.loads(on_node("cp1", "cat /var/lib/atarnet-homelab/run.json"))
    second, third = run_playbook("--diff"), run_playbook("--diff")
    return Site(json.loads(plan.read_text()), predicted, written, first, recorded, second, third)


def test_the_plan_is_what_the_record_of_the_run_says(site: Site) -> None:
    planned = [{key: change[key] for key in ("where", "object", "action")} for change in site.planned["changes"]]
    assert planned, "the plan is empty"
    assert planned == site.recorded["changes"]
    assert site.planned["hosts"] == dict.fromkeys(MACHINES, "seen")


def test_check_run_on_blank_nodes_reaches_the_end(site: Site) -> None:
    assert site.predicted.code == 0, site.predicted.output[-3000:]


def test_check_run_writes_nothing(site: Site, tally: Tally) -> None:
    tally.writes += sum(len(files.split()) for files in site.written.values())
    assert site.written == dict.fromkeys(MACHINES, "")


def test_first_run_succeeds(site: Site) -> None:
    assert site.first.code == 0, site.first.output[-3000:]


def test_predicted_changes_are_the_real_ones(site: Site) -> None:
    assert site.first.changes(), "the first run changed nothing"
    assert site.predicted.changes() == site.first.changes()


def test_predicted_diff_is_the_real_one(site: Site, tally: Tally) -> None:
    assert tally.compare(site.predicted, site.first) == []
    assert site.predicted.diffs() == site.first.diffs()


@pytest.mark.parametrize("which", ["second", "third"])
def test_later_runs_change_nothing(site: Site, which: str) -> None:
    run: SiteRun = getattr(site, which)
    assert run.code == 0, run.output[-3000:]
    assert run.changed_tasks() == []
    assert not any(run.changes().values())


@pytest.mark.parametrize("which", ["second", "third"])
def test_later_runs_send_no_changing_request(site: Site, which: str) -> None:
    run: SiteRun = getattr(site, which)
    assert changing_requests(site.first.started, site.first.ended), "the audit log does not show the first run"
    assert changing_requests(run.started, run.ended) == []


@pytest.mark.parametrize("host", MACHINES)
def test_second_run_visits_each_host_few_times(site: Site, host: str) -> None:
    rounds = site.second.rounds(host)
    assert 1 <= len(rounds) <= NO_OP_ROUNDS[host], rounds


def test_no_secret_is_printed(site: Site) -> None:
    key = on_node("cp1", 'grep -o \'"secret": "[^"]*\' /etc/kubernetes/encryption.yaml').split('"')[-1].strip()
    assert len(key) == 44
    token = authority.certificates(lab_record())["cloudflare"]["token"]
    for run in (site.predicted, site.first, site.second):
        assert key not in run.output
        assert token not in run.output
        # With a digit: the descriptions of cert-manager's definitions name domains of the same lengths.
        assert not re.search(r"\b(?=[a-z.]*\d)[a-z0-9]{6}\.[a-z0-9]{16}\b", run.output), "a bootstrap token was printed"
        assert "client-key-data" not in run.output
        assert "PRIVATE KEY" not in run.output
