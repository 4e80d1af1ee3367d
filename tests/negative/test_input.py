# SPDX-License-Identifier: GPL-3.0-or-later
"""Every refused input says why, and every sound one is accepted: all by the model, some by ansible-playbook."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._lab import plan
from ansible_collections.atarnet.homelab.plugins.module_utils._lab.problems import InputError

from .cases import BASE_HOSTS, CHECKOUT, Case, parse, read_cases, read_yaml, the_lock
from .playbook import run

REJECTED = read_cases("rejected")
ACCEPTED = read_cases("accepted")
# One of each way that a message can arise; the rest is the same code.
PLAYED = (
    "unknown_key",
    "overlap_pod_node",
    "version_number",
    "host_without_node",
    "several_at_once",
    "missing_required",
    "network_ssh_cut",
    "network_host_missing",
)


def test_there_are_enough_cases() -> None:
    assert len(REJECTED) >= 120
    assert len(ACCEPTED) >= 15


@pytest.mark.parametrize("case", REJECTED, ids=lambda case: case.name)
def test_rejected(case: Case) -> None:
    """Each expected problem is found, and no other that would hide it."""
    with pytest.raises(InputError) as caught:
        parse(case)
    found = [str(problem) for problem in caught.value.problems]
    unmet = [error for error in case.errors if not any(re.search(error, text) for text in found)]
    assert not unmet, found
    assert len(found) == len(case.errors), found


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.name)
def test_accepted(case: Case) -> None:
    compiled = plan.compile_plan(parse(case), the_lock())
    assert {key: compiled[key] for key in case.expect} == case.expect


def test_the_example_inventory_is_accepted() -> None:
    """What people copy first must work as it is."""
    folder = CHECKOUT / "inventories" / "example"
    variables: dict[str, object] = {}
    for path in sorted((folder / "group_vars" / "all").glob("*.yml")):
        variables |= read_yaml(path)
    hosts = read_yaml(folder / "hosts.yml")["all"]["hosts"]
    compiled = plan.compile_plan(parse(Case("example", variables, tuple(hosts), (), (), {})), the_lock())
    assert {name: node["address"] for name, node in compiled["nodes"].items()} == {
        name: host["ansible_host"] for name, host in hosts.items()
    }


@pytest.mark.parametrize("case", [case for case in REJECTED if case.name in PLAYED], ids=lambda case: case.name)
def test_rejected_by_ansible(case: Case, tmp_path: Path) -> None:
    """The messages reach the user, the exit code says so, and no host was asked or touched."""
    done = run(tmp_path, "validate", case.variables, case.hosts, case.other_hosts)
    assert done.code != 0
    assert not done.touched
    assert "Look at the hosts" not in done.output
    for error in case.errors:
        assert re.search(r"^ +\d+\. " + error.removeprefix("^"), done.output, re.MULTILINE), done.output


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ({"homelab_timezone": "{{ nowhere }}"}, r"homelab_timezone: its template cannot be rendered .*nowhere.*Define"),
        (
            {"homelab_timezone": "{{ 'UTC' }}", "homelab_time_servers": "{{ 5 }}"},
            r"homelab_time_servers = 5: it must be a list, but is a whole number",
        ),
    ],
    ids=["undefined", "rendered"],
)
def test_templates(host: dict[str, str], message: str, tmp_path: Path) -> None:
    """Values are judged as rendered; what cannot be rendered is named."""
    done = run(tmp_path, "validate", {**_base(), **host}, BASE_HOSTS)
    assert done.code != 0
    assert not done.touched
    assert re.search(message, done.output), done.output


def test_hosts_agree(tmp_path: Path) -> None:
    """A value that only some hosts have is refused: there is one lab."""
    differing = {"homelab_timezone": "{{ 'UTC' }}"}
    done = run(tmp_path, "validate", _base(), BASE_HOSTS, one_host={"node3": differing})
    assert done.code != 0
    assert "host node3 has" in done.output
    assert "Set homelab_timezone once, in group_vars/all" in done.output


@pytest.mark.parametrize(
    "case", [case for case in ACCEPTED if case.name in ("minimal", "overlays", "network")], ids=lambda c: c.name
)
def test_accepted_by_ansible(case: Case, tmp_path: Path) -> None:
    """ansible-playbook compiles the very plan the model does, with the kubeconfig's path rendered and expanded."""
    done = run(tmp_path, "plan", case.variables, case.hosts)
    assert done.code == 0, done.output
    assert done.touched
    expected = plan.compile_plan(parse(case), the_lock())
    expected["kubeconfig"] = os.path.expanduser("~/.kube/home.conf")
    assert done.kept == expected


def _base() -> dict[str, object]:
    return next(case.variables for case in ACCEPTED if case.name == "minimal")
