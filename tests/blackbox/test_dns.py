# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of the lab as dig gets them in each segment: the right answer where one is due, and none elsewhere."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
import typing as t

import pytest

from lab import internet, podman, state
from lab.inventory import DNS_SERVERS, inventory
from tests.support.lab import lab_record, look_from, on_node, run_playbook

# Segments with a flow to dns that see everything.
INSIDE = ("management", "cluster", "users")
DIG = "dig +time=3 +tries=2 +noall +comments +answer"

Answer = tuple[str, list[str]]


def domain() -> str:
    return f"{lab_record().name}.home.arpa"


def place(segment: str, offset: int) -> str:
    return state.address(lab_record().segments[segment], offset)


def server(name: str = "w1") -> str:
    return lab_record().nodes[name].address


def ask(segment: str, questions: t.Sequence[str], at: str = "w1") -> dict[str, Answer]:
    """Return status and sorted answers (type and value) by question, as dig of this machine gets them in *segment*."""
    script = "; ".join(f"echo '== {question}'; {DIG} @{server(at)} {question} || true" for question in questions)
    found: dict[str, Answer] = {}
    for block in look_from(segment, "sh", "-c", script).split("== ")[1:]:
        question, _newline, rest = block.partition("\n")
        status = re.search(r"status: (\w+)", rest)
        rows = [line.split() for line in rest.splitlines() if line and not line.startswith(";")]
        found[question] = (status[1] if status else "none", sorted(f"{row[3]} {row[4]}" for row in rows))
    return found


def asked_outside() -> list[str]:
    """Return the names that the stand-in for public DNS was asked for, in order.

    It looks for the target of an alias itself, and logs that, first, as a question of the same sender and id.
    """
    name = podman.name_of(lab_record().name, "resolver")
    log = subprocess.run(["podman", "logs", name], check=True, capture_output=True, text=True)
    lines = re.findall(r'(\S+ - \d+) "[A-Z]+ IN (\S+)\. (?:udp|tcp)', log.stdout + log.stderr)
    return list(dict(lines).values())


def internal() -> dict[str, Answer]:
    """Return what must be answered to those inside."""
    home, lab = domain(), lab_record()
    reverse = ".".join(reversed(server().split("."))) + ".in-addr.arpa"
    return {
        f"cp1.{home}": ("NOERROR", [f"A {lab.nodes['cp1'].address}"]),
        f"gw.{home}": ("NOERROR", [f"A {place('cluster', state.ROUTER_OFFSET)}"]),
        f"gw.users.{home}": ("NOERROR", [f"A {place('users', state.ROUTER_OFFSET)}"]),
        f"gateway.iot.{home}": ("NOERROR", [f"A {place('iot', state.ROUTER_OFFSET)}"]),
        f"api.{home}": ("NOERROR", [f"A {lab.nodes['cp1'].address}"]),
        f"ingress.{home}": ("NOERROR", [f"A {lab_record().ingress}"]),
        f"printer.{home}": ("NOERROR", [f"A {place('users', 30)}"]),
        f"wiki.{home}": ("NOERROR", [f"A {lab_record().ingress}", f"CNAME ingress.{home}."]),
        f"any.apps.{home}": ("NOERROR", [f"A {lab_record().ingress}", f"CNAME ingress.{home}."]),
        f"cp1.{home} AAAA": ("NOERROR", []),
        f"nobody.{home}": ("NXDOMAIN", []),
        f"-x {server()}": ("NOERROR", [f"PTR w1.{home}."]),
        f"{reverse} PTR": ("NOERROR", [f"PTR w1.{home}."]),
        f"-x {place('users', 30)}": ("NOERROR", [f"PTR printer.{home}."]),
        f"-x {place('users', 99)}": ("NXDOMAIN", []),
        "-x 10.96.0.77": ("NXDOMAIN", []),
        "-x 192.168.77.1": ("NXDOMAIN", []),
        "app.example.org": ("NOERROR", [f"A {lab_record().ingress}"]),
        "shop.dev.example.org": ("NOERROR", [f"A {lab_record().ingress}"]),
        "kubernetes.default.svc.cluster.local": ("NOERROR", ["A 10.96.0.1"]),
        "nobody.default.svc.cluster.local": ("NXDOMAIN", []),
    }


def public() -> dict[str, Answer]:
    """Return what must be answered to everybody who may ask."""
    return {
        "www.example.org": ("NOERROR", [f"A {internet.ADDRESSES['www']}"]),
        "dev.example.org": ("NOERROR", [f"A {internet.ADDRESSES['dev']}"]),
        "example.org MX": ("NOERROR", ["MX 10"]),
        "nobody.example.org": ("NXDOMAIN", []),
        "elsewhere.example": ("NXDOMAIN", []),
    }


