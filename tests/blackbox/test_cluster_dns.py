# SPDX-License-Identifier: GPL-3.0-or-later
"""What pods get for names, as dig in one of them sees it: the cluster's, the plan's, and those of other DNS servers."""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Iterator

import pytest

from lab import internet, state
from tests.blackbox.test_dns import domain, internal, place, public
from tests.support.lab import TOOLBOX, kubectl, kubectl_json, lab_record, run_playbook

NAMESPACE = "names"
DIG = "dig +time=3 +tries=1 +noall +comments +answer"
POD: dict[str, t.Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "asker", "namespace": NAMESPACE},
    "spec": {
        "terminationGracePeriodSeconds": 1,
        "containers": [
            {"name": "asker", "image": TOOLBOX, "command": ["sleep", "infinity"]},
        ],
    },
}


@pytest.fixture(scope="module", autouse=True)
def _pod() -> Iterator[None]:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    try:
        items = {"apiVersion": "v1", "kind": "List", "items": [namespace, POD]}
        kubectl("apply", "--filename", "-", document=json.dumps(items))
        kubectl("--namespace", NAMESPACE, "wait", "--for=condition=Ready", "pod/asker", "--timeout=120s")
        yield
    finally:
        kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")


def inside(*command: str) -> str:
    return kubectl("--namespace", NAMESPACE, "exec", "asker", "--", *command)


def ask(questions: t.Iterable[str]) -> dict[str, tuple[str, list[str]]]:
    """Return status and sorted answers (type and value) by question."""
    script = "; ".join(f"echo '== {question}'; {DIG} {question} || true" for question in questions)
    found = {}
    for block in inside("sh", "-c", script).split("== ")[1:]:
        question, _newline, rest = block.partition("\n")
        status = re.search(r"status: (\w+)", rest)
        rows = [line.split() for line in rest.splitlines() if line and not line.startswith(";")]
        found[question] = (status[1] if status else "none", sorted(f"{row[3]} {row[4]}" for row in rows))
    return found


def test_pods_resolve_the_names_of_the_plan() -> None:
    wanted = {**internal(), **public()}
    for others in ("-x 10.96.0.77", "-x 192.168.77.1", "elsewhere.example"):
        del wanted[others]
    assert ask(wanted) == wanted


def test_pods_resolve_the_names_of_the_cluster() -> None:
    service = kubectl_json("--namespace", "kube-system", "get", "service", "kube-dns")["spec"]["clusterIP"]
    assert service == "10.96.0.10"
    reverse = ".".join(reversed(service.split("."))) + ".in-addr.arpa PTR"
    assert ask(["kubernetes.default.svc.cluster.local", reverse, "nothing.default.svc.cluster.local"]) == {
        "kubernetes.default.svc.cluster.local": ("NOERROR", ["A 10.96.0.1"]),
        reverse: ("NOERROR", ["PTR kube-dns.kube-system.svc.cluster.local."]),
        "nothing.default.svc.cluster.local": ("NXDOMAIN", []),
    }


def test_it_stands_on_two_nodes() -> None:
    found = kubectl_json("--namespace", "kube-system", "get", "pods", "--selector", "k8s-app=kube-dns")["items"]
    assert len({item["spec"]["nodeName"] for item in found}) == len(found) == 2


def test_a_zone_of_others_is_asked_for_there_and_no_question_is_lost_on_the_way() -> None:
    """The stand-in for public DNS knows example.net; the nodes do not ask it."""
    name = "rebind.example.net"
    zones = {"homelab_stub_zones": {"example.net": [place(state.CLUSTER, state.RESOLVER_OFFSET)]}}
    questions = ["kubernetes.default.svc.cluster.local", f"cp1.{domain()}"]
    loop = f"while [ -e /tmp/go ]; do for name in {' '.join(questions)}; do {DIG} $name; done; done"
    before = ask([name])[name]
    inside("sh", "-c", f"touch /tmp/go; ({loop}) > /tmp/told 2>&1 &")
    try:
        run = run_playbook("-e", json.dumps(zones), playbook="playbooks/cluster.yml")
        found = ask([name])[name]
    finally:
        back = run_playbook(playbook="playbooks/cluster.yml")
    told = inside("sh", "-c", "rm /tmp/go; cat /tmp/told")
    assert (run.code, back.code) == (0, 0), run.output[-3000:] + back.output[-3000:]
    assert before != found == ("NOERROR", [f"A {lab_record().nodes['cp1'].address}"])
    answered, lost = told.count("status: NOERROR"), len(re.findall("no servers|SERVFAIL|REFUSED", told))
    print(f"cluster_dns rollout answered={answered} lost={lost}")
    assert answered > 100 and lost == 0


def test_a_public_name_with_an_answer_inside_has_that_answer() -> None:
    answer = ask(["app.example.org"])["app.example.org"][1]
    assert answer == [f"A {lab_record().ingress}"] != [f"A {internet.ADDRESSES['app']}"]
