# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking the hosts back: asks, removes only our own, and the host is as it was. Then the lab is built anew."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import authority
from tests.support.lab import CHECKOUT, INVENTORY, MACHINES, kubectl, lab, on_node, playbook_command, run_playbook

# As the provisioner makes it, on one of w1's disks.
VOLUME = "/srv/ssd/volumes/pvc-1_apps_data"
FOREIGN_RULES = "table inet mine { chain input { type filter hook input priority 10; tcp dport 9999 drop; }; }"


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A route whose name the authority is shown an answer for. (A record would take a minute more.)"""
    path = tmp_path_factory.mktemp("reset") / "routes.json"
    path.write_text(json.dumps({"homelab_routes": authority.routes("answer")}), encoding="utf-8")
    authority.forget()
    return path


@pytest.fixture(scope="module", autouse=True)
def foreign(routes: Path) -> Iterator[None]:
    """Blank nodes with a firewall table and a file of somebody else, then the whole site on them."""
    # How a host was before is written down by the first run.
    lab("nodes", "reset")
    for node in MACHINES:
        on_node(node, f"nft add table inet mine && nft '{FOREIGN_RULES}' && echo theirs > /etc/cni-of-mine.conf")
    run = run_playbook("-e", f"@{routes}")
    assert run.code == 0, run.output[-3000:]
    on_node("w1", f"mkdir {VOLUME} && echo theirs > {VOLUME}/word")
    yield
    # Whoever comes next finds a cluster without them.
    run_playbook()
    kubectl("delete", "namespace", authority.NAMESPACE, "--ignore-not-found", "--timeout=120s")
    authority.forget()


def test_reset_refuses_without_consent() -> None:
    command = playbook_command("--extra-vars", "reset_consent=no", playbook="playbooks/reset.yml")
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Type the lab's name" in done.stdout
    assert on_node("cp1", "systemctl is-active kubelet").strip() == "active"


def test_reset_takes_everything_of_ours_and_nothing_else(routes: Path) -> None:
    before = {node: on_node(node, "nft list table inet mine; cat /etc/cni-of-mine.conf") for node in MACHINES}
    consent = f"reset_consent={lab_name()}"
    run = run_playbook("--extra-vars", consent, "-e", f"@{routes}", playbook="playbooks/reset.yml")
    assert run.code == 0, run.output[-6000:]
    for node in MACHINES:
        assert on_node(node, "nft list table inet mine; cat /etc/cni-of-mine.conf") == before[node]
        assert on_node(node, "ls /var/lib/atarnet-homelab 2>/dev/null | wc -l").strip() == "0"
        assert on_node(node, "nft list tables").split() == ["table", "inet", "mine"]
        assert on_node(node, "ls /etc/kubernetes /var/lib/etcd /opt/cni 2>/dev/null | wc -l").strip() == "0"
        assert on_node(node, "systemctl is-active ssh").strip() == "active"


def test_reset_leaves_volumes_with_data_and_all_disks() -> None:
    assert on_node("w1", f"cat {VOLUME}/word").strip() == "theirs"
    assert on_node("w1", "ls -A /srv/ssd/volumes").split() == ["pvc-1_apps_data"], "our mark is gone"
    for place in ("/srv/ssd", "/srv/hdd"):
        assert on_node("w2", f"mountpoint -q {place} && ls -A {place}").strip() == ""


def test_reset_again_changes_nothing() -> None:
    run = run_playbook("--extra-vars", f"reset_consent={lab_name()}", playbook="playbooks/reset.yml")
    assert run.code == 0, run.output[-3000:]
    assert run.changed_tasks() == []


def test_a_lab_that_is_built_anew_orders_no_certificate(routes: Path) -> None:
    """The authority's own count says so, and the certificates are those of the cluster before."""
    before = authority.orders()
    assert before
    kept = {path.name: path.read_bytes() for path in authority.kept().glob("*.json")}
    run = run_playbook("-e", f"@{routes}")
    assert run.code == 0, run.output[-3000:]
    place = ("--namespace", authority.NAMESPACE)
    kubectl(*place, "wait", "--for=condition=Ready", "certificate/answer-tls", "--timeout=60s")
    print(f"rebuilt new_orders={authority.orders() - before}")
    assert authority.orders() == before
    assert {path.name: path.read_bytes() for path in authority.kept().glob("*.json")} == kept


def lab_name() -> str:
    """Return the lab's name as the inventory has it."""
    listed = subprocess.run([INVENTORY / "hosts.py", "--list"], check=True, capture_output=True).stdout
    return str(json.loads(listed)["all"]["vars"]["homelab_name"])
