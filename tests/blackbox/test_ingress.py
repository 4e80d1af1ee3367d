# SPDX-License-Identifier: GPL-3.0-or-later
"""Another controller takes over on a living lab, and gives back: how NGINX Ingress Controller is wired.

Its image in the lab may be a stand-in that serves no routes. Only what is true of both is looked at.
"""

from __future__ import annotations

import itertools
import json
import time
import typing as t
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.lab import SiteRun, kubectl, kubectl_json, lab_record, look_from, on_node, run_playbook

# Prints when it asked and what came, 0 for nothing, until the file is gone.
WATCH = """
import http.client, os, sys, time
address, flag = sys.argv[1:]
while os.path.exists(flag):
    asked, status = time.monotonic(), 0
    try:
        connection = http.client.HTTPConnection(address, timeout=0.5)
        connection.request("GET", "/", headers={"Host": "nobody.example.org"})
        status = connection.getresponse().status
    except OSError:
        pass
    print(asked, status)
    time.sleep(0.1)
"""
# Pods that go still end what they are at.
KINDS = "deployments,configmaps,serviceaccounts,roles,rolebindings,poddisruptionbudgets,services"
LABEL = "app.kubernetes.io/name=nginx"
WITHOUT_ANSWER_S = 30.0


class Switch(t.NamedTuple):
    """A run that changed the controller, and for how long at most nobody answered meanwhile, in seconds."""

    run: SiteRun
    silent: float


def switch(folder: Path, *arguments: str) -> Switch:
    """Run the platform while somebody of the LAN keeps asking."""
    flag = folder / "watching"
    flag.touch()
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(look_from, "users", "python3", "-c", WATCH, lab_record().ingress, str(flag))
        try:
            run = run_playbook(*arguments, playbook="playbooks/platform.yml")
        finally:
            time.sleep(2)
            flag.unlink()
        lines = [line.split() for line in watching.result().splitlines()]
    times = [float(asked) for asked, status in lines if status != "0"]
    assert lines[0][1] == lines[-1][1] == "404", "it answered before, and does after"
    return Switch(run, max(later - earlier for earlier, later in itertools.pairwise(times)))


@pytest.fixture(scope="module", autouse=True)
def switched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    folder = tmp_path_factory.mktemp("ingress")
    try:
        there = switch(folder, "-e", json.dumps({"homelab_ingress": {"provider": "nginx"}}))
        print(f"ingress to=nginx seconds={there.run.seconds:.1f} without_answer={there.silent:.1f}")
        assert there.run.code == 0, there.run.output[-3000:]
        yield there
    finally:
        back = switch(folder)
        print(f"ingress to=traefik seconds={back.run.seconds:.1f} without_answer={back.silent:.1f}")
        assert back.run.code == 0, back.run.output[-3000:]
        assert names("nginx") == []
        assert back.silent < WITHOUT_ANSWER_S


def names(provider: str) -> list[str]:
    """Return what there is of a controller."""
    found = kubectl("get", "clusterroles,clusterrolebindings,ingressclasses", "--output", "name").split()
    found += kubectl("--namespace", "ingress", "get", KINDS, "--output", "name").split()
    return [name for name in found if provider in name.partition("/")[2].split("-")]


def pods() -> list[dict[str, t.Any]]:
    return list(kubectl_json("--namespace", "ingress", "get", "pods", "--selector", LABEL)["items"])


def test_the_other_one_is_gone_and_its_address_has_moved(switched: Switch) -> None:
    assert names("traefik") == []
    assert names("nginx") != []
    given = kubectl_json("--namespace", "ingress", "get", "service", "ingress")["status"]["loadBalancer"]["ingress"]
    assert [item["ip"] for item in given] == [lab_record().ingress]
    assert switched.silent < WITHOUT_ANSWER_S


def test_two_workers_run_it_and_one_may_be_taken_away() -> None:
    assert {pod["spec"]["nodeName"] for pod in pods()} == {"w1", "w2"}
    status = kubectl_json("--namespace", "ingress", "get", "poddisruptionbudget", "ingress")["status"]
    assert (status["currentHealthy"], status["disruptionsAllowed"]) == (2, 1)


@pytest.mark.parametrize("node", ["w1", "w2"])
def test_it_runs_with_nothing_but_what_its_programs_ask_for(node: str) -> None:
    sandbox = on_node(node, f"crictl pods --quiet --state ready --label {LABEL}").split()[0]
    container = on_node(node, f"crictl ps --quiet --pod {sandbox}").split()[0]
    seen = json.loads(on_node(node, f"crictl inspect {container}"))["info"]
    spec = seen["runtimeSpec"]
    assert spec["root"]["readonly"] and spec["process"]["noNewPrivileges"]
    assert spec["process"]["user"]["uid"] == 101
    assert spec["process"]["capabilities"]["bounding"] == ["CAP_NET_BIND_SERVICE"]
    assert "CapEff:\t0000000000000000" in on_node(node, f"cat /proc/{seen['pid']}/status")


def test_health_and_metrics_have_ports_of_their_own() -> None:
    for pod in pods():
        place, node = pod["status"]["podIP"], pod["spec"]["nodeName"]
        asked = f"import urllib.request as r; print(r.urlopen('http://{place}:8081/nginx-ready', timeout=5).status)"
        assert on_node(node, f'python3 -c "{asked}"').strip() == "200"
        assert on_node(node, f"python3 -c \"import socket; socket.create_connection(('{place}', 9113), 5)\"") == ""


def test_a_name_that_nobody_has_is_refused() -> None:
    body = look_from("users", "curl", "-sS", "-m", "5", "-w", "%{http_code}", f"http://{lab_record().ingress}/")
    assert body.endswith("404")
    assert ("stand-in" in body) == ("nginx" in lab_record().stand_ins)
    asked = ["openssl", "s_client", "-connect", f"{lab_record().ingress}:443", "-servername", "nobody.example.org"]
    said = look_from("users", "sh", "-c", f"{' '.join(asked)} < /dev/null 2>&1 || true")
    assert "no peer certificate available" in said and "BEGIN CERTIFICATE" not in said