@pytest.mark.parametrize("at", DNS_SERVERS)
@pytest.mark.parametrize("segment", INSIDE)
def test_who_is_inside_gets_every_name(segment: str, at: str) -> None:
    wanted = {**internal(), **public()}
    assert ask(segment, list(wanted), at) == wanted


def test_an_isolated_segment_gets_public_names_only() -> None:
    wanted = public() | {
        "app.example.org": ("NOERROR", [f"A {internet.ADDRESSES['app']}"]),
        "deep.dev.example.org": ("NOERROR", [f"A {internet.ADDRESSES['deep.dev']}"]),
    }
    assert ask("iot", list(wanted)) == wanted
    ours = [question for question in internal() if "example.org" not in question]
    assert ask("iot", ours) == dict.fromkeys(ours, ("NXDOMAIN", []))


def test_no_public_name_leads_an_isolated_segment_inside() -> None:
    names = ["host.example.net", "cluster.example.net", "rebind.example.net"]
    for name, (status, answers) in ask("iot", names).items():
        assert not any(answer.startswith("A ") for answer in answers), (name, status, answers)
    found = ask("users", names)
    assert f"A {lab_record().nodes['cp1'].address}" in found["host.example.net"][1]
    assert not any(answer.startswith("A ") for answer in found["rebind.example.net"][1])


def test_a_segment_without_a_flow_gets_nothing() -> None:
    assert ask("services", ["www.example.org"]) == {"www.example.org": ("none", [])}


def on_wire_of(node: str, *command: str) -> str:
    """Run a command of this machine with a node's network."""
    name = podman.name_of(lab_record().name, node)
    process = subprocess.run(
        ["podman", "inspect", "--format", "{{.State.Pid}}", name], check=True, capture_output=True, text=True
    ).stdout.strip()
    inside = ["nsenter", f"--net=/proc/{process}/ns/net", "--", *command]
    return subprocess.run(inside, check=False, capture_output=True, text=True, timeout=60).stdout


def test_strangers_are_refused() -> None:
    on_node("w1", "ip address add 198.51.100.1/32 dev lo")
    try:
        for name in (f"cp1.{domain()}", "www.example.org"):
            told = on_wire_of("w1", *shlex.split(DIG), "-b", "198.51.100.1", f"@{server()}", name)
            assert "status: REFUSED" in told
    finally:
        on_node("w1", "ip address del 198.51.100.1/32 dev lo")


def test_nobody_is_given_the_whole_zone() -> None:
    transfer = look_from("users", "sh", "-c", f"dig +time=3 +tries=1 @{server()} {domain()} AXFR || true")
    assert "Transfer failed" in transfer and "cp1" not in transfer
    # RFC 8482: one record at most.
    for status, answers in ask("users", [f"{domain()} ANY", f"cp1.{domain()} ANY", "www.example.org ANY"]).values():
        assert len(answers) <= 1 and status in ("NOERROR", "NOTIMP", "REFUSED")


def test_nothing_of_ours_is_asked_outside() -> None:
    ask("users", [*internal(), f"leak.{domain()}", "leak.default.svc.cluster.local", "www.example.org"])
    ask("iot", [*internal(), f"leak.{domain()}"])
    names = asked_outside()
    assert any(name == "www.example.org" for name in names), "the stand-in shows no question"
    ours = re.compile(rf"(^|\.)({re.escape(domain())}|cluster\.local|10\.in-addr\.arpa|168\.192\.in-addr\.arpa)$")
    assert [name for name in names if ours.search(name)] == []


def test_a_dead_forwarder_is_passed_over() -> None:
    stamp = int(time.time())
    names = [f"fresh{number}-{stamp}.example.org" for number in range(20)]
    assert ask("users", names) == dict.fromkeys(names, ("NXDOMAIN", []))


def test_what_was_known_outlives_the_forwarders() -> None:
    assert ask("users", ["brief.example.org"])["brief.example.org"][1] == [f"A {internet.ADDRESSES['brief']}"]
    name = podman.name_of(lab_record().name, "resolver")
    subprocess.run(["podman", "pause", name], check=True, capture_output=True)
    try:
        time.sleep(2)
        found = ask("users", ["brief.example.org", f"cp1.{domain()}"])
    finally:
        subprocess.run(["podman", "unpause", name], check=True, capture_output=True)
    assert found["brief.example.org"] == ("NOERROR", [f"A {internet.ADDRESSES['brief']}"])
    assert found[f"cp1.{domain()}"][0] == "NOERROR"


