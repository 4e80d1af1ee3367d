# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking the hosts back: asks, removes only our own, and the host is as it was."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.lab import CHECKOUT, INVENTORY, MACHINES, lab, on_node, playbook_command, run_playbook

FOREIGN_RULES = "table inet mine { chain input { type filter hook input priority 10; tcp dport 9999 drop; }; }"


@pytest.fixture(scope="module", autouse=True)
def foreign() -> Iterator[None]:
    """Blank nodes with a firewall table, a file and a package of somebody else, then the whole site on them."""
    lab("nodes", "reset")
    for node in MACHINES:
        on_node(node, f"nft add table inet mine && nft '{FOREIGN_RULES}' && echo theirs > /etc/cni-of-mine.conf")
    run = run_playbook()
    assert run.code == 0, run.output[-3000:]
    yield
    # Whoever comes next finds a cluster.
    run_playbook()


def test_reset_refuses_without_consent() -> None:
    command = playbook_command("--extra-vars", "reset_consent=no", playbook="playbooks/reset.yml")
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Type the lab's name" in done.stdout
    assert on_node("cp1", "systemctl is-active kubelet").strip() == "active"


def test_reset_takes_everything_of_ours_and_nothing_else() -> None:
    before = {node: on_node(node, "nft list table inet mine; cat /etc/cni-of-mine.conf") for node in MACHINES}
    run = run_playbook("--extra-vars", f"reset_consent={lab_name()}", playbook="playbooks/reset.yml")
    assert run.code == 0, run.output[-6000:]
    for node in MACHINES:
        assert on_node(node, "nft list table inet mine; cat /etc/cni-of-mine.conf") == before[node]
        assert on_node(node, "ls /var/lib/atarnet-homelab 2>/dev/null | wc -l").strip() == "0"
        assert on_node(node, "nft list tables").split() == ["table", "inet", "mine"]
        assert on_node(node, "ls /etc/kubernetes /var/lib/etcd /opt/cni 2>/dev/null | wc -l").strip() == "0"
        assert on_node(node, "systemctl is-active ssh").strip() == "active"


def test_reset_again_changes_nothing() -> None:
    run = run_playbook("--extra-vars", f"reset_consent={lab_name()}", playbook="playbooks/reset.yml")
    assert run.code == 0, run.output[-3000:]
    assert run.changed_tasks() == []


def lab_name() -> str:
    """Return the lab's name as the inventory has it."""
    listed = subprocess.run([INVENTORY / "hosts.py", "--list"], check=True, capture_output=True).stdout
    return str(json.loads(listed)["all"]["vars"]["homelab_name"])
