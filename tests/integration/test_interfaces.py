# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine of the lab moves to another address, is given a wrong one, loses its controller, and is as before.

Tagged VLANs are in tests/vm: the kernel below the lab's containers has none.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import typing as t
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.state import ROUTER_OFFSET, address
from tests.support.lab import CHECKOUT, INVENTORY, kill_controller, lab, lab_record, on_node, run_playbook

Json = dict[str, t.Any]

ROUTER = "gw"
WITHIN_S = 8
PENDING = "/var/lib/atarnet-homelab/network/pending.json"
# Seconds on the machine's own clock, from the note that a change is pending to its end.
WATCH = f"""
while [ ! -e {PENDING} ]; do sleep 0.05; done; cut -d' ' -f1 /proc/uptime
while [ -e {PENDING} ]; do sleep 0.05; done; cut -d' ' -f1 /proc/uptime
"""
ENVIRONMENT = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default", "ANSIBLE_TIMEOUT": "3"}
RULES = "chain input { type filter hook input priority filter; policy accept; }"
CONFIGURED = "ip -br address | sed s/@if[0-9]*// | sort; ls /etc/systemd/network"
LOOK = f"{CONFIGURED}; ip route; cat /etc/resolv.conf; systemctl is-enabled systemd-networkd || true"


@pytest.fixture(scope="module", autouse=True)
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing on it is ours, and whoever comes next finds it as the plan has it."""
    run(tmp_path_factory.mktemp("play"), {"state": "absent"})
    yield
    mended = run_playbook(playbook="playbooks/network.yml")
    assert mended.code == 0, mended.output[-3000:]


def link(segment: str) -> str:
    """Return the name of the router's interface in a segment."""
    home = home_in(segment)
    for entry in json.loads(on_node(ROUTER, "ip -j address show")):
        if any(one.get("local") == home for one in entry["addr_info"]):
            return str(entry["ifname"])
    raise AssertionError(f"{ROUTER} has no interface in {segment}")


def home_in(segment: str) -> str:
    """Return the router's address in a segment."""
    return address(lab_record().segments[segment], ROUTER_OFFSET)


def play(folder: Path, arguments: Json, at: str = "") -> list[str]:
    """Return the command that runs host_network on the router, reached *at* this address, and looks at it then."""
    reached = {
        "ansible_host": at or home_in("cluster"),
        "ansible_ssh_extra_args": f"-o HostKeyAlias={home_in('cluster')}",
    }
    moved = {"ansible_host": "{{ changed.address }}"}
    tasks = [
        {"atarnet.homelab.host_network": {"confirm_within": WITHIN_S, **arguments}, "register": "changed"},
        {"ansible.builtin.set_fact": moved, "when": "changed.address is defined"},
        {"ansible.builtin.raw": "ip -br -c=never address"},
    ]
    (folder / "play.yml").write_text(
        json.dumps([{"hosts": "all", "gather_facts": False, "vars": reached, "tasks": tasks}])
    )
    return ["ansible-playbook", "-i", str(INVENTORY), "--limit", ROUTER, str(folder / "play.yml"), "-v"]


