# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates issued for real: an authority is shown names by HTTP and by DNS, and Traefik serves what it gives."""

from __future__ import annotations

import base64
import json
import re
import time
import typing as t
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tests.support import authority
from tests.support.lab import SiteRun, kubectl, kubectl_json, lab_record, run_playbook
from tests.traffic.client import Client

# Traefik looks for new Secrets every two seconds.
TAKEN_UP_WITHIN_S = 20.0
RENEWED_WITHIN_S = 90.0


class Served(t.NamedTuple):
    """The run that rolled the routes out, and how often the authority was asked during it."""

    run: SiteRun
    orders: int
    records: int
    ca: Path


def platform(folder: Path, *names: str) -> SiteRun:
    """Roll these routes out, as everybody does."""
    given = folder / "routes.json"
    given.write_text(json.dumps({"homelab_routes": authority.routes(*names)}), encoding="utf-8")
    return run_playbook("-e", f"@{given}", playbook="playbooks/platform.yml")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    """All routes, and nothing kept of them."""
    authority.forget()
    before, made = authority.orders(), authority.records("POST")
    try:
        run = platform(folder, *authority.HOSTS)
        assert run.code == 0, run.output[-3000:]
        yield Served(run, authority.orders() - before, authority.records("POST") - made, authority.root(folder))
    finally:
        back = run_playbook(playbook="playbooks/platform.yml")
        kubectl("delete", "namespace", authority.NAMESPACE, "--ignore-not-found", "--timeout=120s")
        authority.forget()
        assert back.code == 0, back.output[-3000:]


def shaken(name: str, ca: Path) -> str:
    """Return what openssl says of a handshake, once the controller has the certificate."""
    client = Client("users", lab_record().ingress, str(ca))
    end = time.monotonic() + TAKEN_UP_WITHIN_S
    while True:
        told = client.handshake(authority.HOSTS[name].replace("*", "any"))
        if "Verification: OK" in told or time.monotonic() > end:
            return told
        time.sleep(0.5)


def secret(name: str) -> dict[str, str]:
    """Return the data of a route's Secret."""
    found = kubectl_json("--namespace", authority.NAMESPACE, "get", "secret", f"{name}-tls")
    return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}


@pytest.mark.parametrize("name", ["answer", "wildcard"])
def test_the_authority_issues_what_is_served(served: Served, name: str) -> None:
    told = shaken(name, served.ca)
    assert "Verification: OK" in told, told
    assert re.search(r"i:CN ?= ?Pebble Intermediate CA", told), told


def test_a_name_is_proven_by_an_answer_through_the_ingress(served: Served) -> None:
    """Although the route sends http to https: the challenge comes first."""
    asked = [url for url in authority.proven_by_answer() if authority.HOSTS["answer"] in url]
    assert asked, served.run.output[-2000:]
    assert kubectl_json("--namespace", authority.NAMESPACE, "get", "ingresses")["items"] == []


def test_a_wildcard_is_proven_by_a_record_that_goes_again(served: Served) -> None:
    assert served.records >= 1
    end = time.monotonic() + TAKEN_UP_WITHIN_S
    while authority.records("DELETE") < authority.records("POST") and time.monotonic() < end:
        time.sleep(0.5)
    assert authority.records("DELETE") == authority.records("POST")


def test_the_internal_authority_issues_what_is_served(served: Served, folder: Path) -> None:
    found = kubectl_json("--namespace", "cert-manager", "get", "secret", "internal-ca")
    trusted = folder / "internal.pem"
    trusted.write_bytes(base64.b64decode(found["data"]["tls.crt"]))
    told = shaken("internal", trusted)
    assert "Verification: OK" in told, told


def test_each_certificate_is_ordered_once(served: Served) -> None:
    """The brief one may have been renewed by now, which the run does not wait for."""
    assert served.orders in (3, 4)


def test_a_certificate_is_renewed_before_it_expires(served: Served) -> None:
    """It is valid for 75 seconds. At no time is one served that is expired."""
    ends = re.compile(r"NotAfter: (.+ GMT)")
    client = Client("users", lab_record().ingress, str(served.ca))
    first = shaken("brief", served.ca)
    seen, least = {ends.search(first)}, float("inf")
    began = time.monotonic()
    told = {match.group(1) for match in seen if match}
    while len(told) < 2 and time.monotonic() - began < RENEWED_WITHIN_S:
        answer = client.handshake(authority.HOSTS["brief"])
        match = ends.search(answer)
        assert match and "Verification: OK" in answer, answer
        moment = datetime.strptime(match.group(1), "%b %d %H:%M:%S %Y GMT").replace(tzinfo=timezone.utc)
        least = min(least, (moment - datetime.now(timezone.utc)).total_seconds())
        told.add(match.group(1))
        time.sleep(1)
    print(f"renewed after_seconds={time.monotonic() - began:.0f} least_left_seconds={least:.0f}")
    assert len(told) == 2 and least > 0


def test_what_was_issued_is_kept(served: Served) -> None:
    names = {path.name for path in authority.kept().iterdir()}
    assert {f"{authority.NAMESPACE}.{name}-tls.json" for name in ("answer", "wildcard", "brief")} <= names
    assert f"{authority.NAMESPACE}.internal-tls.json" not in names
    assert {"cert-manager.internal-ca.json", "cert-manager.letsencrypt-account.json"} <= names
    assert "PRIVATE KEY" not in served.run.output and secret("answer")["tls.key"] not in served.run.output


def test_runs_after_that_order_and_change_nothing(served: Served, folder: Path) -> None:
    """Without the brief one, whose renewals would be changes."""
    lasting = [name for name in authority.HOSTS if name != "brief"]
    assert platform(folder, *lasting).code == 0
    before = authority.orders()
    again = platform(folder, *lasting)
    assert again.code == 0 and again.changed_tasks() == [], again.changed_tasks()
    assert authority.orders() == before


def test_a_deleted_secret_is_put_back_and_not_ordered(served: Served, folder: Path) -> None:
    """As in a new cluster: no Certificate asks for it before it is there."""
    before, key = authority.orders(), secret("answer")["tls.key"]
    assert platform(folder, "wildcard", "internal").code == 0
    kubectl("--namespace", authority.NAMESPACE, "delete", "secret", "answer-tls")
    run = platform(folder, "wildcard", "internal", "answer")
    assert run.code == 0
    assert {"object": f"v1 Secret {authority.NAMESPACE}/answer-tls", "action": "put back"} in run.changes()["cp1"]
    kubectl(
        "--namespace", authority.NAMESPACE, "wait", "--for=condition=Ready", "certificate/answer-tls", "--timeout=60s"
    )
    assert (authority.orders(), secret("answer")["tls.key"]) == (before, key)
