# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated damage to hosts and cluster: drift.yml finds all of it and nothing else, one run mends it as predicted."""

from __future__ import annotations

import json
import time
import typing as t
from pathlib import Path

import pytest

from tests.fidelity.mutations import CLUSTER, Mutation, choose, of_cluster, of_host
from tests.fidelity.tally import Tally
from tests.support.lab import NODES, kubectl_shell, lab, on_node, run_playbook, storing_requests, written_since

BATCHES = 2
DAMAGES = 50
# What follows from a damage and is not damage itself: a service is told of its changed file.
CONSEQUENCES = {"restart", "reload", "daemon-reload"}


@pytest.fixture(scope="module", autouse=True)
def cluster() -> None:
    """A lab that is as its inventory says."""
    run = run_playbook()
    assert run.code == 0, run.output[-3000:]


def inflict(damages: list[Mutation]) -> None:
    """Do all damages: one script a host, one for the cluster."""
    for place in (*NODES, CLUSTER):
        script = "\n".join(["set -e", *(damage.script for damage in damages if damage.where == place)])
        kubectl_shell(script) if place == CLUSTER else on_node(place, script)


def drift(folder: Path) -> tuple[int, dict[str, t.Any], str]:
    """Return exit code, report and metrics of drift.yml."""
    report, metrics = folder / "drift.json", folder / "homelab.prom"
    run = run_playbook(
        "-e", f"drift_file={report}", "-e", f"drift_metrics_file={metrics}", playbook="playbooks/drift.yml"
    )
    return run.code, json.loads(report.read_text()), metrics.read_text()


@pytest.mark.parametrize("seed", range(BATCHES))
def test_all_damage_is_found_and_mended(seed: int, tmp_path: Path, tally: Tally) -> None:
    ledgers = {node: json.loads(on_node(node, "cat /var/lib/atarnet-homelab/ledger.json")) for node in NODES}
    possible = [damage for node in NODES for damage in of_host(node, ledgers[node])] + of_cluster()
    damages = choose(possible, DAMAGES, seed)
    assert len(damages) == DAMAGES and len({damage.kind for damage in damages}) >= 10
    inflict(damages)
    time.sleep(1)
    moment = int(time.time())
    started = time.time()

    code, report, metrics = drift(tmp_path)
    predicted = run_playbook("--check", "--diff")
    written = [written_since(node, moment, living=True) for node in NODES]
    requests = storing_requests(started, time.time())
    tally.writes += len(requests) + sum(len(files.split()) for files in written)
    assert (requests, written) == ([], [""] * len(NODES))

    direct = [change for change in report["changes"] if change["action"] not in CONSEQUENCES]
    found = sorted((change["where"], change["object"]) for change in direct)
    assert found == sorted((damage.where, damage.object) for damage in damages)
    assert code != 0
    assert f'homelab_drift_changes{{lab="{report["lab"]}"}} {len(report["changes"])}' in metrics.splitlines()
    assert set(report["hosts"].values()) == {"seen"}

    mended = run_playbook("--diff")
    assert mended.code == 0, mended.output[-3000:]
    assert tally.compare(predicted, mended) == []
    code, report, metrics = drift(tmp_path)
    assert (code, report["changes"]) == (0, [])
    assert f'homelab_drift_changes{{lab="{report["lab"]}"}} 0' in metrics.splitlines()


def test_a_host_that_is_away_is_no_peace(tmp_path: Path) -> None:
    lab("node", "stop", "w2")
    try:
        code, report, metrics = drift(tmp_path)
    finally:
        lab("node", "start", "w2")
    assert code != 0
    assert report["hosts"]["w2"] == "not seen"
    assert f'homelab_drift_host_seen{{lab="{report["lab"]}",host="w2"}} 0' in metrics.splitlines()
    assert run_playbook().code == 0
