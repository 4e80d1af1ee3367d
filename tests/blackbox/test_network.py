# SPDX-License-Identifier: GPL-3.0-or-later
"""The segments as nmap sees them from each: what the plan allows answers, open or closed; the rest keeps silent."""

from __future__ import annotations

import functools
import itertools
import json
import os
import subprocess
import typing as t
import xml.etree.ElementTree as ET
from ipaddress import IPv4Address

import pytest
from ansible_collections.atarnet.homelab.plugins.module_utils._network.evaluate import Judge

from lab import state
from tests.support.lab import CHECKOUT, INVENTORY, lab_record, look_from, on_node, run_playbook

SEGMENTS = (state.CLUSTER, *state.SEGMENTS)
PORTS = (22, 53, 80, 443, 6443, 10250, 30080)


@functools.cache
def network() -> dict[str, t.Any]:
    """Return the lab's plan["network"]."""
    command = ["ansible", "-i", str(INVENTORY), "cp1", "-m", "atarnet.homelab.lab_plan"]
    environment = {**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.partition(" => ")[2])["plan"]["network"])


def member(segment: str) -> str:
    """Return the address of the place to look from in a segment: something in it that the plan does not know."""
    return state.address(lab_record().segments[segment], state.PROBE_OFFSET)


def targets() -> dict[str, str]:
    """Return the addresses to look at by name: one unknown member of each segment, and all hosts of the plan."""
    found = {f"something in {segment}": member(segment) for segment in SEGMENTS}
    for name, host in network()["hosts"].items():
        found |= {f"{name} in {segment}": address for segment, address in host["addresses"].items()}
    return found


def scan(segment: str, addresses: t.Sequence[str]) -> dict[tuple[str, int], bool]:
    """Return whether something answered a new connection from *segment*, by address and port."""
    command = ["nmap", "-n", "-Pn", "-sS", "-T4", "--max-retries", "2", "-p", ",".join(map(str, PORTS)), "-oX", "-"]
    found = {}
    for host in ET.fromstring(look_from(segment, *command, *addresses)).iter("host"):
        seen = host.find("address")
        assert seen is not None
        for port in host.iter("port"):
            told = port.find("state")
            assert told is not None
            found[seen.attrib["addr"], int(port.attrib["portid"])] = told.attrib["state"] in ("open", "closed")
    return found


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[tuple[str, int], bool]]:
    """What answers to each segment, of all that there is."""
    for segment in SEGMENTS:
        look_from(segment, "true")
    places = set(targets().values())
    return {segment: scan(segment, sorted(places - {member(segment)})) for segment in SEGMENTS}


def test_what_answers_is_what_the_plan_allows(measured: dict[str, dict[tuple[str, int], bool]]) -> None:
    judge, wrong = Judge(network()), []
    for source, (name, address), port in itertools.product(SEGMENTS, targets().items(), PORTS):
        if address != member(source):
            verdict = judge.verdict(IPv4Address(member(source)), IPv4Address(address), "tcp", port)
            if measured[source][address, port] != verdict.allowed:
                wrong.append(f"{source} to {name} port {port}: planned {verdict}, but it is the other way")
    assert wrong == []
    answers = [answer for found in measured.values() for answer in found.values()]
    assert len(answers) > 400 and True in answers and False in answers


def test_the_internet_of_things_reaches_no_api_server(measured: dict[str, dict[tuple[str, int], bool]]) -> None:
    address = lab_record().nodes["cp1"].address
    assert {name: found[address, 6443] for name, found in measured.items()} == {
        name: name == "management" for name in SEGMENTS
    }


def test_only_management_reaches_ssh(measured: dict[str, dict[tuple[str, int], bool]]) -> None:
    for node in lab_record().nodes.values():
        assert {name: found[node.address, 22] for name, found in measured.items()} == {
            name: name == "management" for name in SEGMENTS
        }
    address = lab_record().nodes["w1"].address
    assert "SSH-2.0" in look_from("management", "bash", "-c", f"timeout 5 head -c 7 < /dev/tcp/{address}/22")


@pytest.mark.parametrize(
    ("source", "guard", "counter"), [("cluster", "cp1", "dropped"), ("users", "gw", "not_forwarded")]
)
def test_what_is_dropped_is_counted(source: str, guard: str, counter: str) -> None:
    before = dropped(guard, counter)
    scan(source, [lab_record().nodes["cp1"].address])
    assert dropped(guard, counter) >= before + len(PORTS)


def dropped(node: str, counter: str) -> int:
    found = json.loads(on_node(node, f"nft -j list counter inet homelab {counter}"))["nftables"]
    return next(int(entry["counter"]["packets"]) for entry in found if "counter" in entry)


def test_the_tables_of_others_are_as_they_were() -> None:
    """The firewall was loaded before the cluster came; its reload leaves every rule of kube-proxy and flannel alone."""
    others = "nft -s list ruleset | awk '/^table /{ours = /inet homelab /} !ours'"
    before = on_node("w1", others)
    assert "kube-proxy" in before and "flannel" in before
    on_node("w1", "nft add rule inet homelab input counter")
    run = run_playbook("--limit", "cp1,w1", playbook="playbooks/network.yml")
    assert [change["resource"] for change in run.changes()["w1"]] == ["table:inet homelab"]
    assert on_node("w1", others) == before