def test_one_server_is_down_and_the_other_answers() -> None:
    on_node("w1", "systemctl stop unbound")
    try:
        assert ask("users", [f"cp1.{domain()}"])[f"cp1.{domain()}"] == ("none", [])
        wanted = {**internal(), **public()}
        assert ask("users", list(wanted), "w2") == wanted
    finally:
        on_node("w1", "systemctl start unbound")


def test_pods_resolve_by_the_plans_servers_without_a_circle() -> None:
    """CoreDNS hands on what is not the cluster's; nothing it hands on comes back to it."""
    found = ask("cluster", ["kubernetes.default.svc.cluster.local", "www.example.org", "-x 10.96.0.200"])
    assert [status for status, _answers in found.values()] == ["NOERROR", "NOERROR", "NXDOMAIN"]


def with_record(name: str, address: str) -> list[str]:
    """Return the arguments of a run in which one record more is wanted."""
    network = inventory(lab_record())["all"]["vars"]["homelab_network"]
    network["dns"]["records"][name] = address
    return ["-e", json.dumps({"homelab_network": network})]


def test_a_new_name_is_a_reload_that_loses_no_question(tmp_path: t.Any) -> None:
    questions = tmp_path / "questions"
    wanted = [*list(internal())[:8], "www.example.org", "app.example.org"]
    questions.write_text("".join(f"{name} A\n" for name in wanted) * 100)
    look_from("users", "true")
    digging = f"dig @{server()} +tries=1 +time=2 +noall +comments -f {questions}"
    ask("users", wanted)
    outside = asked_outside().count("www.example.org")
    command = ["python3", "-m", "lab", "look-from", "users", "sh", "-c", f"{digging} || true"]
    asking = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for _ in range(5):
        on_node("w1", "systemctl reload unbound")
    run = run_playbook(*with_record("new", "192.0.2.9"), playbook="playbooks/network.yml")
    told, _errors = asking.communicate(timeout=120)
    assert run.code == 0, run.output[-3000:]
    assert [(change["resource"], change["action"]) for change in run.changes()["w1"]] == [
        ("file:/etc/unbound/homelab/inside.zone", "update"),
        ("unit:unbound.service", "reload"),
    ]
    assert told.count("status: NOERROR") == 1000, f"{told.count('status: NOERROR')} of 1,000 answered"
    assert ask("users", [f"new.{domain()}"]) == {f"new.{domain()}": ("NOERROR", ["A 192.0.2.9"])}
    assert asked_outside().count("www.example.org") <= outside + 2, "the reload forgot what was known"
    back = run_playbook(playbook="playbooks/network.yml")
    assert back.code == 0 and ask("users", [f"new.{domain()}"])[f"new.{domain()}"] == ("NXDOMAIN", [])


def test_a_configuration_that_is_broken_by_hand_takes_no_server_down() -> None:
    broken = "/etc/unbound/unbound.conf.d/mine.conf"
    on_node("w2", f"echo 'server: nonsense: yes' > {broken}")
    try:
        run = run_playbook(*with_record("other", "192.0.2.10"), playbook="playbooks/network.yml")
        assert run.code != 0 and "Cannot reload unit:unbound.service: it goes on as before" in run.output
        assert ask("users", [f"cp1.{domain()}"], "w2")[f"cp1.{domain()}"][0] == "NOERROR"
    finally:
        on_node("w2", f"rm {broken}")
    assert run_playbook(playbook="playbooks/network.yml").code == 0


def test_a_host_that_serves_no_more_is_as_it_was() -> None:
    network = inventory(lab_record())["all"]["vars"]["homelab_network"]
    network["hosts"]["w2"]["dns"] = False
    run = run_playbook("-e", json.dumps({"homelab_network": network}), playbook="playbooks/network.yml")
    assert run.code == 0, run.output[-3000:]
    assert on_node("w2", "dpkg-query -W -f '${db:Status-Status}' unbound 2>/dev/null; ls -d /etc/unbound || true") == ""
    assert ask("users", [f"cp1.{domain()}"])[f"cp1.{domain()}"][0] == "NOERROR"
    assert run_playbook(playbook="playbooks/network.yml").code == 0
    assert ask("users", [f"cp1.{domain()}"], "w2")[f"cp1.{domain()}"][0] == "NOERROR"
    assert run_playbook(playbook="playbooks/network.yml").changed_tasks() == []