def run(folder: Path, arguments: Json, *more: str, at: str = "") -> str:
    """Run it to its end and return what it printed."""
    command = [*play(folder, arguments, at), *more]
    done = subprocess.run(command, cwd=CHECKOUT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def wish(name: str, *addresses: str, **more: t.Any) -> Json:
    """Return the arguments that give one interface these addresses."""
    return {"ruleset": RULES, "interfaces": {"links": [{"name": name, "addresses": list(addresses), **more}]}}


def test_it_moves_and_the_play_goes_on_at_the_new_address(tmp_path: Path) -> None:
    before, name, home = on_node(ROUTER, LOOK), link("cluster"), home_in("cluster")
    other = address(lab_record().segments["cluster"], ROUTER_OFFSET - 1)
    said = run(tmp_path, wish(name, f"{other}/24"))
    assert "changed=2" in said and f"{name}@" in said and f"{other}/24" in said, said
    assert f"{home}/24" not in on_node(ROUTER, "ip -br address")
    again = run(tmp_path, wish(name, f"{other}/24"), at=other)
    assert "changed=1" in again, f"only the look at it: {again}"
    back = run(tmp_path, {"state": "absent"}, at=other)
    assert "changed=2" in back and f"{home}/24" in back, back
    assert on_node(ROUTER, LOOK) == before


def test_a_bridge_takes_an_interface_over_and_gives_it_back(tmp_path: Path) -> None:
    before, name = on_node(ROUTER, LOOK), link("users")
    home = home_in("users")
    bridge = {"name": "br0", "kind": "bridge", "members": [name], "addresses": [f"{home}/24"]}
    arguments = {"ruleset": RULES, "interfaces": {"links": [{"name": name}, bridge]}}
    checked = run(tmp_path, arguments, "--check", "--diff")
    assert "interface:br0 (create" in checked and on_node(ROUTER, LOOK) == before, checked
    assert "changed=2" in run(tmp_path, arguments)
    assert "master br0" in on_node(ROUTER, f"ip link show {name}")
    assert "changed=1" in run(tmp_path, arguments)
    assert "changed=2" in run(tmp_path, {"state": "absent"})
    assert on_node(ROUTER, LOOK) == before


@pytest.mark.parametrize("killed", [False, True], ids=["nobody comes", "controller killed"])
def test_a_wrong_address_is_taken_back_in_time(tmp_path: Path, killed: bool) -> None:
    before, name = on_node(ROUTER, LOOK), link("cluster")
    wrong = address(lab_record().segments["services"], ROUTER_OFFSET - 2)
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(on_node, ROUTER, WATCH)
        process = subprocess.Popen(
            play(tmp_path, wish(name, f"{wrong}/32")), cwd=CHECKOUT, env=ENVIRONMENT, start_new_session=True,
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        if killed:
            on_node(ROUTER, WATCH.splitlines()[1])
            time.sleep(2)
            assert f"{wrong}/32" in on_node(ROUTER, "ip -br address"), "the wrong address is in force"
            kill_controller(process.pid)
            # As every installation of a package does: the time that runs is not begun anew.
            on_node(ROUTER, "systemctl daemon-reload")
        said = process.communicate(timeout=120)[0]
        begun, ended = (float(word) for word in watching.result(timeout=120).split())
    assert ended - begun <= WITHIN_S + 2, f"{ended - begun:.2f} s"
    assert on_node(ROUTER, LOOK) == before
    if not killed:
        assert f"no new connection to {wrong} came through" in said and "put everything back" in said, said
    run(tmp_path, {"state": "absent"})
    assert on_node(ROUTER, LOOK) == before


@pytest.mark.parametrize("first", [True, False], ids=["first change", "giving back"])
def test_a_boot_in_the_middle_waits_for_nothing(tmp_path: Path, first: bool) -> None:
    """Neither for the network it puts back, nor for one that nobody configures any more."""
    before, name, home = on_node(ROUTER, LOOK), link("cluster"), home_in("cluster")
    if not first:
        assert "changed=2" in run(tmp_path, wish(name, f"{home}/24"))
    ours = on_node(ROUTER, CONFIGURED)
    change = wish(name, f"{home}/30") if first else {"state": "absent"}
    command = play(tmp_path, {**change, "confirm_within": 300})
    process = subprocess.Popen(
        command, cwd=CHECKOUT, env=ENVIRONMENT, start_new_session=True, stdout=subprocess.DEVNULL
    )
    on_node(ROUTER, WATCH.splitlines()[1])
    # At once: what it asked for happens without it, but nobody may come and confirm it.
    kill_controller(process.pid)
    process.wait()
    time.sleep(2)
    lab("node", "stop", ROUTER)
    lab("node", "start", ROUTER)
    assert on_node(ROUTER, f"[ -e {PENDING} ] || echo none").strip() == "none"
    assert on_node(ROUTER, CONFIGURED) == ours
    run(tmp_path, {"state": "absent"})
    assert on_node(ROUTER, LOOK) == before
