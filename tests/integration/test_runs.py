# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time: a second one is refused by name, a dead one is not waited for, the last one is on record."""

from __future__ import annotations

import json
import subprocess
import time
import typing as t
from collections.abc import Iterator

import pytest

from tests.support.lab import CHECKOUT, kill_controller, on_node, playbook_command, run_playbook

RECORD = "/var/lib/atarnet-homelab/run.json"
FOREIGN = {
    "version": 1,
    "id": "0badcafe",
    "controller": "elsewhere",
    "process": "1 1 boot",
    "who": "eve@desk",
    "what": "cluster.yml",
    "began": "2026-11-24T10:00:00Z",
    "ended": "",
    "outcome": "",
    "changes": [],
}


@pytest.fixture(scope="module", autouse=True)
def cluster() -> None:
    """A lab that is as its inventory says."""
    run = run_playbook()
    assert run.code == 0, run.output[-3000:]


@pytest.fixture
def foreign() -> Iterator[None]:
    """The record of a run under way on another controller."""
    before = on_node("cp1", f"cat {RECORD}")
    on_node("cp1", f"cat > {RECORD} <<'END'\n{json.dumps(FOREIGN)}\nEND")
    yield
    on_node("cp1", f"cat > {RECORD} <<'END'\n{before}\nEND")


def record() -> dict[str, t.Any]:
    """Return the record that the control plane holds."""
    return dict(json.loads(on_node("cp1", f"cat {RECORD}")))


def begun(process: subprocess.Popen[bytes], before: str) -> None:
    """Wait until a run has put its record into the place of *before*."""
    deadline = time.monotonic() + 60
    while process.poll() is None and record()["id"] == before:
        assert time.monotonic() < deadline, "the run did not begin"
        time.sleep(0.1)
    assert process.poll() is None, "the run was over before it could be met"


def start() -> subprocess.Popen[bytes]:
    """Start site.yml in a process group of its own."""
    return subprocess.Popen(
        playbook_command(), cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def test_the_last_run_is_on_record() -> None:
    on_node("w1", "rm /etc/crictl.yaml")
    assert run_playbook().code == 0
    found = record()
    assert found["what"] == "site.yml" and found["outcome"] == "complete" and found["ended"] >= found["began"]
    assert found["changes"] == [{"where": "w1", "object": "file:/etc/crictl.yaml", "action": "create"}]


def test_a_second_run_is_refused_by_name_and_the_first_goes_on() -> None:
    before = record()["id"]
    with start() as first:
        begun(first, before)
        second = run_playbook()
        assert first.wait(300) == 0
    assert second.code != 0
    assert not any(second.changes().values())
    message = " ".join(result["msg"] for result in second.records if result["outcome"] == "failed")
    assert record()["id"] in message and "(site.yml, began " in message and "Wait for its end" in message


def test_a_killed_run_is_not_waited_for() -> None:
    before = record()["id"]
    process = start()
    begun(process, before)
    kill_controller(process.pid)
    process.wait()
    dead = record()
    assert not dead["ended"]
    run = run_playbook()
    assert run.code == 0, run.output[-3000:]
    assert f"run {dead['id']}" in run.output and "did not end" in run.output
    assert record()["ended"]


@pytest.mark.usefixtures("foreign")
def test_a_run_elsewhere_is_refused_until_it_is_taken_over() -> None:
    refused = run_playbook()
    assert refused.code != 0 and "-e homelab_take_over_run=0badcafe" in " ".join(refused.output.split())
    assert record() == FOREIGN
    checked = run_playbook("--check")
    assert checked.code == 0 and "eve@desk" in checked.output
    assert record() == FOREIGN
    taken = run_playbook("-e", "homelab_take_over_run=0badcafe")
    assert taken.code == 0, taken.output[-3000:]
    assert record()["ended"]
